"""Tokens of attestation services about NVIDIA's devices: an overall JWT, and one for each device. None is taken, as no key of a service is known;
this says which reason comes first. Rules nvgpu.eat.*."""

import base64
import binascii
import re

from judgement import Judgement, Malformed
from strict_json import read_json

SIZE_MAX, DEVICES_MAX = 64 << 10, 32
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


def read_token(text):
    """(its algorithm, whether it is signed)."""
    need(isinstance(text, str) and text.count(".") == 2, "token")
    header, claims, signature = text.split(".")
    algorithm = read_part(header).get("alg")
    need(isinstance(algorithm, str), "alg")
    read_part(claims)
    return algorithm, bool(decoded(signature))


def read_tokens(data):
    need(len(data) <= SIZE_MAX, "size")
    try:
        value = read_json(data, object)
    except ValueError as error:
        raise Malformed("nvgpu.eat.syntax", str(error)) from None
    if isinstance(value, dict):  # what the SDK prints around it
        value = value.get("detached_eat")
    need(isinstance(value, list) and len(value) == 2 and isinstance(value[0], list) and isinstance(value[1], dict), "list")
    need(len(value[0]) == 2 and value[0][0] == "JWT", "overall")
    need(0 < len(value[1]) <= DEVICES_MAX, "devices")
    return [read_token(text) for text in (value[0][1], *value[1].values())]


def verify(data):
    judgement = Judgement()
    try:
        tokens = read_tokens(data)
    except Malformed as error:
        judgement.check(False, error.rule, error.detail)
        return judgement
    signed = all(name != "none" and is_signed for name, is_signed in tokens)
    known = all(name == "ES384" for name, _ in tokens)
    judgement.check(False, "nvgpu.eat.key" if signed and known else "nvgpu.eat.alg" if signed else "nvgpu.eat.alg_none")
    return judgement
