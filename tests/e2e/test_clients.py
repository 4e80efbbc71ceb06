"""The base URL is all that an application changes: the clients that people use, through the whole private path, to two engines.

A client is a process of its own (tests/clients/) that does one check after the other as this test asks for them; clients.py says which.
"""

import json
import os
import re
import select
import socket
import subprocess
import sys
import wave

import openai
import pytest

import clients
from harness import MODEL, ROOT, Deployment, faulty_engine, get

pytestmark = pytest.mark.once

PROGRAMS = ROOT / "tests/clients"
EXAMPLES = ROOT / "examples"
DOCUMENT = (ROOT / "docs/clients.md").read_text()
ANSWER_TIMEOUT_S = 90


class Beyond:
    """The proxy that the clients' environment names for everything but loopback: nobody may come."""

    def __init__(self):
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.socket.getsockname()[1]}"

    def asked(self):
        return bool(select.select([self.socket], [], [], 0)[0])


@pytest.fixture(scope="module")
def beyond():
    listening = Beyond()
    yield listening
    assert not listening.asked(), "a client wanted to connect beyond loopback"
    listening.socket.close()


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    with faulty_engine(tmp_path_factory.mktemp("demo-engine"), ttft="1ms", tpot="1ms") as engine:
        with Deployment(tmp_path_factory.mktemp("demo"), nodes=1, engines=[engine.listen]) as deployment:
            deployment.model, deployment.engine = MODEL, engine
            yield deployment


@pytest.fixture(scope="module")
def targets(demo, llama):
    return {"demo": demo, "llama.cpp": llama}


@pytest.fixture(scope="module")
def wav(tmp_path_factory):
    """A tenth of a second of silence."""
    path = tmp_path_factory.mktemp("upload") / "silence.wav"
    with wave.open(str(path), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(16000)
        out.writeframes(bytes(3200))
    return path


@pytest.fixture(scope="module")
def environment(tmp_path_factory, beyond):
    """Nothing of the user's own settings, no telemetry, and no way out."""
    variables = {"PATH": os.environ["PATH"], "HOME": str(tmp_path_factory.mktemp("home")), "LANG": "C.UTF-8", "DO_NOT_TRACK": "1",
                 "LITELLM_LOCAL_MODEL_COST_MAP": "True", "NO_PROXY": "127.0.0.1", "NODE_USE_ENV_PROXY": "1"}
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        variables[name] = variables[name.lower()] = beyond.url
    return variables


def interpreter(client):
    about = clients.CLIENTS[client]
    if about.program.endswith(".mjs"):
        return os.environ["OPENPCC_NODE"]
    return os.environ[about.python] if about.python else sys.executable


class Program:
    """A running client."""

    def __init__(self, client, target, wav, environment):
        command = [interpreter(client), PROGRAMS / clients.CLIENTS[client].program, target.url, target.model, wav]
        self.process = subprocess.Popen(command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def check(self, name):
        self.process.stdin.write(name + "\n")
        self.process.stdin.flush()
        assert select.select([self.process.stdout], [], [], ANSWER_TIMEOUT_S)[0], "the client does not come to an end"
        line = self.process.stdout.readline()
        assert line, "the client ended"
        return json.loads(line)

    def close(self):
        self.process.stdin.close()
        try:
            self.process.wait(timeout=20)
        finally:
            self.process.kill()


@pytest.fixture(scope="module")
def programs(targets, wav, environment):
    """Starts a client when it is first asked for; one runs at a time."""
    running = {}

    def get(client, engine):
        if (client, engine) not in running:
            for other in running.values():
                other.close()
            running.clear()
            running[client, engine] = Program(client, targets[engine], wav, environment)
        return running[client, engine]

    yield get
    for program in running.values():
        program.close()


def runnable(client, target, folder):
    """A client's example with the one line changed that everybody changes, and the model's name."""
    source = EXAMPLES / clients.CLIENTS[client].example_file
    text = source.read_text()
    assert "http://127.0.0.1:8787" in text and MODEL in text
    copy = folder / source.name
    copy.write_text(text.replace("http://127.0.0.1:8787", target.url).replace(MODEL, target.model))
    (folder / "node_modules").symlink_to(PROGRAMS / "node_modules")
    return copy


def run_example(client, target, folder, environment):
    file = runnable(client, target, folder)
    program = "sh" if file.suffix == ".sh" else interpreter(client)
    done = subprocess.run([program, file], env=environment, capture_output=True, text=True, timeout=ANSWER_TIMEOUT_S)
    assert done.returncode == 0 and len(done.stdout) > 10, done.stderr


def requests_of(target):
    return target.metrics("proxy")["openpcc_requests_total"]


def run_cancel(program, target, check):
    with target.engine.endless() as stopped:
        outcome = program.check(check)
        assert outcome["passed"], outcome
        stopped()


def run_retries(client, program, target, check):
    before = requests_of(target)
    with target.engine.fault("error"):
        outcome = program.check(check)
    assert outcome["passed"], outcome
    assert requests_of(target) - before == clients.CLIENTS[client].executions


def run_check(program, target, engine, check):
    refusal = clients.REFUSALS.get((engine, check))
    before = requests_of(target)
    outcome = program.check(check)
    if not refusal:
        assert outcome["passed"], outcome
        return
    assert not outcome["passed"], "the engine can do it: it is no refusal any more"
    assert (outcome["status"], refusal.message in outcome["message"]) == (refusal.status, True), outcome
    assert requests_of(target) == before + 1, "one error is one execution"


@pytest.mark.parametrize("client, engine, check", [pytest.param(*cell, id=clients.name_of(*cell)) for cell in clients.cells()])
def test_client(client, engine, check, programs, targets, environment, beyond, tmp_path):
    target = targets[engine]
    if check == "example":
        run_example(client, target, tmp_path, environment)
    elif check.endswith("cancel"):
        run_cancel(programs(client, engine), target, check)
    elif check.endswith("retries"):
        run_retries(client, programs(client, engine), target, check)
    else:
        run_check(programs(client, engine), target, engine, check)
    assert not beyond.asked(), "it wanted to connect beyond loopback"


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
    assert {path.name for path in EXAMPLES.iterdir()} == {about.example_file for about in clients.CLIENTS.values()}


def test_the_document_has_the_tables():
    for text in (*(clients.table(engine) for engine in clients.ENGINES), clients.refusals(), clients.unsupported()):
        assert text in DOCUMENT, f"docs/clients.md: python3 tests/e2e/clients.py prints\n{text}"


def test_a_cell_that_the_document_names_is_run():
    named = re.findall(r"\./dev test e2e -k (\S+?)`", DOCUMENT)
    assert named and set(named) <= {clients.name_of(*cell) for cell in clients.cells()}
