"""The bytes of AWS Nitro attestation documents: COSE_Sign1 (RFC 9052) around a map of the hypervisor's."""

import dataclasses

from judgement import Malformed
from strict_cbor import ARRAY, BYTES, MAP, SIMPLE, TEXT, UNSIGNED, BadCbor, DoubledKey, Item, Reader

SIZE_MAX, SIGNATURE, CERTIFICATES = 16384, 96, range(1, 9)
COSE_SIGN1, ES384 = 0xD2, bytes.fromhex("a1013822")
PCR, PCRS, PCR_MAX = 48, range(1, 33), 31
OPTIONAL = {"public_key": 1024, "user_data": 512, "nonce": 512}


@dataclasses.dataclass
class Document:
    protected: bytes
    payload: bytes
    signature: bytes
    items: list  # the four items of the array
    members: Item
    module_id: str
    timestamp: int  # milliseconds since 1970
    source: str  # whose registers: "enclave" or "nitrotpm"
    pcrs: dict
    certificate: bytes
    cabundle: list
    public_key: bytes | None
    user_data: bytes | None
    nonce: bytes | None


def read_item(data, at=0, **options):
    """Returns the one item that begins at an offset; nothing may follow."""
    reader = Reader(data, **options)
    reader.at = at
    try:
        item = reader.item()
    except DoubledKey as error:
        raise Malformed("nitro.cbor.duplicate", str(error)) from None
    except BadCbor as error:
        raise Malformed("nitro.cbor.syntax", str(error)) from None
    if reader.at != len(data):
        raise Malformed("nitro.trailing", str(len(data) - reader.at))
    return item


def read_cose(data):
    if not 0 < len(data) <= SIZE_MAX:
        raise Malformed("nitro.size", str(len(data)))
    item = read_item(data, 1 if data[0] == COSE_SIGN1 else 0)
    kinds = [one.kind for one in item.value] if item.kind == ARRAY else []
    if kinds != [BYTES, MAP, BYTES, BYTES] or item.value[1].value or len(item.value[3].value) != SIGNATURE:
        raise Malformed("nitro.cose.shape")
    if item.value[0].value != ES384:
        raise Malformed("nitro.cose.alg", item.value[0].value.hex())
    return item.value


def member(holds, name):
    if not holds:
        raise Malformed("nitro.payload.member", name)


def read_pcrs(item):
    for key, value in item.value:
        if key.kind != UNSIGNED or key.value > PCR_MAX or value.kind != BYTES or len(value.value) != PCR:
            raise Malformed("nitro.payload.pcrs", str(key.value))
    if len(item.value) not in PCRS:
        raise Malformed("nitro.payload.pcrs", str(len(item.value)))
    return {key.value: value.value for key, value in item.value}


def read_document(data):
    items = read_cose(data)
    payload = items[2].value
    members = read_item(payload, open_map=True)
    member(members.kind == MAP, "no map")
    names = [key.value for key, _ in members.value]
    registers, source = ("nitrotpm_pcrs", "nitrotpm") if "nitrotpm_pcrs" in names else ("pcrs", "enclave")
    kinds = {"module_id": TEXT, "digest": TEXT, "timestamp": UNSIGNED, registers: MAP, "certificate": BYTES, "cabundle": ARRAY}
    member(set(names) == set(kinds) | set(OPTIONAL), str(names))
    found = {key.value: item for key, item in members.value}
    for name, kind in kinds.items():
        member(found[name].kind == kind, name)
    for name, size in OPTIONAL.items():
        member(found[name].kind == SIMPLE or (found[name].kind == BYTES and len(found[name].value) <= size), name)
    member(0 < len(found["module_id"].value) <= 256 and found["certificate"].value, "module_id")
    member(all(one.kind == BYTES for one in found["cabundle"].value), "cabundle")
    if found["digest"].value != "SHA384":
        raise Malformed("nitro.payload.digest", found["digest"].value)
    pcrs = read_pcrs(found[registers])
    cabundle = [one.value for one in found["cabundle"].value]
    if len(cabundle) not in CERTIFICATES:
        raise Malformed("nitro.chain.count", str(len(cabundle)))
    rest = [found[name].value for name in ("public_key", "user_data", "nonce")]
    return Document(
        items[0].value, payload, items[3].value, items, members, found["module_id"].value, found["timestamp"].value, source, pcrs,
        found["certificate"].value, cabundle, *rest,
    )  # fmt: skip


def head(kind, size):
    if size < 24:
        return bytes([kind << 5 | size])
    code = next(code for code in range(4) if size < 1 << (8 << code))
    return bytes([kind << 5 | 24 + code]) + size.to_bytes(1 << code, "big")


def signed_bytes(protected, payload):
    """Sig_structure of RFC 9052, without external data."""
    parts = (head(TEXT, 10) + b"Signature1", head(BYTES, len(protected)) + protected, head(BYTES, 0), head(BYTES, len(payload)) + payload)
    return head(ARRAY, 4) + b"".join(parts)
