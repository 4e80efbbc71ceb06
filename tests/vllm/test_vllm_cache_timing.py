"""With a real vLLM: no time tells through the private path what another user asked."""

import cache_timing

LETTERS = 1500  # one token each


def test_asked_directly_the_engine_tells_what_another_user_asked(generating):
    assert cache_timing.probe(generating.engine.listen, generating.model, LETTERS, seed=1, trials=16) >= cache_timing.SIGNAL


def test_through_the_private_path_a_prompt_that_costs_nothing_would_be_seen(generating):
    assert cache_timing.resolution(generating.url, generating.model, LETTERS, seed=2) >= cache_timing.SIGNAL


def test_through_the_private_path_a_salt_that_two_share_is_seen(generating):
    """Two that ask through one proxy, and have said that their prompts may meet (docs/adr/0011)."""
    headers = {"openpcc-cache": "day"}
    assert cache_timing.probe(generating.url, generating.model, LETTERS, seed=4, trials=16, headers=headers) >= cache_timing.SIGNAL


def test_through_the_private_path_nothing_is_told(generating):
    low, high = cache_timing.NO_SIGNAL
    assert low < cache_timing.probe(generating.url, generating.model, LETTERS, seed=3) < high
