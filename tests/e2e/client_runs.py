"""Runs the cells of clients.py: a client, an engine behind the whole private path, one check. Both ./dev test e2e and ./dev test vllm do.

A client is a process of its own (tests/clients/) that does one check after the other as it is asked for them.
"""

import json
import os
import select
import socket
import subprocess
import sys
import wave

import pytest

import clients
from harness import MODEL, ROOT

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
def programs(wav, environment):
    """Starts a client when it is first asked for; one runs at a time."""
    running = {}

    def get(client, target):
        if (client, target.url) not in running:
            for other in running.values():
                other.close()
            running.clear()
            running[client, target.url] = Program(client, target, wav, environment)
        return running[client, target.url]

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
    return "yes"


def run_retries(client, program, target, check):
    before = requests_of(target)
    with target.engine.fault("error"):
        outcome = program.check(check)
    assert outcome["passed"], outcome
    tries = int(requests_of(target) - before)
    assert tries == clients.CLIENTS[client].executions
    return "one error" if tries == 1 else f"{tries} tries"


def run_check(client, program, target, engine, check):
    refusal = clients.REFUSALS.get((engine, check))
    before = requests_of(target)
    outcome = program.check(check)
    if not refusal:
        assert outcome["passed"], outcome
        return "yes"
    assert not outcome["passed"], "the engine can do it: it is no refusal any more"
    assert (outcome["status"], refusal.message in outcome["message"]) == (refusal.status, True), outcome
    sent = clients.CLIENTS[client].chats if check == "chat" else 1
    assert 1 <= requests_of(target) - before <= sent, "one error is one execution"
    return str(outcome["status"])


def run_cell(client, engine, check, target, programs, environment, folder):
    """Returns what was seen, in the words of the document's tables."""
    if check == "example":
        run_example(client, target, folder, environment)
        return "yes"
    program = programs(client, target)
    if check.endswith("cancel"):
        return run_cancel(program, target, check)
    if check.endswith("retries"):
        return run_retries(client, program, target, check)
    return run_check(client, program, target, engine, check)


@pytest.fixture(scope="module")
def seen():
    """What the cells of this run showed."""
    return {}


def client_tests(fixtures):
    """The two tests of a module: each cell of these engines, and the document against what was seen. `fixtures`: where an engine's deployment
    comes from."""

    @pytest.mark.required
    @pytest.mark.parametrize("client, engine, check", [pytest.param(*cell, id=clients.name_of(*cell)) for cell in clients.cells() if cell[1] in fixtures])
    def test_client(client, engine, check, request, programs, environment, beyond, seen, tmp_path):
        target = request.getfixturevalue(fixtures[engine])
        word = run_cell(client, engine, check, target, programs, environment, tmp_path)
        assert not beyond.asked(), "it wanted to connect beyond loopback"
        seen[client, engine, check] = word

    @pytest.mark.required
    def test_the_document_says_what_was_seen(request, seen):
        asked = [item.callspec.params for item in request.session.items if item.module is request.module and item.originalname == "test_client"]
        cells = {(one["client"], one["engine"], one["check"]) for one in asked}
        documented = {cell: word for engine in fixtures for cell, word in clients.documented(DOCUMENT, engine).items()}
        assert seen == {cell: documented.get(cell) for cell in cells}

    return test_client, test_the_document_says_what_was_seen
