"""The proxy on a managed machine: through the organisation's HTTP proxy, and with its certificate authority."""

import base64
import subprocess

import pytest

from harness import BIN, Stream, chat_body, tripped, wait_until
from network import CLEAN, Authority, LocalProxy, OutgoingProxy, address, forwarder

RELAY = "relay.example:443"
SECRET = "hunter2-of-the-organisation"


@pytest.fixture(scope="module")
def relay(deployment):
    return address(deployment.state["parties"]["relay-1"]["listen"])


@pytest.fixture
def root(tmp_path):
    return Authority(tmp_path, "root of the web")


@pytest.fixture
def tls_relay(relay, root):
    with forwarder(relay, root.server("relay.example")) as front:
        yield ("127.0.0.1", front.port)


def answers(proxy):
    proxy.wait_ready()
    stream = Stream(proxy.url, chat_body())
    assert stream.read_to_end() and stream.status == 200, stream.data
    stream.close()


def refusal(proxy):
    """What an application is told, which says why the proxy has no bundle."""
    try:
        stream = Stream(proxy.url, chat_body())
    except OSError:
        return ""  # not listening yet
    stream.read_to_end()
    stream.close()
    return stream.data.decode()


def refused_by(proxy, rule):
    wait_until(lambda: rule in refusal(proxy), 20, f"{rule} is told")
    tripped(rule)


def test_through_the_proxy_of_the_environment(tmp_path, deployment, root, tls_relay):
    authorization = "Basic " + base64.b64encode(f"me:{SECRET}".encode()).decode()
    with OutgoingProxy({RELAY: tls_relay}, authorization) as outgoing:
        environment = {"HTTPS_PROXY": outgoing.url.replace("//", f"//me:{SECRET}@"), "SSL_CERT_FILE": str(root.pem)}
        with LocalProxy(tmp_path, deployment, relays=["https://relay.example"], environment=environment) as proxy:
            answers(proxy)
            assert set(outgoing.heads) == {f"CONNECT {RELAY} HTTP/1.1\r\nHost: {RELAY}\r\nProxy-Authorization: {authorization}\r\n\r\n"}
            assert SECRET not in proxy.metrics()
        assert SECRET not in proxy.log.read_text()
        shown = subprocess.run([str(BIN / "openpcc"), "proxy", "--config", str(proxy.config), "--print-config"], capture_output=True, text=True,
                               env=proxy.environment)
        assert shown.returncode == 0 and SECRET not in shown.stdout


def test_http_relays_are_asked_for_by_connect_too(tmp_path, deployment, relay):
    with OutgoingProxy({"relay.example:80": relay}) as outgoing:
        with LocalProxy(tmp_path, deployment, relays=["http://relay.example"], environment={"http_proxy": outgoing.url}) as proxy:
            answers(proxy)
            assert all(head.startswith("CONNECT relay.example:80 ") for head in outgoing.heads)


def test_settings_win_over_the_environment(tmp_path, deployment, relay):
    auth = tmp_path / "auth"
    auth.write_text(f"me:{SECRET}\n")
    auth.chmod(0o600)
    with OutgoingProxy({"relay.example:80": relay}, "Basic " + base64.b64encode(f"me:{SECRET}".encode()).decode()) as outgoing:
        with LocalProxy(tmp_path, deployment, relays=["http://relay.example"], environment={"http_proxy": "http://127.0.0.1:1", "NO_PROXY": "*"},
                        outgoing_proxy=f'"{outgoing.url}"', outgoing_proxy_auth_file=f'"{auth}"', no_proxy='"none"') as proxy:
            answers(proxy)


def test_none_and_loopback_go_directly(tmp_path, deployment):
    with OutgoingProxy({}) as outgoing:
        for number, settings in enumerate([{}, {"outgoing_proxy": '"none"'}]):
            with LocalProxy(tmp_path / str(number), deployment, relays=[deployment.state["parties"]["relay-1"]["listen"]],
                            environment={"HTTP_PROXY": outgoing.url, "ALL_PROXY": outgoing.url}, **settings) as proxy:
                answers(proxy)
        assert outgoing.heads == []


