"""A whole deployment of real processes on loopback, started by `openpcc up` and ended with the test."""

import http.client
import json
import os
import pathlib
import re
import signal
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


class Deployment:
    def __init__(self, folder, *, nodes=3, record=False, engines=(), ttft="5ms", tpot="5ms", environment=None, model=MODEL):
        self.folder = pathlib.Path(folder)
        self.command = [str(BIN / "openpcc"), "up", "--folder", str(self.folder), "--port", "0", "--nodes", str(nodes), "--model", model,
                        "--engine-ttft", ttft, "--engine-tpot", tpot]
        if record:
            self.command.append("--record")
        for engine in engines:
            self.command += ["--engine", engine]
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


def chat_body(prompt="Who can read this?", **fields):
    return {"model": MODEL, "messages": [{"role": "user", "content": prompt}], **fields}


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


def tripped(rule):
    """Notes that a test saw `rule` refuse something, as testkit's EXPECT_RULE does."""
    path = os.environ.get("OPENPCC_RULES_TRIPPED")
    if path:
        with open(path, "a") as out:
            out.write(rule + "\n")
