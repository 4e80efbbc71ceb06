"""The bytes of NVIDIA's attestation reports: the request and the response of SPDM 1.1 (DSP0274), with opaque fields of NVIDIA's."""

import dataclasses

from judgement import Malformed

SIZE_MAX = 16384
VERSION, GET_MEASUREMENTS, MEASUREMENTS, SIGNED_REQUEST, ALL = 0x11, 0xE0, 0x60, 0x01, 0xFF
REQUEST, NONCE, SIGNATURE, DIGEST, BLOCK = 37, 32, 96, 48, 55

DRIVER_VERSION, SKU, VBIOS_VERSION, NVDEC0_STATUS, BOARD_ID, CHIP_SKU, CHIP_SKU_MOD = 3, 5, 6, 11, 14, 15, 16
PROJECT, PROJECT_SKU, PROJECT_SKU_MOD, FWID, PROTECTED_PCIE, SWITCH_PDI, LOCK, GPU_PDIS = 17, 18, 19, 20, 21, 22, 25, 26
DATA_VERSION, FEATURE_FLAG = 34, 36
TEXTS = {DRIVER_VERSION, CHIP_SKU, CHIP_SKU_MOD, PROJECT, PROJECT_SKU, PROJECT_SKU_MOD}
SIZES = {NVDEC0_STATUS: 1, BOARD_ID: 4, FWID: DIGEST, PROTECTED_PCIE: 1, LOCK: 2, DATA_VERSION: 2, FEATURE_FLAG: 2, GPU_PDIS: 128}
PDI = 8
GPU_FIELDS = {DRIVER_VERSION, VBIOS_VERSION, NVDEC0_STATUS, CHIP_SKU, PROJECT, PROJECT_SKU}
SWITCH_FIELDS = {VBIOS_VERSION, SWITCH_PDI}
DISABLED = 0x55


def little(data):
    return int.from_bytes(data, "little")


def text_of(value):
    """Text before the zeros that end it; raises ValueError where there are none, or other characters."""
    text = value.rstrip(b"\x00")
    if len(text) == len(value) or not all(0x21 <= byte < 0x7F for byte in text):
        raise ValueError("text")
    return text.decode("ascii")


def pdis(value):
    return [value[i : i + PDI] for i in range(0, len(value), PDI)]


@dataclasses.dataclass
class Report:
    signed: bytes
    nonce: bytes
    measurements: list  # by index of the manifests, from 0
    fields: dict
    signature: bytes

    def text(self, kind):
        return text_of(self.fields[kind]) if kind in self.fields else None

    def number(self, kind):
        return little(self.fields[kind]) if kind in self.fields else None

    driver_version = property(lambda self: self.text(DRIVER_VERSION))
    fwid = property(lambda self: self.fields.get(FWID))
    feature_flag = property(lambda self: self.number(FEATURE_FLAG))
    nvdec0_disabled = property(lambda self: self.number(NVDEC0_STATUS) == DISABLED)

    @property
    def vbios_version(self):
        value = self.fields[VBIOS_VERSION]
        if len(value) != 8:
            return value.rstrip(b"\x00").decode("ascii")
        turned = value[::-1]
        return ".".join(f"{byte:02X}" for byte in (*turned[4:], turned[3]))

    @property
    def board(self):
        parts = [self.text(PROJECT), self.text(PROJECT_SKU)]
        return "-".join(parts) if all(parts) else None

    @property
    def switches(self):
        """Ids of the switches that a GPU is linked to."""
        return {one[::-1] for one in pdis(self.fields.get(SWITCH_PDI, b""))}

    @property
    def gpus(self):
        """Ids of the GPUs that a switch is linked to: eight places, the unused ones all ones; what follows maps ports to places."""
        return {one for one in pdis(self.fields.get(GPU_PDIS, b"")[:64]) if one != b"\xff" * PDI}


class Reader:
    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, size):
        if self.at + size > len(self.data):
            raise Malformed("nvgpu.size", f"{size} bytes at {self.at}")
        self.at += size
        return self.data[self.at - size : self.at]


def read_blocks(record, n):
    if len(record) != n * BLOCK:
        raise Malformed("nvgpu.block", f"{n} blocks in {len(record)} bytes")
    found = []
    for i in range(n):
        block = record[i * BLOCK : (i + 1) * BLOCK]
        index, specification, size, kind, value_size = block[0], block[1], little(block[2:4]), block[4], little(block[5:7])
        if (index, specification, size, kind >> 7, value_size) != (i + 1, 1, DIGEST + 3, 0, DIGEST):
            raise Malformed("nvgpu.block", f"block {i + 1}")
        found.append(block[7:])
    return found


def check_field(kind, value):
    if kind in TEXTS:
        text_of(value)
    if kind == VBIOS_VERSION and len(value) != 8 and not all(0x21 <= byte < 0x7F for byte in value.rstrip(b"\x00")):
        raise ValueError("version")
    if len(value) != SIZES.get(kind, len(value)) or (kind == SWITCH_PDI and len(value) % PDI):
        raise ValueError("size")


def read_opaque(data):
    fields, at = {}, 0
    while at < len(data):
        kind, size = little(data[at : at + 2]), little(data[at + 2 : at + 4])
        value, at = data[at + 4 : at + 4 + size], at + 4 + size
        if at > len(data) or kind in fields:
            raise Malformed("nvgpu.opaque", f"field {kind}")
        try:
            check_field(kind, value)
        except ValueError as error:
            raise Malformed("nvgpu.opaque", f"field {kind}: {error}") from None
        fields[kind] = value
    if VBIOS_VERSION not in fields:
        raise Malformed("nvgpu.opaque", "no VBIOS version")
    return fields


def read_report(data):
    reader = Reader(bytes(data[: SIZE_MAX + 1]))
    if len(data) > SIZE_MAX:
        raise Malformed("nvgpu.size", str(len(data)))
    request = reader.take(REQUEST)
    if request[:4] != bytes([VERSION, GET_MEASUREMENTS, SIGNED_REQUEST, ALL]):
        raise Malformed("nvgpu.request", request[:4].hex())
    response = reader.take(8)
    if response[:2] != bytes([VERSION, MEASUREMENTS]):
        raise Malformed("nvgpu.response", response[:2].hex())
    measurements = read_blocks(reader.take(little(response[5:8])), response[4])
    reader.take(NONCE)
    fields = read_opaque(reader.take(little(reader.take(2))))
    signed = reader.data[: reader.at]
    signature = reader.take(SIGNATURE)
    if reader.at != len(data):
        raise Malformed("nvgpu.trailing", str(len(data) - reader.at))
    return Report(signed, request[4:36], measurements, fields, signature)
