"""The base URL is all that an application changes: the clients that people use, through the whole private path, to the demo engine and to
llama.cpp. tests/vllm/ does the same with vLLM."""

import json
import re

import openai
import pytest

import clients
from client_runs import DOCUMENT, EXAMPLES, beyond, client_tests, environment, programs, seen, wav  # noqa: F401  pytest's fixtures
from harness import MODEL, Deployment, faulty_engine, get

pytestmark = pytest.mark.once


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    with faulty_engine(tmp_path_factory.mktemp("demo-engine"), ttft="1ms", tpot="1ms") as engine:
        with Deployment(tmp_path_factory.mktemp("demo"), nodes=1, engines=[engine.listen]) as deployment:
            deployment.model, deployment.engine = MODEL, engine
            yield deployment


test_client, test_the_document_says_what_was_seen = client_tests({"demo": "demo", "llama.cpp": "llama"})


def unsupported_calls(client, deployment):
    """By what clients.UNSUPPORTED calls them."""
    image = [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "https://example.invalid/i.png"}}]}]
    server = {"type": "mcp", "server_label": "x", "server_url": "https://example.invalid"}

    def websocket():
        status, body = get(deployment.base_url + "/realtime?model=" + MODEL, {"Connection": "Upgrade", "Upgrade": "websocket"})
        return status, json.loads(body)["error"]["code"]

    return dict(zip(clients.UNSUPPORTED, (
        lambda: client.responses.create(model=MODEL, input="x", previous_response_id="resp_1"),
        lambda: client.responses.create(model=MODEL, input="x", conversation="conv_1"),
        lambda: client.responses.create(model=MODEL, input="x", background=True),
        lambda: client.responses.retrieve("resp_1"),
        lambda: client.chat.completions.create(model=MODEL, messages=image),
        lambda: client.responses.create(model=MODEL, input="x", tools=[server]),
        lambda: client.files.create(file=b"x", purpose="batch"),
        lambda: client.files.list(),
        lambda: client.batches.create(input_file_id="file_1", endpoint="/v1/chat/completions", completion_window="24h"),
        websocket,
        lambda: client.fine_tuning.jobs.create(model=MODEL, training_file="file_1"),
        lambda: client.chat.completions.create(model="other", messages=[]),
    ), strict=True))


@pytest.mark.parametrize("what", clients.UNSUPPORTED)
def test_what_is_not_supported_says_so(demo, what):
    client = openai.OpenAI(base_url=demo.base_url, api_key="unused")
    before = demo.engine.metric("requests_total")
    try:
        seen = unsupported_calls(client, demo)[what]()
    except openai.APIStatusError as refused:
        seen = refused.status_code, refused.code
    assert seen == clients.UNSUPPORTED[what][:2]
    assert demo.engine.metric("requests_total") == before


@pytest.mark.parametrize("client", clients.CLIENTS)
def test_the_document_shows_each_example_as_it_runs(client):
    file = EXAMPLES / clients.CLIENTS[client].example_file
    assert f"\n```{ {'.py': 'python', '.mjs': 'js', '.sh': 'sh'}[file.suffix] }\n{file.read_text()}```\n" in DOCUMENT


def test_every_example_is_run():
    elsewhere = {path.name for path in EXAMPLES.glob("verify_platform.*")} | {"policies"}  # by test_c_abi and test_policy
    assert {path.name for path in EXAMPLES.iterdir()} - elsewhere == {about.example_file for about in clients.CLIENTS.values()}


def test_the_document_has_the_tables():
    for text in (*(clients.table(engine) for engine in clients.ENGINES), clients.refusals(), clients.unsupported()):
        assert text in DOCUMENT, f"docs/clients.md: python3 tests/e2e/clients.py prints\n{text}"


def test_a_cell_that_the_document_names_is_run():
    named = set(re.findall(r"\./dev test (e2e|vllm) -k (\S+?)`", DOCUMENT))
    assert {part for part, _ in named} == {"e2e", "vllm"}
    assert named <= {(clients.ENGINES[cell[1]].part, clients.name_of(*cell)) for cell in clients.cells()}


def test_the_tables_have_a_word_for_each_cell_that_is_run_and_no_other():
    assert {cell for engine in clients.ENGINES for cell in clients.documented(DOCUMENT, engine)} == set(clients.cells())
