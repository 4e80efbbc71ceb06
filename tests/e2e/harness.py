"""A whole deployment of real processes on loopback, started by `openpcc up` and ended with the test."""

import contextlib
import http.client
import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import time
import urllib.parse

ROOT = pathlib.Path(__file__).resolve().parents[2]
BIN = pathlib.Path(os.environ.get("OPENPCC_BIN", ROOT / "build/release/bin"))
MODEL = "openpcc-demo"

# Programs under a sanitizer are slower, never less correct.
SLOW = 5 if os.environ.get("OPENPCC_PRESET") in ("asan", "tsan") else 1

SANITIZER_REPORT = re.compile(r"ERROR: AddressSanitizer|ERROR: LeakSanitizer|WARNING: ThreadSanitizer|runtime error:|internal check failed")


def wait_until(condition, timeout_s, what):
    deadline = time.monotonic() + timeout_s * SLOW
    while time.monotonic() < deadline:
        value = condition()
        if value:
            return value
        time.sleep(0.02)
    raise AssertionError(f"{what}: not within {timeout_s * SLOW} s")


@contextlib.contextmanager
def free_port():
    """A loopback port that stays ours: bound, which keeps the system from giving it away, but not listening, so that a program may."""
    with socket.socket() as holder:
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        holder.bind(("127.0.0.1", 0))
        yield holder.getsockname()[1]


@contextlib.contextmanager
def running(command, log):
    """A process that ends with the test; a sanitizer's report in its log is a failure."""
    with open(log, "wb") as output:
        process = subprocess.Popen([str(word) for word in command], stdout=output, stderr=subprocess.STDOUT)
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(timeout=30 * SLOW)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise
    text = log.read_text(errors="replace")
    assert not SANITIZER_REPORT.search(text), text[-6000:]


def wait_answering(process, log, answers, what):
    def answering():
        assert process.poll() is None, f"{what} ended:\n{log.read_text(errors='replace')}"
        try:
            return answers()
        except OSError:
            return False

    wait_until(answering, 20, f"{what} answers")


class Deployment:
    def __init__(self, folder, *, nodes=3, record=False, engines=(), engine_kind="openai", engine_canary="/v1/chat/completions", ttft="5ms", tpot="5ms", environment=None,
                 model=MODEL):
        self.folder = pathlib.Path(folder)
        self.command = [str(BIN / "openpcc"), "up", "--folder", str(self.folder), "--port", "0", "--nodes", str(nodes), "--model", model,
                        "--engine-ttft", ttft, "--engine-tpot", tpot]
        if record:
            self.command.append("--record")
        for engine in engines:
            self.command += ["--engine", engine, "--engine-kind", engine_kind, "--engine-canary", engine_canary]
        self.environment = os.environ | (environment or {})
        self.process = None

    def __enter__(self):
        self.folder.mkdir(parents=True, exist_ok=True)
        self.output = open(self.folder / "up.log", "wb")
        self.process = subprocess.Popen(self.command, env=self.environment, stdout=self.output, stderr=subprocess.STDOUT)
        try:
            wait_until(lambda: (self.folder / "state.json").exists() or self.process.poll() is not None, 40, "the deployment's start")
            assert self.process.poll() is None, (self.folder / "up.log").read_text()
            self.state = json.loads((self.folder / "state.json").read_text())
        except BaseException:
            self.process.kill()
            self.process.wait()
            raise
        return self

    def __exit__(self, kind, error, trace):
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(timeout=30 * SLOW)
        self.output.close()
        for log in sorted(self.folder.glob("log/*.log")) + [self.folder / "up.log"]:
            report = SANITIZER_REPORT.search(log.read_text(errors="replace"))
            assert not report, f"{log.name}:\n{log.read_text(errors='replace')[-6000:]}"
        if kind is None:
            assert code == 0, (self.folder / "up.log").read_text()

    @property
    def url(self):
        return self.state["proxy"]

    @property
    def base_url(self):
        return self.url + "/v1"

    def admin(self, party, path):
        return get(self.state["parties"][party]["admin"] + path)

    def metrics(self, party):
        status, text = self.admin(party, "/metrics")
        assert status == 200
        values = {}
        for line in text.decode().splitlines():
            if line and not line.startswith("#"):
                name, value = line.rsplit(" ", 1)
                values[name] = float(value)
        return values

    def pid(self, party):
        """The process now behind a party's name: `up` starts a new one when it dies."""
        config = f"{self.folder}/config/{party}.toml"
        for entry in pathlib.Path("/proc").iterdir():
            if entry.name.isdigit():
                try:
                    arguments = (entry / "cmdline").read_bytes().split(b"\0")
                except OSError:
                    continue
                if config.encode() in arguments:
                    return int(entry.name)
        return None

    def kill(self, party):
        os.kill(wait_until(lambda: self.pid(party), 10, f"{party} runs"), signal.SIGKILL)

    def change(self, party, **settings):
        """Starts a party again with some settings of its own."""
        config = self.folder / f"config/{party}.toml"
        config.write_text("".join(f'{key} = "{value}"\n' for key, value in settings.items()) + config.read_text())
        before = self.pid(party)
        self.kill(party)
        wait_until(lambda: self.pid(party) not in (None, before), 10, f"{party} runs again")
        self.wait_ready(party)

    def wait_answering(self):
        """After a restart keys, bundle and connections are new: waits until a question is answered again."""

        def answered():
            stream = Stream(self.url, chat_body(max_tokens=1))
            good = stream.status == 200 and stream.read_to_end()
            stream.close()
            return good

        wait_until(answered, 30, "the deployment answers again")

    def ready(self, party):
        try:
            return self.admin(party, "/readyz")[0] == 200
        except OSError:
            return False

    def wait_ready(self, *parties):
        for party in parties or self.state["parties"]:
            wait_until(lambda p=party: self.ready(p), 20, f"{party} is ready")