@pytest.mark.parametrize("environment, rule", [
    ({"https_proxy": "http://me:wrong@127.0.0.1:{port}"}, "http.client.proxy"),
    ({"https_proxy": "http://127.0.0.1:{port}", "NO_PROXY": "relay.example"}, "http.client.connect"),
])
def test_refusals_say_what_the_proxy_said(tmp_path, deployment, tls_relay, root, environment, rule):
    with OutgoingProxy({RELAY: tls_relay}, "Basic right") as outgoing:
        environment = {name: value.replace("{port}", str(outgoing.port)) for name, value in environment.items()}
        with LocalProxy(tmp_path, deployment, relays=["https://relay.example"],
                        environment=environment | {"SSL_CERT_FILE": str(root.pem)}) as proxy:
            refused_by(proxy, rule)
            if rule == "http.client.proxy":
                assert "407" in refusal(proxy) and "wrong" not in refusal(proxy)


def test_a_proxy_that_intercepts_needs_its_authority_in_a_file(tmp_path, deployment, relay, root):
    """The organisation's proxy answers for the relay with a certificate of its own."""
    interceptor = Authority(tmp_path, "interceptor of the organisation")
    with forwarder(relay, interceptor.server("relay.example")) as front, OutgoingProxy({RELAY: ("127.0.0.1", front.port)}) as outgoing:
        arguments = {"relays": ["https://relay.example"], "outgoing_proxy": f'"{outgoing.url}"', "environment": {"SSL_CERT_FILE": str(root.pem)}}
        with LocalProxy(tmp_path / "without", deployment, **arguments) as proxy:
            refused_by(proxy, "http.client.tls")
            assert "interceptor of the organisation" in refusal(proxy)
        with LocalProxy(tmp_path / "with", deployment, **arguments, **{"tls.ca_file": f'"{interceptor.pem}"'}) as proxy:
            answers(proxy)
        folder = tmp_path / "authorities"
        folder.mkdir()
        interceptor.pem.rename(folder / "organisation.crt")
        arguments["environment"] = {"SSL_CERT_DIR": str(folder)}
        with LocalProxy(tmp_path / "folder", deployment, **arguments) as proxy:
            answers(proxy)


@pytest.mark.parametrize("environment, settings, rule, names, code", [
    ({"SSL_CERT_FILE": "/nowhere/ca.pem"}, [], "daemon.tls.read", "SSL_CERT_FILE /nowhere/ca.pem", 1),
    ({"SSL_CERT_DIR": "/nowhere"}, [], "daemon.tls.read", "SSL_CERT_DIR /nowhere", 1),
    ({}, ["--tls-ca-file", "/nowhere/ca.pem"], "daemon.tls.read", "tls.ca_file /nowhere/ca.pem", 1),
    ({"HTTPS_PROXY": f"socks5://me:{SECRET}@proxy"}, [], "http.proxy.url", "HTTPS_PROXY", 1),
    ({}, ["--outgoing-proxy", f"http://me:{SECRET}@proxy"], "daemon.config.value", "outgoing_proxy_auth_file", 2),
])
def test_what_cannot_be_used_is_named(deployment, environment, settings, rule, names, code):
    done = subprocess.run([str(BIN / "openpcc"), "proxy", "--listen", "http://127.0.0.1:0", "--relays", "https://127.0.0.1:1", "--policy",
                           deployment.state["policy"], *settings], capture_output=True, text=True, timeout=60, env=CLEAN | environment)
    assert done.returncode == code, done.stderr
    assert rule in done.stderr and names in done.stderr, done.stderr
    assert SECRET not in done.stderr + done.stdout
    tripped(rule)
