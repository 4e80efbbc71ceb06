"""The command line: what it writes, how it ends, and what it says when something is wrong."""

import http.server
import json
import os
import stat
import subprocess
import threading

from harness import BIN, MODEL, Deployment, as_production, chat_body, tripped, wait_until


def run(*arguments, program="openpcc", stdin=None, **environment):
    return subprocess.run([str(BIN / program), *map(str, arguments)], input=stdin, capture_output=True, text=True, timeout=120,
                          env=os.environ | environment)


def refused(done, rule, code):
    assert done.returncode == code, done.stdout + done.stderr
    assert rule in done.stderr, done.stderr
    tripped(rule)


def test_help_teaches(tmp_path):
    assert "openpcc up" in run("--help").stdout
    for command in (["up"], ["chat"], ["verify"], ["keygen"], ["seal"], ["open"], ["doctor"], ["policy", "lint"], ["proxy"], ["directory", "build"]):
        done = run(*command, "--help")
        assert done.returncode == 0 and len(done.stdout) > 200, command


def test_version_as_json():
    assert json.loads(run("version", "-o", "json").stdout)["envelope"] == 1


def test_usage_errors_exit_with_2():
    assert run("nonsense").returncode == 2
    assert run("keygen", "gateway").returncode == 2
    refused(run("keygen", "house", "--out", "x"), "keygen.kind", 2)


def test_keygen_writes_a_secret_once(tmp_path):
    key = tmp_path / "beacon.key"
    done = run("keygen", "beacon", "--name", "example.org/beacon", "--out", key, "-o", "json")
    assert done.returncode == 0
    assert json.loads(done.stdout)["public_key"].startswith("example.org/beacon+")
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    before = key.read_bytes()
    refused(run("keygen", "beacon", "--name", "example.org/beacon", "--out", key), "app.file.exists", 1)
    assert key.read_bytes() == before
    refused(run("keygen", "gateway", "--out", tmp_path / "no" / "folder"), "app.file.write", 1)


def test_proxy_listens_beyond_loopback_only_with_a_key(tmp_path):
    refused(run("proxy", "--listen", "http://0.0.0.0:0", "--relays", "http://127.0.0.1:1", "--policy", "x"), "proxy.listen.key", 2)


def test_proxy_reaches_relays_beyond_this_machine_by_https_only(deployment, tmp_path):
    production = tmp_path / "production.toml"
    production.write_text(as_production(open(deployment.state["policy"]).read()))
    refused(run("proxy", "--relays", "http://relay.example", "--policy", production), "proxy.relays.plain", 1)


def test_a_policy_of_simulated_tees_is_good_for_this_machine_alone(deployment):
    refused(run("proxy", "--relays", "https://relay.example", "--policy", deployment.state["policy"]), "proxy.policy.simulated", 1)


def test_proxy_needs_a_relay():
    refused(run("proxy", "--relays", "[]", "--policy", "x"), "proxy.relays.none", 2)


def test_https_listener_needs_its_files(tmp_path):
    refused(run("--listen", "https://127.0.0.1:0", "--gateway", "http://127.0.0.1:1", program="openpcc-relay"), "daemon.tls.missing", 1)
    refused(run("--listen", "https://127.0.0.1:0", "--gateway", "http://127.0.0.1:1", "--tls-chain-file", tmp_path / "none",
                "--tls-key-file", tmp_path / "none", program="openpcc-relay"), "daemon.tls.read", 1)


def test_verify_exit_codes(deployment, tmp_path):
    policy = deployment.state["policy"]
    bundle = deployment.folder / "bundle" / "bundle"
    done = run("verify", bundle, "--policy", policy, "--explain")
    assert done.returncode == 3, done.stdout
    assert "SIMULATED" in done.stdout and "not provable" in done.stdout
    verdicts = json.loads(run("verify", bundle, "--policy", policy, "-o", "json").stdout)
    assert len(verdicts) == 3

    garbage = tmp_path / "garbage"
    garbage.write_bytes(b"\x00\x01")
    assert run("verify", garbage, "--policy", policy).returncode == 30
    assert run("verify", bundle, "--policy", policy, "--at", "1000").returncode == 10
    for demand in (["--nonce", "00" * 32], ["--report-data", "00" * 64], ["--measurement", "00" * 48]):
        refused(run("verify", bundle, "--policy", policy, *demand), "app.verify.node", 2)

    production = tmp_path / "production.toml"
    production.write_text(as_production(open(policy).read()))
    assert run("verify", bundle, "--policy", production).returncode == 10, "a production policy accepted simulated evidence"
    refused(run("verify", tmp_path / "absent", "--policy", tmp_path / "absent"), "app.file.read", 1)
    large = tmp_path / "large.toml"
    large.write_bytes(b" " * (2 << 20))
    refused(run("verify", bundle, "--policy", large), "app.file.too_large", 1)