def get(url, headers=None):
    parts = urllib.parse.urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=20 * SLOW)
    try:
        connection.request("GET", parts.path + ("?" + parts.query if parts.query else ""), headers=headers or {})
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


class Engine:
    """A demo engine of the test's own, whose faults it may choose while it runs."""

    def __init__(self, listen, admin_port):
        self.listen, self.admin = listen, f"http://127.0.0.1:{admin_port}"

    def control(self, path, body=""):
        parts = urllib.parse.urlsplit(self.admin)
        connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=20 * SLOW)
        connection.request("POST", path, body)
        answer = connection.getresponse()
        text = answer.read().decode()
        connection.close()
        assert answer.status == 200, text
        return text

    def release(self):
        """Lets the one answer that is held go on, once it is held."""
        wait_until(lambda: self.control("/release") == "1\n", 10, "an answer is held")

    @contextlib.contextmanager
    def fault(self, words):
        """For every answer meanwhile; none from before is left."""
        wait_until(lambda: self.metric("requests_running") == 0, 10, "earlier answers end")
        self.control("/fault", words)
        try:
            yield
        finally:
            self.control("/fault", "none")
            self.control("/release")

    @contextlib.contextmanager
    def endless(self):
        """Every answer meanwhile goes on until its client leaves. Yields what waits for that."""
        before = self.metric("cancelled_total")
        with self.fault("hold@6"):
            yield lambda: wait_until(lambda: self.metric("cancelled_total") == before + 1, 10, "the engine stops")

    def metric(self, name):
        text = get(self.admin + "/metrics")[1].decode()
        found = re.search(rf"^openpcc_{re.escape(name)} (\S+)$", text, re.MULTILINE)
        return float(found.group(1)) if found else 0


class LlamaEngine:
    """A llama.cpp server with a model of random weights."""

    MODEL = "random-weights"

    def __init__(self, listen, process):
        self.listen, self.process = listen, process

    def metric(self, name):
        text = get(self.listen + "/metrics")[1].decode()
        return float(re.search(rf"^llamacpp:{re.escape(name)} (\S+)$", text, re.MULTILINE).group(1))

    @contextlib.contextmanager
    def endless(self):
        """As the demo engine's; the model never ends by itself. Yields what waits until the engine works on nothing."""
        before = self.metric("tokens_predicted_total")

        def stopped():
            wait_until(lambda: self.metric("requests_processing") == 0, 10, "the engine stops")
            assert self.metric("tokens_predicted_total") < before + ENDLESS / 2, "it went on after its client had left"

        yield stopped


