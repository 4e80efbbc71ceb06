"""Where the parts lie that the tables of spec/evidence_regions name: in reports of NVIDIA's devices and their manifests, in TPM quotes, event logs,
Azure's reports and Nitro documents. Each function returns {name: [(start, end), ...]}."""

import re

import azure_format
import event_log
import nitro_format
import nvidia_format
import tpm_format
from strict_cbor import MAP, Reader


def little(data):
    return int.from_bytes(data, "little")


def nvidia_report(data):
    response, record = nvidia_format.REQUEST, nvidia_format.REQUEST + 8
    nonce = record + little(data[42:45])
    opaque = nonce + nvidia_format.NONCE
    signature = opaque + 2 + little(data[opaque : opaque + 2])
    blocks = [(at, at + nvidia_format.BLOCK) for at in range(record, nonce, nvidia_format.BLOCK)]
    fields, at = [], opaque + 2
    while at < signature:
        end = at + 4 + little(data[at + 2 : at + 4])
        fields.append((at, end))
        at = end
    some = [blocks[0], blocks[len(blocks) // 2], blocks[-1]]
    return {
        None: [(0, response)], "response": [(response, record)], "block": some, "nonce": [(nonce, opaque)], "opaque": [(opaque, opaque + 2)],
        "tlv": fields, "signature": [(signature, len(data))],
    }  # fmt: skip


def between(data, name):
    pattern = rb"<(?:\w+:)?%s(?: [^>]*)?>(.*?)</(?:\w+:)?%s>" % (name, name)
    return [match.span(1) for match in re.finditer(pattern, data, re.DOTALL)]


def nvidia_manifest(data):
    # After the root element nothing but line breaks stands, which may be any white space.
    end = data.rindex(b">") + 1
    return {
        "document": [(0, end)], "payload": between(data, b"Payload"), "digest_value": between(data, b"DigestValue"),
        "signature_value": between(data, b"SignatureValue"), "certificates": between(data, b"X509Certificate"),
    }  # fmt: skip


def tpm_quote(data):
    places = tpm_format.read_quote(data).places
    starts = [0, *places.values(), len(data)]
    return {name: [(start, end)] for name, start, end in zip((None, *places), starts, starts[1:], strict=False)}


def event_log_of(data, td):
    events = event_log.read_log(data, td).events
    header, n = 32 + little(data[28:32]), little(data[56:60])
    return {
        "header": [(0, header)], "algorithms": [(56, 60 + 4 * n)],
        "event": [(one.places["event"], one.places["size"]) for one in events if one.extends()],
        "digests": [(one.places["digests"], one.places["size"]) for one in events if one.extends()],
        "size": [(one.places["size"], one.places["size"] + 4) for one in events[:-1]],
    }  # fmt: skip


def azure_hcl(data):
    end = azure_format.JSON + little(data[azure_format.JSON - 4 : azure_format.JSON])
    return {
        None: [(0, azure_format.REPORT)], "report": [(azure_format.REPORT, azure_format.DATA)], "data": [(azure_format.DATA, azure_format.JSON)],
        "json": [(azure_format.JSON, end)], "padding": [(end, len(data))],
    }  # fmt: skip


def inside(item, base):
    return item.start + base, item.end + base


def nitro_document(data):
    """Also "certificate" and "cabundle", where the certificates stand."""
    items = nitro_format.read_cose(data)
    names = ("protected", "unprotected", "payload", "signature")
    places = {"head": [(0, items[0].head)]}
    for name, item in zip(names, items, strict=True):
        head = item.head if name == "unprotected" else item.start  # of an empty map only the head is there
        places[name], places[f"{name}.head"] = [(head, item.end)], [(item.head, item.start)]
    payload = items[2]
    members = Reader(payload.value, open_map=True).item()
    assert members.kind == MAP
    for key, item in members.value:
        if key.value == "timestamp":
            places["timestamp"] = [(item.head + payload.start, item.end + payload.start)]
        elif key.value == "pcrs":
            places["pcrs"] = [inside(value, payload.start) for _, value in item.value]
        elif key.value == "cabundle":
            places["cabundle"] = [inside(value, payload.start) for value in item.value]
        elif item.value is not None:
            places[key.value] = [inside(item, payload.start)]
    return places
