"""openpcc doctor: each thing that can be wrong is found, named, and comes with a remedy."""

import base64
import hashlib
import http.server
import json
import re
import subprocess
import threading
import time

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519

from harness import BIN, Deployment, as_production, tripped
from network import Authority, LocalProxy, OutgoingProxy, address, forwarder, free_port

HOUR = 3600


def doctor(proxy, *arguments, environment=None):
    """(exit code, findings) of a configuration; LocalProxy writes it without running it."""
    done = subprocess.run([str(BIN / "openpcc"), "doctor", "--config", str(proxy.config), "-o", "json", *arguments], capture_output=True, text=True,
                          timeout=120, env=proxy.environment | (environment or {}))
    report = json.loads(done.stdout)
    assert (done.returncode, report["outcome"]) in [(0, "ok"), (10, "problem")], done.stderr
    for finding in report["checks"]:
        assert finding["seen"] and (finding["remedy"] or finding["state"] in ("ok", "not_checked") or finding["subject"] == "exceptions"), finding
    return done.returncode, report["checks"]


def found(findings, check, state, subject=""):
    """The one finding of this kind."""
    matching = [f for f in findings if f["check"] == check and f["state"] == state and subject in f["subject"]]
    assert len(matching) == 1, (check, state, findings)
    if matching[0]["rule"]:
        tripped(matching[0]["rule"])
    return matching[0]


def states(findings, check):
    return {f["state"] for f in findings if f["check"] == check}


@pytest.fixture(scope="module")
def relays(deployment):
    return [deployment.state["parties"][name]["listen"] for name in ("relay-1", "relay-2")]


@pytest.fixture
def proxy(tmp_path, deployment, relays):
    return LocalProxy(tmp_path, deployment, relays=relays)


class Relay(http.server.ThreadingHTTPServer):
    """A relay of the test's own: serves these files, and answers requests with 502."""

    daemon_threads = True

    def __init__(self, files):
        class Handler(http.server.BaseHTTPRequestHandler):
            def answer(self, status, body):
                self.send_response(status)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def do_GET(self):
                self.answer(200 if self.path in files else 404, files.get(self.path, b"no such page"))

            def do_POST(self):
                self.close_connection = True
                self.answer(502, b"")

            def log_message(self, *_):
                pass

        super().__init__(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_address[1]}"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.shutdown()
        self.server_close()


def published(deployment, **changes):
    """What relays serve, with members of the bundle changed and signed again by the directory's key."""
    folder = deployment.folder / "bundle"
    bundle, signature = (folder / "bundle").read_bytes(), (folder / "bundle.sig").read_bytes()
    if changes:
        content = json.loads(bundle) | changes
        bundle = json.dumps(content, separators=(",", ":")).encode()
        text = f"openpcc bundle v1\n{content['epoch']}\n{base64.b64encode(hashlib.sha256(bundle).digest()).decode()}\n"
        name, key_id, key = (deployment.folder / "keys/directory").read_text().strip().removeprefix("PRIVATE+KEY+").split("+", 2)
        made = ed25519.Ed25519PrivateKey.from_private_bytes(base64.b64decode(key)[1:]).sign(text.encode())
        signature = f"{text}\n\u2014 {name} {base64.b64encode(bytes.fromhex(key_id) + made).decode()}\n".encode()
    return {"/bundle": bundle, "/bundle.sig": signature}


def policy_with(tmp_path, deployment, pattern, replacement):
    text, count = re.subn(pattern, replacement, open(deployment.state["policy"]).read())
    assert count == 1
    path = tmp_path / "policy.toml"
    path.write_text(text)
    return path


def test_a_healthy_proxy(proxy):
    with proxy:
        proxy.wait_ready()
        code, findings = doctor(proxy, "--ask")
    assert code == 0
    assert {f["check"] for f in findings if f["state"] == "warning"} == {"policy"}, "a development policy is no small thing"
    assert "knows 3 nodes" in found(findings, "listener", "ok")["seen"]
    assert "answered" in found(findings, "question", "ok")["seen"]
    assert len([f for f in findings if f["check"] == "nodes" and f["state"] == "ok"]) == 3
    for check in ("configuration", "roots", "outgoing proxy", "relay", "bundle", "clock", "gateway", "models"):
        assert states(findings, check) == {"ok"}, check


