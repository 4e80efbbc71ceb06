"""spec/vectors/envelope.json through the independent decoder: what is good opens to the same bytes, what is bad is refused by its rule."""

import json
import pathlib

import envelope_decoder as decoder
import pytest

pytestmark = pytest.mark.once

ROOT = pathlib.Path(__file__).resolve().parents[2]
VECTORS = json.loads((ROOT / "spec/vectors/envelope.json").read_text())
NODES = {node["name"]: node for node in VECTORS["nodes"]}
REQUESTS = {request["name"]: request for request in VECTORS["requests"]}
FRAME_SIZES = {"low-latency": 256, "balanced": 512, "strict": 1024}


def private_key(name):
    return decoder.XWingPrivateKey(bytes.fromhex(NODES[name]["private_key"]))


def open_at(name, envelope):
    return decoder.open_request(envelope, bytes.fromhex(NODES[name]["node_id"]), private_key(name))


def client_secrets(request):
    """What the client of a request would open an answer with; each node's own export is the same secret."""
    opened = [open_at(name, bytes.fromhex(request["envelope"])) for name in request["recipients"]]
    return [(one.enc, one.answer_secret) for one in sorted(opened, key=lambda one: one.index)]


def named(vectors):
    return pytest.mark.parametrize("vector", vectors, ids=lambda vector: vector["name"])


def refused_by(call):
    with pytest.raises(decoder.Refused) as refused:
        call()
    return refused.value.rule


def test_there_are_enough_vectors():
    assert {len(request["recipients"]) for request in REQUESTS.values()} >= {1, 2, 4}
    assert {answer["profile"] for request in REQUESTS.values() for answer in request["answers"]} == set(FRAME_SIZES)
    assert len(VECTORS["refused_requests"]) >= 20
    assert len(VECTORS["refused_answers"]) >= 10


@named(VECTORS["nodes"])
def test_public_keys_follow_from_their_seeds(vector):
    assert private_key(vector["name"]).public_key.hex() == vector["public_key"]


@named(VECTORS["requests"])
def test_requests_open_at_every_recipient(vector):
    message = bytes.fromhex(vector["message"])
    for name in vector["recipients"]:
        opened = open_at(name, bytes.fromhex(vector["envelope"]))
        assert len(opened.message) == vector["padded_bytes"] == decoder.padded_size(len(message))
        assert opened.message == message.ljust(vector["padded_bytes"], b"\x00")
        assert opened.salt.hex() == NODES[name]["salt"]
        for member in ("dek", "body_hash", "hh", "th", "rh"):
            assert getattr(opened, member).hex() == vector[member], member


@named(VECTORS["requests"])
def test_answers_open_at_the_client(vector):
    recipients = client_secrets(vector)
    for answer in vector["answers"]:
        index, message, sizes = decoder.open_answer(bytes.fromhex(answer["answer"]), recipients)
        envelope = bytes.fromhex(vector["envelope"])
        assert envelope[36 + 32 * index : 68 + 32 * index].hex() == NODES[answer["node"]]["node_id"]
        assert recipients[index][1].hex() == answer["secret"]
        assert message.hex() == answer["message"] == "".join(answer["pieces"])
        assert len(sizes) >= len(answer["pieces"])
        assert all(size % FRAME_SIZES[answer["profile"]] == 0 for size in sizes)


@named(VECTORS["refused_requests"])
def test_bad_requests_are_refused_by_their_rules(vector):
    assert refused_by(lambda: open_at(VECTORS["requests_refused_by"], bytes.fromhex(vector["envelope"]))) == vector["rule"]


@named(VECTORS["refused_answers"])
def test_bad_answers_are_refused_by_their_rules(vector):
    recipients = client_secrets(REQUESTS[VECTORS["answers_refused_by_the_client_of"]])
    assert refused_by(lambda: decoder.open_answer(bytes.fromhex(vector["answer"]), recipients)) == vector["rule"]


def test_no_single_bit_of_a_request_may_change():
    envelope = bytes.fromhex(REQUESTS["one recipient"]["envelope"])
    for at in [*range(36), *range(36, len(envelope), 41)]:
        changed = envelope[:at] + bytes([envelope[at] ^ 1]) + envelope[at + 1 :]
        refused_by(lambda changed=changed: open_at("alice", changed))
