"""The proxy for containers, which cannot reach loopback: it listens on an address of the machine and demands a key."""

import json

import openai
import pytest

from harness import MODEL, Stream, chat_body, get
from network import LocalProxy, own_address

KEY = "key-of-the-containers"


@pytest.fixture(scope="module", params=["every address", "one address"])
def proxy(request, tmp_path_factory, deployment):
    folder = tmp_path_factory.mktemp("key")
    key = folder / "key"
    key.write_text(KEY + "\n")
    key.chmod(0o600)
    relays = [deployment.state["parties"][relay]["listen"] for relay in ("relay-1", "relay-2")]
    listen = "http://0.0.0.0:0" if request.param == "every address" else f"http://{own_address()}:0"
    with LocalProxy(folder, deployment, relays=relays, listen=listen, api_key_file=f'"{key}"', hosts=f'["{own_address()}", "host.containers.internal"]') as running:
        running.wait_ready()
        yield running


def url(proxy):
    return f"http://{own_address()}:{proxy.port}"


def test_a_container_asks_with_the_key(proxy):
    client = openai.OpenAI(base_url=url(proxy) + "/v1", api_key=KEY, max_retries=0)
    answer = client.chat.completions.create(model=MODEL, messages=[{"role": "user", "content": "Who can read this?"}])
    assert answer.choices[0].finish_reason == "stop"


def test_the_key_of_anthropics_clients_is_accepted(proxy):
    stream = Stream(url(proxy), chat_body(), headers={"x-api-key": KEY})
    assert stream.read_to_end() and stream.status == 200
    stream.close()


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer wrong"}, {"Authorization": KEY}, {"x-api-key": "wrong"}, {"x-api-key": ""}])
def test_without_the_key_nothing_is_answered(proxy, headers):
    status, body = get(url(proxy) + "/v1/models", headers)
    assert status == 401 and json.loads(body)["error"]["code"] == "client.proxy.key"


def test_the_name_must_be_listed(proxy):
    key = {"Authorization": f"Bearer {KEY}"}
    assert get(url(proxy) + "/v1/models", key | {"Host": f"host.containers.internal:{proxy.port}"})[0] == 200
    status, body = get(url(proxy) + "/v1/models", key | {"Host": f"elsewhere.example:{proxy.port}"})
    assert status == 403 and json.loads(body)["error"]["code"] == "client.proxy.host"
