"""The second implementation of what machines measure, on the published pairs of the shared corpus."""

import base64
import hashlib
import json
import struct

import measure
import pytest
from evidence_corpus import read

pytestmark = pytest.mark.once

VECTORS = json.loads(read("snp/measure/VECTORS.json"))
OVMF_ACCEPTED = [(0x800000, 0x806000), (0x809000, 0x80B000), (0x80B000, 0x80D000), (0x810000, 0x820000)]


def pages_of(vector):
    firmware = read(f"snp/measure/{vector['ovmf']}")
    kernel = None if vector["kernel"] is None else b""
    return measure.snp_pages(firmware, vector.get("vmm", "qemu"), vector["vcpus"], int(vector["vcpu_sig"], 16), int(vector["guest_features"], 16),
                             kernel, b"", (vector.get("append") or "").encode())


@pytest.mark.parametrize("vector", VECTORS["vectors"], ids=lambda vector: vector["name"])
def test_published_launch_digests(vector):
    if "expect_error" in vector:
        with pytest.raises(ValueError):
            pages_of(vector)
        return
    assert measure.snp_digest(pages_of(vector)).hex() == vector["launch_digest"]
    if vector["vcpu_type"]:
        assert measure.cpu_signature(vector["vcpu_type"]) == int(vector["vcpu_sig"], 16)


def test_published_digest_of_the_firmware_alone():
    assert measure.snp_digest(pages_of(VECTORS["vectors"][0])[:1]).hex() == VECTORS["ovmf_hash_AmdSev"]


def test_published_key_digests():
    block = read("snp/measure/virtee-sev/test_auth_block.bin")
    digests = [base64.b64encode(measure.snp_key_digest(block[at : at + 0x404])).decode() for at in (0x240, 0x880)]
    assert digests == ["WfssaG36T+9J84M5qndckAUcKNVzg93DuvO160sUlt87DbvcuuX+J2d6ZEggdz/i",
                       "7tgRafsMteDsNHlPEo/U4MSkb2fGWhrfqB/LJLzAiMJyNpt//D6ytq9qQoShs2xf"]


@pytest.mark.parametrize(("name", "gib"), [("dstack-lite", 2), ("dstack-report", 64)])
def test_published_hand_off_blocks_and_registers(name, gib):
    log = json.loads(read(f"tpm/ccel/{name}/event_log.json"))
    digests = [[bytes.fromhex(event["digest"]) for event in log if event["imr"] == n] for n in range(3)]
    digests[0][0] = measure.sha384(measure.td_hob(0x809000, OVMF_ACCEPTED, gib << 30))
    for n, names in ((2, ("SecureBoot", "PK", "KEK")),):
        for i, variable in enumerate(names):
            digests[0][n + i] = measure.sha384(measure.efi_variable("8be4df61-93ca-11d2-aa0d-00e098032b8c", variable, b""))
    for i, variable in ((5, "db"), (6, "dbx")):
        digests[0][i] = measure.sha384(measure.efi_variable("d719b2cb-3d3a-4596-a3bc-dad00e67656f", variable, b""))
    digests[0][7] = digests[1][2] = measure.sha384(bytes(4))
    digests[1][1] = measure.sha384(b"Calling EFI Application from Boot Option")
    digests[1][3] = measure.sha384(b"Exit Boot Services Invocation")
    digests[1][4] = measure.sha384(b"Exit Boot Services Returned with Success")
    quote = read(f"tdx/quotes/v4-{name}/quote.bin")
    for n in range(3):
        assert measure.replay(digests[n]) == quote[376 + 48 * n : 376 + 48 * (n + 1)]


def test_published_description_of_google():
    lines = read("tdx/measure/gcp-tdx-firmware.yaml").decode().split("\n")
    values = [line.strip() for line in lines if len(line.strip()) >= 96 and ":" not in line]
    assert read("tdx/quotes/v4-gcp-flashbots/quote.bin")[184:232].hex() == values[0]
    block = bytearray.fromhex(values[2])
    struct.pack_into("<Q", block, 576, (16 << 30) - 3221225472)
    assert measure.sha384(bytes(block)) in read("tpm/ccel/google-cos113/ccel.bin")


def test_names_of_the_stub_s_sections_and_partition_tables():
    log = read("tpm/eventlogs/dstack-tpm.bin")
    for name in (".linux", ".osrel", ".cmdline", ".initrd", ".uname", ".sbat"):
        assert hashlib.sha256(name.encode() + b"\0").digest() in log
    start = log.index(b"EFI PART")
    event = log[start : start + 356]
    (entries,) = struct.unpack_from("<Q", event, 72)
    disk = bytes(512) + event[:92].ljust(512 * entries - 512, b"\0") + event[100:].ljust(128 * 128, b"\0")
    assert measure.gpt_event(disk) == event
    assert hashlib.sha256(event).digest() in log
