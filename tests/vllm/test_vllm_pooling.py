"""A real vLLM that pools: the clients' cells, and whose prefixes it uses."""

import pytest

from client_runs import beyond, client_tests, environment, programs, seen, wav  # noqa: F401  pytest's fixtures
from harness import post
from vllm_server import MODEL

PREFIX = "the quick brown fox jumps over the lazy dog " * 20
QUESTIONS = {
    "/v1/embeddings": {"input": PREFIX},
    "/v1/score": {"text_1": PREFIX, "text_2": ["one"]},
    "/score": {"text_1": PREFIX, "text_2": ["one"]},
    "/v1/rerank": {"query": PREFIX, "documents": ["one"]},
    "/rerank": {"query": PREFIX, "documents": ["one"]},
}

test_client, test_the_document_says_what_was_seen = client_tests({"vllm-pooling": "pooling"})


def hits(engine, url, path):
    """How many tokens came from the cache, by the engine's own counter: these answers do not say."""
    before = engine.metric("prefix_cache_hits_total")
    status, answer = post(url, path, {"model": MODEL, **QUESTIONS[path]})
    assert status == 200, answer
    return engine.metric("prefix_cache_hits_total") - before


@pytest.mark.parametrize("path", QUESTIONS)
def test_asked_directly_it_shares_its_cache(pooling, path):
    hits(pooling.engine, pooling.engine.listen, path)
    assert hits(pooling.engine, pooling.engine.listen, path) >= 512


@pytest.mark.parametrize("path", QUESTIONS)
def test_a_prefix_of_another_user_is_not_served_from_the_cache(pooling, path):
    engine = pooling.engine
    for url in (pooling.url, engine.listen, pooling.url, pooling.url):
        tokens = hits(engine, url, path)
    assert tokens == 0


def test_no_path_is_refused(pooling):
    assert "engine_shares_cache" not in (pooling.folder / "log/node-1.log").read_text()
