"""What the node makes of a real llama.cpp server."""

import pytest

pytestmark = [pytest.mark.once, pytest.mark.required]


def test_its_load_is_read(llama):
    assert llama.metrics("node-1")["openpcc_engine_requests_running"] == 0


def test_with_its_prompt_cache_off_no_path_is_refused(llama):
    assert "engine_shares_cache" not in (llama.folder / "log/node-1.log").read_text()