# What a client demands that will leave: tests/clients/serve.py and serve.mjs.
ENDLESS = 15000


def llama_command(folder, *arguments, size=()):
    """What starts a llama.cpp server; its model is made here. `size`: width and layers, where the model is to take its time."""
    python, programs, model = os.environ["OPENPCC_LLAMA_PYTHON"], ROOT / "tests/engines", folder / "random-weights.gguf"
    if not model.exists():
        subprocess.run([python, programs / "make_model.py", model, *map(str, size)], check=True, timeout=60)
    return [python, str(programs / "llama_server.py"), "--model", str(model), "--alias", LlamaEngine.MODEL, *arguments]


# As operators start it, since the node only switches off the cache of engines that it starts itself.
KEPT_APART = ("--no-cache-prompt", "--metrics", "--embeddings")
SHARING = ("--metrics",)


@contextlib.contextmanager
def llama_engine(folder, arguments=KEPT_APART, size=()):
    command = llama_command(folder, *arguments, size=size)
    with open(folder / "llama.log", "wb") as log:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True)
    try:
        listen = process.stdout.readline().strip()
        assert listen, (folder / "llama.log").read_text(errors="replace")[-3000:]
        yield LlamaEngine(listen, process)
    finally:
        process.terminate()
        process.wait(timeout=30)


@contextlib.contextmanager
def faulty_engine(folder, ttft="10ms", tpot="20ms", *arguments, listen=None):
    listen = listen or f"unix:{folder}/engine.sock"
    with free_port() as admin:
        engine = Engine(listen, admin)
        command = [BIN / "openpcc-demo-engine", "--listen", listen, "--admin-listen", engine.admin, "--ttft", ttft, "--tpot", tpot,
                   "--fault-control", "--drain-timeout", "2s", *arguments]
        log = folder / "engine.log"
        with running(command, log) as process:
            wait_answering(process, log, lambda: get(engine.admin + "/readyz")[0] == 200, "the engine")
            yield engine


def chat_body(prompt="Who can read this?", **fields):
    return {"model": MODEL, "messages": [{"role": "user", "content": prompt}], **fields}


def post(url, path, body, timeout_s=120):
    """Returns the status and the JSON of the answer; 0 and None where there was no whole answer."""
    parts = urllib.parse.urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=timeout_s)
    try:
        connection.request("POST", path, json.dumps(body), {"content-type": "application/json"})
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())
    except (http.client.HTTPException, OSError, ValueError):
        return 0, None
    finally:
        connection.close()


def cached_tokens(answer):
    """How many tokens of its prompt an answer says that the engine took from its cache; None: it does not say."""
    usage = answer["usage"]
    details = usage.get("prompt_tokens_details") or usage.get("input_tokens_details") or {}
    return usage.get("cache_read_input_tokens", details.get("cached_tokens"))


class Stream:
    """One chat completion over a raw connection, so that a test sees exactly how it ends."""

    def __init__(self, url, body, path="/v1/chat/completions", headers=None):
        parts = urllib.parse.urlsplit(url)
        self.connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=30 * SLOW)
        self.connection.request("POST", path, json.dumps(body), {"content-type": "application/json", **(headers or {})})
        self.answer = self.connection.getresponse()
        self.status = self.answer.status
        self.data = b""

    def read_until(self, condition):
        """Reads until condition(data) or the end; True: the condition came first."""
        while not condition(self.data):
            piece = self.answer.read1(65536)
            if not piece:
                return False
            self.data += piece
        return True

    def read_to_end(self):
        """True: the answer ended with its last chunk; False: it was cut."""
        try:
            while piece := self.answer.read1(65536):
                self.data += piece
        except (http.client.HTTPException, OSError):
            return False
        return True

    def close(self):
        self.connection.close()


def as_production(policy):
    """A development policy's text as one of production: without what speaks of simulated machines."""
    text = policy.replace('kind = "development"', 'kind = "production"')
    return re.sub(r"\[roots\]\n(sim.*\n)+|min_(gpu_)?tcb = .*\n", "", text)


def tripped(rule):
    """Notes that a test saw `rule` refuse something, as testkit's EXPECT_RULE does."""
    path = os.environ.get("OPENPCC_RULES_TRIPPED")
    if path:
        with open(path, "a") as out:
            out.write(rule + "\n")