def test_chat_streams_an_answer(deployment):
    done = run("chat", "--proxy", deployment.url, "Who can read this?")
    assert done.returncode == 0, done.stderr
    assert "demo engine" in done.stdout
    refused(run("chat", "--proxy", deployment.url, "--model", "other", "x"), "chat.refused", 1)
    done = run("chat", "--proxy", "http://127.0.0.1:1", "x")
    assert done.returncode == 1 and "openpcc up" in done.stderr


def test_chat_says_when_nothing_is_served():
    class NoModels(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.send_header("content-length", "27")
            self.end_headers()
            self.wfile.write(b'{"object":"list","data":[]}')

        def log_message(self, *_):
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), NoModels) as server:
        threading.Thread(target=server.handle_request, daemon=True).start()
        refused(run("chat", "--proxy", f"http://127.0.0.1:{server.server_port}", "x"), "chat.no_model", 1)


def test_up_says_when_it_cannot_have_its_ports(tmp_path):
    few = subprocess.run(["sh", "-c", 'ulimit -n 24; exec "$@"', "sh", BIN / "openpcc", "up", "--folder", tmp_path, "--port", "0"],
                         capture_output=True, text=True, timeout=120)
    refused(few, "up.ports", 1)


def test_seal_and_open_need_their_files(deployment, tmp_path):
    request = tmp_path / "request.json"
    request.write_text(json.dumps(chat_body()))
    sealed, state = tmp_path / "sealed", tmp_path / "state"
    bundle = deployment.folder / "bundle" / "bundle"
    done = run("seal", request, "--bundle", bundle, "--policy", deployment.state["policy"], "--out", sealed, "--state", state)
    assert done.returncode == 0, done.stderr
    assert stat.S_IMODE(state.stat().st_mode) == 0o600
    assert sealed.read_bytes()[0] == 1 and b"Who can read this" not in sealed.read_bytes()
    answer = tmp_path / "answer"
    answer.write_bytes(bytes(33 + 1 + 256 + 16))
    assert run("open", answer, "--state", state).returncode == 10, "an answer made up by somebody else"
    answer.write_bytes(bytes(400))
    assert run("open", answer, "--state", state).returncode == 30, "not an answer at all"


def test_daemons_print_their_configuration(deployment):
    done = run("--config", deployment.folder / "config" / "gateway.toml", "--print-config", program="openpcc-gateway")
    assert done.returncode == 0 and "authority" in done.stdout
    done = run("--config", deployment.folder / "config" / "gateway.toml", "--print-config", program="openpcc-gateway", OPENPCC_AUTHORITY="other")
    assert '"other"' in done.stdout


def test_node_for_real_hardware_says_what_is_missing(deployment):
    done = run("--config", deployment.folder / "config" / "node-1.toml", program="openpcc-node")
    assert done.returncode != 0


def test_up_says_which_party_did_not_start(tmp_path):
    engine_that_is_not_there = "http://127.0.0.1:1"
    process = subprocess.Popen([str(BIN / "openpcc"), "up", "--folder", str(tmp_path / "up"), "--port", "0", "--engine", engine_that_is_not_there],
                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        output, _ = process.communicate(timeout=120)
    finally:
        process.kill()
    assert process.returncode == 1
    assert "did not become ready" in output


def test_up_ends_everything_that_it_started(tmp_path):
    with Deployment(tmp_path / "up", nodes=1) as running:
        pids = [running.pid(party) for party in running.state["parties"]]
        assert all(pids)
        assert running.state["proxy"].startswith("http://127.0.0.1:") and MODEL
    wait_until(lambda: not any(alive(pid) for pid in pids), 10, "every program has ended")


def alive(pid):
    try:
        return open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False
