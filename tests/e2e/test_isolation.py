"""No user's prompt is served from what another's left in an engine's cache: with a real llama.cpp server whose prompt cache is on."""

import anthropic
import openai
import pytest

from harness import SHARING, Deployment, LlamaEngine, cached_tokens, llama_engine, post

pytestmark = [pytest.mark.once, pytest.mark.required]

MODEL = LlamaEngine.MODEL
PREFIX = "the quick brown fox jumps over the lazy dog " * 60  # over 512 tokens for any tokenizer
QUESTIONS = {
    "/v1/chat/completions": {"messages": [{"role": "user", "content": PREFIX}], "max_tokens": 1},
    "/v1/completions": {"prompt": PREFIX, "max_tokens": 1},
    "/v1/responses": {"input": PREFIX, "max_output_tokens": 1},
    "/v1/messages": {"messages": [{"role": "user", "content": PREFIX}], "max_tokens": 1},
}
KEPT_APART = ["/v1/chat/completions", "/v1/completions", "/v1/responses"]


@pytest.fixture(scope="module")
def engine(tmp_path_factory):
    with llama_engine(tmp_path_factory.mktemp("sharing-engine"), SHARING) as running:
        yield running


@pytest.fixture(scope="module")
def sharing(tmp_path_factory, engine):
    with Deployment(tmp_path_factory.mktemp("sharing"), nodes=1, engines=[engine.listen], engine_kind="llama.cpp", model=MODEL) as running:
        yield running


def cached(url, path):
    status, answer = post(url, path, {"model": MODEL, **QUESTIONS[path]})
    assert status == 200, answer
    return cached_tokens(answer)


@pytest.mark.parametrize("path", QUESTIONS)
def test_asked_directly_the_engine_shares_its_cache(engine, path):
    """Or the tests below would show nothing."""
    cached(engine.listen, path)
    assert cached(engine.listen, path) > 512


@pytest.mark.parametrize("path", KEPT_APART)
def test_a_prefix_of_another_user_is_not_served_from_the_cache(sharing, engine, path):
    cached(sharing.url, path)
    assert cached(sharing.url, path) == 0
    cached(engine.listen, path)  # even one that stands in the cache
    assert cached(sharing.url, path) == 0


def test_a_path_on_which_the_engine_shares_is_refused(sharing):
    """llama.cpp drops cache_prompt where it turns Anthropic's request into its own."""
    client = anthropic.Anthropic(base_url=sharing.url, api_key="unused", max_retries=0)
    with pytest.raises(anthropic.APIStatusError) as refused:
        client.messages.create(model=MODEL, max_tokens=1, messages=[{"role": "user", "content": "x"}])
    assert refused.value.status_code == 501 and refused.value.body["error"]["code"] == "node.filter.shared_cache"
    assert openai.OpenAI(base_url=sharing.base_url, api_key="unused").chat.completions.create(
        model=MODEL, max_tokens=1, messages=[{"role": "user", "content": "x"}]).choices
    assert "engine_shares_cache" in (sharing.folder / "log/node-1.log").read_text()