def test_the_report_for_people(proxy):
    done = subprocess.run([str(BIN / "openpcc"), "doctor", "--config", str(proxy.config)], capture_output=True, text=True, env=proxy.environment)
    assert done.returncode == 0
    assert "not checked  question" in done.stdout and "fix" in done.stdout
    assert "Diagnosis: requests can be answered; 3 warnings." in done.stdout
    teaching = subprocess.run([str(BIN / "openpcc"), "doctor", "--help"], capture_output=True, text=True).stdout
    assert "10 a problem" in teaching and "--ask" in teaching
    assert subprocess.run([str(BIN / "openpcc"), "doctor", "--nonsense"], capture_output=True).returncode == 2


def test_the_configuration_comes_first(proxy):
    for text, rule in [(None, "daemon.config.read"), ("relay = 1\n", "daemon.config.unknown"), ("relays = 1\n", "daemon.config.value"),
                       ("", "daemon.config.missing"), ("=\n", "daemon.config.syntax"),
                       ('relays = []\npolicy = "x"\n', "proxy.relays.none"),
                       ('listen = "http://0.0.0.0:1"\nrelays = ["https://a"]\npolicy = "x"\n', "proxy.listen.key")]:
        proxy.config.unlink(missing_ok=True)
        if text is not None:
            proxy.config.write_text(text)
        code, findings = doctor(proxy)
        assert code == 10 and found(findings, "configuration", "problem")["rule"] == rule
        assert {f["state"] for f in findings[1:]} == {"not_checked"}


def test_files_that_the_configuration_names(tmp_path, deployment, relays):
    proxy = LocalProxy(tmp_path, deployment, relays=relays[:1], policy=tmp_path / "absent", api_key_file=f'"{tmp_path}/absent"')
    code, findings = doctor(proxy)
    assert code == 10
    assert found(findings, "policy", "problem")["rule"] == "app.file.read"
    assert found(findings, "configuration", "problem", "api_key_file")["rule"] == "daemon.secret.read"
    assert "one relay alone" in found(findings, "configuration", "warning", "relays")["seen"]
    assert states(findings, "relay") == {"ok"}
    for check in ("bundle", "clock", "nodes"):
        assert states(findings, check) == {"not_checked"}


def test_policies(tmp_path, deployment, relays):
    broken = LocalProxy(tmp_path / "broken", deployment, relays=relays, policy=policy_with(tmp_path, deployment, "min_tcb = 1", "min_tcb = -1"))
    assert found(doctor(broken)[1], "policy", "problem")["rule"] == "policy.parse.value"
    (tmp_path / "policy.toml").write_text(as_production(open(deployment.state["policy"]).read()))
    production = LocalProxy(tmp_path / "production", deployment, relays=relays, policy=tmp_path / "policy.toml")
    code, findings = doctor(production)
    assert code == 10 and "production" in [f for f in findings if f["check"] == "policy"][0]["seen"]
    assert states(findings, "nodes") == {"problem"}, "simulated evidence was accepted"


def test_relays_that_cannot_be_reached(tmp_path, deployment, relays):
    with Relay({}) as other:
        dead = f"http://127.0.0.1:{free_port()}"
        proxy = LocalProxy(tmp_path, deployment, relays=[dead, "http://relay.invalid", other.url, relays[0]])
        code, findings = doctor(proxy)
    assert code == 10
    refused = found(findings, "relay", "problem", dead)
    assert refused["rule"] == "http.client.connect" and "refused" in refused["seen"] and "directly" in refused["seen"]
    assert "name is unknown" in found(findings, "relay", "problem", "relay.invalid")["seen"]
    assert found(findings, "relay", "problem", other.url)["rule"] == "client.relay.fetch"
    assert found(findings, "relay", "ok")["subject"].startswith(relays[0])
    assert states(findings, "bundle") == {"ok"}


def test_no_relay_at_all(tmp_path, deployment):
    code, findings = doctor(LocalProxy(tmp_path, deployment, relays=[f"http://127.0.0.1:{free_port()}"]))
    assert code == 10
    for check in ("bundle", "clock", "gateway", "nodes", "models", "question"):
        assert states(findings, check) == {"not_checked"}


