"""Bundles of a node's evidence (spec/evidence.md, section 1), written and read without the C++ library: CMW collections in JSON. What the claims in
them say is read elsewhere."""

import base64
import binascii
import json
import re
from typing import NamedTuple

from judgement import Malformed
from strict_json import read_json

SIZE_MAX, ITEM_MAX, GPUS_MAX, CHAIN_MAX, DEPTH_MAX = 512 << 10, 128 << 10, 16, 16, 16
COLLATERAL_MAX = 48
CLAIMS = "application/vnd.openpcc.node-keys"
LABEL, MEDIA_TYPE = re.compile(r"[a-z0-9_-]{1,32}"), re.compile(r"[!-~]{1,127}")
NUMBER = r"(0|[1-9][0-9]*)"


class Item(NamedTuple):
    media_type: str
    bytes: bytes


class Device(NamedTuple):
    report: Item
    chain: list
    collateral: dict


class Bundle(NamedTuple):
    keys: bytes
    cpu: Device
    gpus: list


def need(holds, rule, detail=""):
    if not holds:
        raise Malformed(f"attest.cmw.{rule}", detail)


def depth(value):
    levels, pending = 0, [value]
    while pending:
        pending = [one for some in pending if isinstance(some, (dict, list)) for one in (some.values() if isinstance(some, dict) else some)]
        levels += 1
    return levels


def read_members(data):
    need(len(data) <= SIZE_MAX, "too_large")
    try:
        members = read_json(data)
    except (ValueError, RecursionError) as error:
        raise Malformed("attest.cmw.json", str(error)) from None
    need(depth(members) <= DEPTH_MAX + 1, "json", "depth")
    return members


def read_record(value):
    need(isinstance(value, list) and len(value) == 2 and all(isinstance(one, str) for one in value), "record")
    media_type, text = value
    need(MEDIA_TYPE.fullmatch(media_type), "record", media_type)
    need(len(text) <= (ITEM_MAX * 4 + 2) // 3, "too_large", "item")
    try:
        data = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        data = None
    need(data is not None and base64.urlsafe_b64encode(data).rstrip(b"=").decode() == text, "record", "base64url")
    return Item(media_type, data)


def in_order(numbered, longest, rule):
    need(sorted(numbered) == list(range(len(numbered))) and len(numbered) <= longest, rule, str(sorted(numbered)))
    return [numbered[i] for i in range(len(numbered))]


def read_device(value):
    need(isinstance(value, dict), "device")
    report, chain, collateral = None, {}, {}
    for label, record in value.items():
        item = read_record(record)
        if label == "report":
            report = item
        elif number := re.fullmatch(rf"chain\.{NUMBER}", label):
            chain[int(number[1])] = item
        else:
            need(LABEL.fullmatch(label), "device", label)
            collateral[label] = item
    need(report is not None, "device", "no report")
    need(len(collateral) <= COLLATERAL_MAX, "device", "collateral")
    return Device(report, in_order(chain, CHAIN_MAX, "device"), collateral)


def read_shared(value):
    need(isinstance(value, dict) and 0 < len(value) <= COLLATERAL_MAX, "shared")
    need(all(LABEL.fullmatch(label) and label != "report" for label in value), "shared", str(list(value)))
    return {label: read_record(record) for label, record in value.items()}


def read_bundle(data):
    """Raises Malformed."""
    keys, cpu, gpus, shared = None, None, {}, None
    for label, value in read_members(data).items():
        if label == "keys":
            keys = read_record(value)
        elif label == "cpu":
            cpu = read_device(value)
        elif label == "gpus":
            shared = read_shared(value)
        else:
            number = re.fullmatch(rf"gpu\.{NUMBER}", label)
            need(number, "member", label)
            gpus[int(number[1])] = read_device(value)
    need(keys is not None and cpu is not None, "missing")
    need(keys.media_type == CLAIMS, "keys_type", keys.media_type)
    found = in_order(gpus, GPUS_MAX, "gpus")
    if shared is not None:
        need(found and not any(shared.keys() & gpu.collateral.keys() for gpu in found), "shared")
        for gpu in found:
            gpu.collateral.update(shared)
    return Bundle(keys.bytes, cpu, found)


def record_of(item):
    return [item.media_type, base64.urlsafe_b64encode(item.bytes).rstrip(b"=").decode()]


def device_of(device):
    chain = {f"chain.{i}": item for i, item in enumerate(device.chain)}
    return {label: record_of(item) for label, item in ({"report": device.report} | chain | device.collateral).items()}


def members_of(bundle, shared):
    """The collection as JSON; `shared` is collateral of every GPU."""
    gpus = {f"gpu.{i}": device_of(gpu) for i, gpu in enumerate(bundle.gpus)}
    once = {"gpus": {label: record_of(item) for label, item in shared.items()}} if shared else {}
    return {"keys": record_of(Item(CLAIMS, bundle.keys)), "cpu": device_of(bundle.cpu)} | gpus | once


def write_bundle(bundle, shared=None):
    return json.dumps(members_of(bundle, shared or {}), separators=(",", ":")).encode()
