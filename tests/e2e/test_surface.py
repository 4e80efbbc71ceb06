"""What an application's other calls meet: every dialect's errors, answers that are passed on whole or not at all, and the closed list of paths."""

import http.client
import json
import urllib.parse

import anthropic
import openai
import pytest

from harness import MODEL, SLOW, Stream, chat_body, get


def post(url, path, body, headers=None):
    parts = urllib.parse.urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=30 * SLOW)
    try:
        connection.request("POST", path, body if isinstance(body, bytes) else json.dumps(body), {"content-type": "application/json", **(headers or {})})
        answer = connection.getresponse()
        return answer, answer.read()
    finally:
        connection.close()


@pytest.mark.parametrize("path", ["/metrics", "/v1/files", "/slots", "/v1/responses/resp_1/cancel", "/v1/load_lora_adapter", "/inference/v1/generate"])
def test_no_other_path_of_the_engine_can_be_reached(service, engine, path):
    before = engine.metric('answers_total{status="404"}')
    answer, body = post(service.url, path, {"model": MODEL})
    assert answer.status == 404 and json.loads(body)["error"]["code"] == "node.filter.path"
    assert engine.metric('answers_total{status="404"}') == before


def test_a_model_can_be_asked_for_by_its_name(service):
    client = openai.OpenAI(base_url=service.base_url, api_key="unused", max_retries=0)
    assert client.models.retrieve(MODEL).id == MODEL
    with pytest.raises(openai.NotFoundError):
        client.models.retrieve("other")


def test_anthropics_client_lists_the_models(service):
    client = anthropic.Anthropic(base_url=service.url, api_key="unused", max_retries=0)
    assert [model.id for model in client.models.list()] == [MODEL]


def test_anthropics_client_understands_the_refusals_of_proxy_and_node(service):
    client = anthropic.Anthropic(base_url=service.url, api_key="unused", max_retries=0)
    ask = {"max_tokens": 5, "messages": [{"role": "user", "content": "x"}]}
    with pytest.raises(anthropic.NotFoundError) as refused:
        client.messages.create(model="other", **ask)
    assert refused.value.body["error"]["type"] == "not_found_error"
    remote = {"type": "image", "source": {"type": "url", "url": "https://example.invalid/i.png"}}
    with pytest.raises(anthropic.BadRequestError) as refused:
        client.messages.create(model=MODEL, max_tokens=5, messages=[{"role": "user", "content": [remote]}])
    assert refused.value.body["error"]["type"] == "invalid_request_error"


def test_responses_that_an_engine_would_have_to_keep_are_refused(service):
    client = openai.OpenAI(base_url=service.base_url, api_key="unused", max_retries=0)
    with pytest.raises(openai.BadRequestError) as refused:
        client.responses.create(model=MODEL, input="x", previous_response_id="resp_1")
    assert refused.value.code == "node.filter.state"


@pytest.mark.parametrize("at", [0, 1, 40, 300])
def test_an_answer_that_is_cut_is_one_error_and_never_a_second_execution(service, engine, at):
    """The SDK would repeat a broken connection; the proxy knows that the request was executed, and says so in an answer that is not repeated."""
    client = openai.OpenAI(base_url=service.base_url, api_key="unused", max_retries=2)
    with engine.fault(f"close@{at}"):
        before = engine.metric("answers_aborted_total")
        with pytest.raises(openai.InternalServerError) as refused:
            client.chat.completions.create(model=MODEL, messages=[{"role": "user", "content": "x"}])
        assert refused.value.status_code == 502
        assert engine.metric("answers_aborted_total") == before + 1
    assert refused.value.response.headers["x-should-retry"] == "false"


def test_an_answer_of_json_has_a_length(service):
    answer, body = post(service.url, "/v1/chat/completions", chat_body())
    assert answer.status == 200 and int(answer.getheader("content-length")) == len(body)


def test_a_query_is_the_clients_own_and_stays_here(service):
    answer, _ = post(service.url, "/v1/chat/completions?api-version=2026-01-01", chat_body())
    assert answer.status == 200


def test_an_upload_names_its_model(service):
    status, body = get(service.url + "/v1/models")
    assert status == 200
    form = b'--b\r\ncontent-disposition: form-data; name="file"; filename="a.wav"\r\n\r\nRIFF\r\n--b--\r\n'
    answer, body = post(service.url, "/v1/audio/transcriptions", form, {"content-type": "multipart/form-data; boundary=b"})
    assert answer.status == 400 and json.loads(body)["error"]["code"] == "client.proxy.model"
    answer, body = post(service.url, "/v1/files", form, {"content-type": "multipart/form-data; boundary=b"})
    assert answer.status == 404 and json.loads(body)["error"]["code"] == "client.proxy.path"
    answer, body = post(service.url, "/v1/audio/transcriptions", form[:-4], {"content-type": "multipart/form-data; boundary=b"})
    assert answer.status == 400 and json.loads(body)["error"]["code"] == "form.truncated"


def test_a_stream_that_is_cut_is_told_in_the_apis_words(service, engine):
    with engine.fault("close@600"):
        stream = Stream(service.url, chat_body(stream=True))
        assert not stream.read_to_end()
        assert b"event: error\ndata: {\"error\":" in stream.data and b"[DONE]" not in stream.data
        stream.close()