def test_the_outgoing_proxy(tmp_path, deployment, relays):
    with OutgoingProxy({"relay.example:80": address(relays[0])}, "Basic bWU6cmlnaHQ=") as outgoing:
        environment = {"HTTP_PROXY": outgoing.url.replace("//", "//me:hunter2@")}
        proxy = LocalProxy(tmp_path, deployment, relays=["http://relay.example"], environment=environment)
        code, findings = doctor(proxy)
        refused = found(findings, "relay", "problem")
        assert code == 10 and refused["rule"] == "http.client.proxy" and "407" in refused["seen"] and "HTTP_PROXY" in refused["seen"]
        assert "hunter2" not in json.dumps(findings)
        code, findings = doctor(proxy, environment={"HTTP_PROXY": outgoing.url.replace("//", "//me:right@")})
        assert code == 0 and f"through {outgoing.url} (HTTP_PROXY)" in found(findings, "relay", "ok")["seen"]
        code, findings = doctor(proxy, environment={"HTTP_PROXY": "socks5://me:hunter2@127.0.0.1"})
        assert code == 10 and found(findings, "outgoing proxy", "problem")["rule"] == "http.proxy.url"
        assert "hunter2" not in json.dumps(findings)


def test_the_wrong_authority_is_named(tmp_path, deployment, relays):
    root, interceptor = Authority(tmp_path, "root of the web"), Authority(tmp_path, "interceptor of the organisation")
    with forwarder(address(relays[0]), interceptor.server("relay.example")) as front, \
            OutgoingProxy({"relay.example:443": ("127.0.0.1", front.port)}) as outgoing:
        proxy = LocalProxy(tmp_path / "p", deployment, relays=["https://relay.example"],
                           environment={"SSL_CERT_FILE": str(root.pem), "ALL_PROXY": outgoing.url})
        code, findings = doctor(proxy)
        refused = found(findings, "relay", "problem")
        assert code == 10 and refused["rule"] == "http.client.tls"
        assert "interceptor of the organisation" in refused["seen"] and f"SSL_CERT_FILE {root.pem}" in refused["seen"]
        assert "SSL_CERT_FILE" in refused["remedy"]
        code, findings = doctor(proxy, environment={"SSL_CERT_FILE": str(interceptor.pem)})
        assert code == 0 and states(findings, "relay") == {"ok"}
        code, findings = doctor(proxy, environment={"SSL_CERT_FILE": "/nowhere"})
        assert code == 10 and found(findings, "roots", "problem")["rule"] == "daemon.tls.read"
        for check in ("relay", "bundle", "clock", "nodes"):
            assert states(findings, check) == {"not_checked"}


def test_a_clock_that_is_slow(proxy):
    code, findings = doctor(proxy, "--at", time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - 2 * HOUR)))
    assert code == 10
    assert {f["rule"] for f in findings if f["check"] == "bundle"} == {"directory.bundle.early"}
    slow = found(findings, "clock", "problem")
    assert "at least 119 min slow" in slow["seen"] or "at least 2 h slow" in slow["seen"], slow


def test_a_clock_that_is_ahead_looks_like_an_old_bundle(proxy):
    code, findings = doctor(proxy, "--at", str(int(time.time()) + 48 * HOUR))
    assert code == 10
    assert {f["rule"] for f in findings if f["check"] == "bundle"} == {"directory.bundle.expired"}
    assert "not provable" in found(findings, "clock", "warning")["seen"]


def test_another_deployments_policy(tmp_path, deployment, relays):
    with Deployment(tmp_path / "other", nodes=1) as other:
        code, findings = doctor(LocalProxy(tmp_path, deployment, relays=relays[:1], policy=other.state["policy"]))
    assert code == 10 and found(findings, "bundle", "problem")["rule"] == "note.verify.unsigned"
    policy = policy_with(tmp_path, deployment, 'deployment = ".*"', 'deployment = "elsewhere.example"')
    code, findings = doctor(LocalProxy(tmp_path, deployment, relays=relays[:1], policy=policy))
    assert code == 10 and found(findings, "bundle", "problem")["rule"] == "directory.bundle.deployment"


def test_nodes_that_the_policy_refuses(tmp_path, deployment, relays):
    policy = policy_with(tmp_path, deployment, r'releases = \["\w{64}"\]\nrequire', f'releases = ["{"0" * 64}"]\nrequire')
    code, findings = doctor(LocalProxy(tmp_path, deployment, relays=relays, policy=policy))
    nodes = [f for f in findings if f["check"] == "nodes"]
    assert code == 10 and len(nodes) == 3
    for node in nodes:
        assert node["state"] == "problem" and node["rule"] and node["remedy"] and "release" in node["seen"]
    assert "no accepted node" in found(findings, "models", "problem")["seen"]
    assert states(findings, "question") == {"not_checked"}


