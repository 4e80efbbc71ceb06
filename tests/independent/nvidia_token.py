"""Tokens of NVIDIA's Remote Attestation Service: an overall JWT, and one for each device whose digest it names. Rules nvgpu.eat.*."""

import base64
import binascii
import hashlib
import re

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, utils
from judgement import Judgement, Malformed
from strict_json import read_json

SIZE_MAX, DEVICES_MAX = 256 << 10, 16
ISSUER = "https://nras.attestation.nvidia.com"
BASE64URL = re.compile(r"[A-Za-z0-9_-]*")


def need(holds, detail=""):
    if not holds:
        raise Malformed("nvgpu.eat.syntax", detail)


def decoded(text):
    need(BASE64URL.fullmatch(text), "base64url")
    try:
        value = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except binascii.Error as error:
        raise Malformed("nvgpu.eat.syntax", str(error)) from None
    need(base64.urlsafe_b64encode(value).rstrip(b"=").decode() == text, "base64url")
    return value


def read_part(text):
    try:
        return read_json(decoded(text))
    except ValueError as error:
        raise Malformed("nvgpu.eat.syntax", str(error)) from None


class Token:
    def __init__(self, text):
        need(isinstance(text, str) and text.count(".") == 2, "token")
        header, payload, signature = text.split(".")
        self.text, self.signed = text, text.rpartition(".")[0].encode("ascii", "replace")
        self.header, self.claims, self.signature = read_part(header), read_part(payload), decoded(signature)

    def verifies(self, key):
        if len(self.signature) != 96:
            return False
        r, s = (int.from_bytes(half, "big") for half in (self.signature[:48], self.signature[48:]))
        try:
            key.verify(utils.encode_dss_signature(r, s), self.signed, ec.ECDSA(hashes.SHA384()))
            return True
        except InvalidSignature:
            return False


def read_tokens(data):
    """Returns the overall token and {device: its token}."""
    need(len(data) <= SIZE_MAX, "size")
    try:
        value = read_json(data, list)
    except ValueError as error:
        raise Malformed("nvgpu.eat.syntax", str(error)) from None
    need(len(value) == 2 and isinstance(value[0], list) and len(value[0]) == 2 and value[0][0] == "JWT" and isinstance(value[1], dict), "list")
    need(0 < len(value[1]) <= DEVICES_MAX, "devices")
    return Token(value[0][1]), {name: Token(text) for name, text in value[1].items()}


def check_token(token, keys, nonce, now, judgement):
    """`now`: seconds since 1970."""
    name, claims = token.header.get("alg"), token.claims
    if not judgement.check(name != "none" and token.signature, "nvgpu.eat.alg_none", str(name)):
        return
    judgement.check(name == "ES384", "nvgpu.eat.alg", str(name))
    key = keys.get(token.header.get("kid"))
    if judgement.check(key is not None, "nvgpu.eat.key", str(token.header.get("kid"))):
        judgement.check(token.verifies(key), "nvgpu.eat.signature")
    judgement.check(claims.get("iss") == ISSUER, "nvgpu.eat.issuer", str(claims.get("iss")))
    start, end = claims.get("nbf"), claims.get("exp")
    judgement.check(type(start) is int and start <= now, "nvgpu.eat.early", str(start))
    judgement.check(type(end) is int and now < end, "nvgpu.eat.expired", str(end))
    judgement.check(claims.get("eat_nonce") == nonce.hex(), "nvgpu.eat.nonce", str(claims.get("eat_nonce")))


def verify(data, keys, nonce, at):
    """`keys`: {key id: public key} of the service, from configuration."""
    judgement = Judgement()
    try:
        overall, devices = read_tokens(data)
    except Malformed as error:
        judgement.check(False, error.rule, error.detail)
        return judgement
    for token in (overall, *devices.values()):
        check_token(token, keys, nonce, int(at.timestamp()), judgement)
    expected = {name: ["DIGEST", ["SHA-256", hashlib.sha256(token.text.encode()).hexdigest()]] for name, token in devices.items()}
    judgement.check(overall.claims.get("submods") == expected, "nvgpu.eat.digest")
    results = [overall.claims.get("x-nvidia-overall-att-result"), *(one.claims.get("measres") == "success" for one in devices.values())]
    judgement.check(all(result is True for result in results), "nvgpu.eat.result", str(results))
    return judgement
