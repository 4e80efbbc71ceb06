"""An Oblivious HTTP client that is not ours, through our relay to our gateway: tests/go, built on other people's modules.

It asks for the bundle, and it posts what `openpcc seal` wrote; `openpcc open` opens what came back.
"""

import json
import os
import subprocess

import pytest

from harness import BIN, SLOW, chat_body, get

# Every key and algorithm that the gateway publishes.
SUITES = {"x25519-aes128": (2, 1), "x25519-chacha20": (2, 3), "x-wing-aes256": (1, 2)}
FORMS = ["whole", "chunked"]


class ForeignClient:
    def __init__(self, deployment, folder, key_id, aead, form):
        self.deployment = deployment
        self.folder = folder
        self.sealed = 0
        relay = deployment.state["parties"]["relay-1"]["listen"]
        for name in ("ohttp-keys", "bundle", "bundle.sig"):
            status, body = get(f"{relay}/{name}")
            assert status == 200
            (folder / name).write_bytes(body)
        self.bundle = (folder / "bundle").read_bytes()
        self.authority = json.loads(self.bundle)["gateway"]["authority"]
        program = os.environ.get("OPENPCC_OHTTP_CLIENT")
        assert program, "OPENPCC_OHTTP_CLIENT names the built tests/go; ./dev test builds it"
        self.command = [program, "-relay", relay + "/ohttp", "-keys", folder / "ohttp-keys", "-key-id", str(key_id), "-aead", str(aead),
                        f"-chunked={'true' if form == 'chunked' else 'false'}"]

    def ask(self, path, *arguments, authority=None):
        """Returns the status inside the encapsulation, and the body."""
        done = subprocess.run([*self.command, *arguments, f"https://{authority or self.authority}{path}"], capture_output=True, timeout=60 * SLOW)
        assert done.returncode == 0, done.stderr.decode()
        return int(done.stderr.decode().removeprefix("status ")), done.stdout

    def post(self, sealed):
        return self.ask("/v1/envelope", "-method", "POST", "-body", sealed, "-content-type", "application/vnd.openpcc.envelope")

    def seal(self, **fields):
        """Returns the files of the sealed body and of what opens its answer."""
        self.sealed += 1
        request, sealed, state = (self.folder / f"{name}-{self.sealed}" for name in ("request", "body", "state"))
        request.write_text(json.dumps(chat_body(**fields)))
        openpcc("seal", request, "--bundle", self.folder / "bundle", "--policy", self.deployment.state["policy"], "--out", sealed, "--state", state)
        return sealed, state

    def open(self, answer, state):
        path = self.folder / "answer"
        path.write_bytes(answer)
        return openpcc("open", path, "--state", state)


def openpcc(*arguments):
    done = subprocess.run([BIN / "openpcc", *arguments], capture_output=True, text=True, timeout=60 * SLOW)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(params=SUITES.values(), ids=SUITES)
def suite(request):
    return request.param


@pytest.fixture(params=FORMS)
def client(deployment, tmp_path, suite, request):
    return ForeignClient(deployment, tmp_path, *suite, request.param)


def test_reads_the_bundle(client):
    assert client.ask("/v1/bundle") == (200, client.bundle)


def test_asks_a_question(client):
    sealed, state = client.seal()
    status, answer = client.post(sealed)
    assert status == 200
    assert b"demo engine" not in answer, "an answer is sealed inside the encapsulation too"
    opened = json.loads(client.open(answer, state))
    assert "demo engine" in opened["choices"][0]["message"]["content"]
    assert opened["choices"][0]["finish_reason"] == "stop"


@pytest.fixture
def plain_client(deployment, tmp_path):
    return ForeignClient(deployment, tmp_path, *SUITES["x25519-aes128"], "chunked")


def test_streams(plain_client):
    sealed, state = plain_client.seal(stream=True)
    status, answer = plain_client.post(sealed)
    assert status == 200
    assert plain_client.open(answer, state).endswith("data: [DONE]\n\n")


def test_an_answer_opens_only_where_it_was_asked(plain_client):
    sealed, _ = plain_client.seal()
    _, answer = plain_client.post(sealed)
    _, other = plain_client.seal()
    with pytest.raises(AssertionError, match="envelope"):
        plain_client.open(answer, other)


@pytest.mark.parametrize("path, authority", [("/v1/envelope", None), ("/v1/bundle", "elsewhere.invalid")], ids=["path", "authority"])
def test_refusals_arrive_inside_the_encapsulation(plain_client, path, authority):
    status, body = plain_client.ask(path, authority=authority)
    assert status == 400
    assert body.strip(b"\0") == b"", "a refusal says nothing but its status"


def test_a_repeated_envelope_is_refused_by_the_node(deployment, tmp_path):
    """A fresh encapsulation around the same envelope: the gateway cannot know, the node does."""
    client = ForeignClient(deployment, tmp_path, *SUITES["x25519-aes128"], "whole")
    sealed, _ = client.seal()
    assert client.post(sealed)[0] == 200
    # Sealed to two of the nodes, so at most one more of them answers it.
    assert [client.post(sealed)[0] for _ in range(2)].count(200) <= 1