def test_too_few_nodes(tmp_path, deployment, relays):
    code, findings = doctor(LocalProxy(tmp_path, deployment, relays=relays, recipients=4))
    assert code == 10 and found(findings, "models", "problem")["rule"] == "directory.draw.too_few"


def test_no_nodes(tmp_path, deployment):
    with Relay(published(deployment, nodes=[])) as relay:
        code, findings = doctor(LocalProxy(tmp_path, deployment, relays=[relay.url]))
    assert code == 10 and "lists none" in found(findings, "nodes", "problem")["seen"]


def test_relays_that_disagree(tmp_path, deployment):
    epoch = json.loads(published(deployment)["/bundle"])["epoch"] + 5
    with Relay(published(deployment, epoch=epoch)) as one, Relay(published(deployment, epoch=epoch, relays=["https://a"])) as fork, \
            Relay(published(deployment, epoch=epoch - 1)) as lagging:
        code, findings = doctor(LocalProxy(tmp_path / "fork", deployment, relays=[one.url, fork.url]))
        assert code == 10 and found(findings, "bundle", "problem", fork.url)["rule"] == "directory.fork"
        code, findings = doctor(LocalProxy(tmp_path / "lag", deployment, relays=[one.url, lagging.url]))
        assert code == 0 and found(findings, "bundle", "warning", lagging.url)["rule"] == "directory.rollback"


def test_a_gateway_without_a_key_for_us(tmp_path, deployment):
    gateway = json.loads(published(deployment)["/bundle"])["gateway"]
    # Key 1, X25519, HKDF-SHA256 with AES-128-GCM (RFC 9458 s3): well formed, and not post-quantum.
    config = bytes([1, 0, 0x20]) + bytes(range(32)) + bytes([0, 4, 0, 1, 0, 1])
    gateway["ohttp_keys"] = base64.b64encode(len(config).to_bytes(2, "big") + config).decode()
    with Relay(published(deployment, gateway=gateway)) as relay:
        code, findings = doctor(LocalProxy(tmp_path, deployment, relays=[relay.url]))
    problem = [f for f in findings if f["check"] == "gateway" and f["state"] == "problem"][0]
    assert code == 10 and problem["rule"] == "client.gateway_key", problem


def test_a_question_that_is_not_answered(tmp_path, deployment):
    with Relay(published(deployment)) as relay:
        code, findings = doctor(LocalProxy(tmp_path, deployment, relays=[relay.url]), "--ask")
    assert code == 10 and found(findings, "question", "problem")["rule"] == "client.relay.status"


def test_who_answers_where_applications_connect(tmp_path, deployment, relays):
    proxy = LocalProxy(tmp_path, deployment, relays=relays)
    code, findings = doctor(proxy)
    assert code == 0 and "not running" in found(findings, "listener", "warning")["seen"]
    with Relay({"/openpcc/verdict": b"{}"}) as stranger:
        stolen = LocalProxy(tmp_path / "stolen", deployment, relays=relays, listen=stranger.url + "/")
        stolen.config.write_text(stolen.config.read_text().replace(stolen.listen, stranger.url))
        code, findings = doctor(stolen)
    assert code == 10 and "another program" in found(findings, "listener", "problem")["seen"]


def test_a_proxy_with_another_key(tmp_path, deployment, relays):
    key = tmp_path / "key"
    key.write_text("one")
    key.chmod(0o600)
    with LocalProxy(tmp_path, deployment, relays=relays, api_key_file=f'"{key}"') as proxy:
        proxy.wait_ready()
        assert found(doctor(proxy)[1], "listener", "ok")
        key.write_text("two")
        code, findings = doctor(proxy)
    assert code == 10 and found(findings, "listener", "problem")["rule"] == "client.proxy.key"


def test_the_configuration_of_the_user_is_the_default(tmp_path, proxy):
    folder = tmp_path / "openpcc"
    folder.mkdir()
    (folder / "proxy.toml").write_text(proxy.config.read_text())
    done = subprocess.run([str(BIN / "openpcc"), "doctor"], capture_output=True, text=True, env=proxy.environment | {"XDG_CONFIG_HOME": str(tmp_path)})
    assert done.returncode == 0 and str(folder / "proxy.toml") in done.stdout
