"""A bundle with recorded H100s and their manifests, and what is no bundle: for the second reader of bundles and for the first one beside it."""

import copy
import json

from evidence_bundle import Bundle, Device, Item, members_of
from evidence_corpus import read

FOLDER = "nvidia/gpu/hopper-545-full-match"
REPORT = Item("application/vnd.openpcc.nvidia-report", read(f"{FOLDER}/report.bin"))
CHAIN = [Item("application/pem-certificate-chain", read(f"{FOLDER}/cert_chain.pem"))]
MANIFESTS = {
    "driver-manifest": Item("application/xml", read("nvidia/rim/Driver_RIM_test_no_gpu.swidtag")),
    "vbios-manifest": Item("application/xml", read("nvidia/rim/1010_0200_882_96005E0001_test_no_gpu.swidtag")),
}
AT = "2024-06-01T00:00:00Z"


def lp(data):
    return len(data).to_bytes(4, "big") + data


def claims():
    parts = [b"\x00\x01", bytes(1216), bytes(32), bytes(8), (3600).to_bytes(8, "big"), b"demo.example", bytes(32), bytes(32), bytes(32)]
    return b"".join(map(lp, [*parts, lp(b"model") + lp(bytes(32))]))


def bundle(count, own):
    """`own`: each GPU brings this collateral of its own."""
    cpu = Device(Item("application/vnd.openpcc.snp-report", bytes(1184)), [], {})
    return Bundle(claims(), cpu, [Device(REPORT, CHAIN, dict(own)) for _ in range(count)])


def spoilt():
    """{what is wrong: (rule, bytes)}, each by one change of a good bundle of two GPUs."""
    good = members_of(bundle(2, {}), MANIFESTS)
    record = good["gpus"]["driver-manifest"]

    def changed(change):
        members = copy.deepcopy(good)
        change(members)
        return json.dumps(members).encode()

    def without_gpus(members):
        del members["gpu.0"], members["gpu.1"]

    wrong = {
        "an empty one": ("shared", lambda m: m.update(gpus={})),
        "a record in its place": ("shared", lambda m: m.update(gpus=record)),
        "a report": ("shared", lambda m: m["gpus"].update(report=record)),
        "a chain": ("shared", lambda m: m["gpus"].update({"chain.0": record})),
        "no GPU": ("shared", without_gpus),
        "a GPU's own": ("shared", lambda m: m["gpu.1"].update({"vbios-manifest": record})),
        "no record": ("record", lambda m: m["gpus"].update(other=[1, 2])),
        "not base64url": ("record", lambda m: m["gpus"].update(other=["a/b", "A"])),
        "an item too large": ("too_large", lambda m: m["gpus"].update(other=["a/b", "A" * 174764])),
        "another member": ("member", lambda m: m.update({"gpu": {}})),
        "a gap": ("gpus", lambda m: m.update({"gpu.3": m["gpu.0"]})),
        "no CPU": ("missing", lambda m: m.pop("cpu")),
        "another type of keys": ("keys_type", lambda m: m["keys"].__setitem__(0, "a/b")),
        "no report": ("device", lambda m: m["gpu.0"].pop("report")),
    }
    text = changed(lambda members: None)
    found = {what: (f"attest.cmw.{rule}", changed(change)) for what, (rule, change) in wrong.items()}
    found["a member twice"] = ("attest.cmw.json", text[:-1] + b', "gpus": {}}')
    found["too large"] = ("attest.cmw.too_large", text.ljust((512 << 10) + 1))
    return found
