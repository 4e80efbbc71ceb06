"""Opting into a shared prefix cache: which requests an engine could tell belong together, and at which node, from recorded connections."""

import json
import sys

import openai
import pytest

from harness import MODEL, ROOT, Deployment

sys.path.insert(0, str(ROOT / "tools"))
import captures  # noqa: E402

pytestmark = pytest.mark.once

GREETING = [{"role": "user", "content": "hello"}]
LATER = GREETING + [{"role": "assistant", "content": "good day"}, {"role": "user", "content": "and then"}]
ASKED = [("conversation", GREETING), ("conversation", LATER), ("conversation", LATER), ("conversation", [{"role": "user", "content": "another"}]),
         ("day", GREETING), ("day", LATER), ("day", LATER), ("none", GREETING), ("none", GREETING)]


@pytest.fixture(scope="module")
def seen(tmp_path_factory):
    """For each question, in order: which engine was asked, and the salt that it was given."""
    folder = tmp_path_factory.mktemp("scopes")
    with Deployment(folder, record=True) as running:
        client = openai.OpenAI(base_url=running.base_url, api_key="unused", max_retries=0)
        for n, (cache, messages) in enumerate(ASKED):
            client.chat.completions.create(model=MODEL, messages=messages, max_tokens=1, seed=n, extra_headers={"openpcc-cache": cache})
        with pytest.raises(openai.BadRequestError) as refused:
            client.chat.completions.create(model=MODEL, messages=GREETING, extra_headers={"openpcc-cache": "forever"})
        assert refused.value.code == "client.proxy.cache"
    found = {}
    for hop, exchanges in captures.read(folder / "capture").items():
        if hop.startswith("engine"):
            for exchange in exchanges:
                body = json.loads(exchange.request.body) if exchange.request.start.startswith("POST") else {}
                if "seed" in body:
                    found[body["seed"]] = (hop, body["cache_salt"])
    assert sorted(found) == list(range(len(ASKED)))
    return [found[n] for n in range(len(ASKED))]


def test_a_conversation_keeps_its_salt_and_its_node(seen):
    assert seen[0] == seen[1] == seen[2]
    assert seen[3][1] != seen[0][1]


def test_a_day_keeps_its_salt_and_its_node(seen):
    assert seen[4] == seen[5] == seen[6]
    assert seen[4][1] != seen[0][1]


def test_by_default_no_two_salts_are_the_same(seen):
    salts = [salt for _, salt in seen]
    assert len({salts[0], salts[3], salts[4], salts[7], salts[8]}) == 5
    assert all(len(salt) == 64 for salt in salts)
