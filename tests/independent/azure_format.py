"""The bytes of the report that the paravisor of Azure's confidential VMs (HCL) leaves in the vTPM, and of the TDREPORT in it; little endian."""

import dataclasses
import hashlib

from judgement import Malformed

SIZE, REPORT, DATA, JSON = 2600, 32, 1216, 1236
MAGIC, VERSIONS, REQUEST, DATA_VERSION = b"HCLA", (1, 2), 2, 1
SNP, TDX = 2, 4
HASHES = {1: "sha256", 2: "sha384", 3: "sha512"}
TDREPORT, TD_TYPE = 1024, 0x81


def little(data):
    return int.from_bytes(data, "little")


@dataclasses.dataclass
class HclReport:
    version: int
    kind: int  # SNP or TDX
    hardware: bytes
    hash: str
    json: bytes

    @property
    def report_data(self):
        return self.hardware[0x50:0x90] if self.kind == SNP else self.hardware[128:192]

    def binding(self):
        """What REPORT_DATA must be."""
        return hashlib.new(self.hash, self.json).digest().ljust(64, b"\x00")


def read_hcl(data):
    def need(holds, rule, detail=""):
        if not holds:
            raise Malformed(f"azure.hcl.{rule}", str(detail))

    need(len(data) == SIZE, "size", len(data))
    version, report_size, request, status = (little(data[i : i + 4]) for i in (4, 8, 12, 16))
    data_size, data_version, kind, code, json_size = (little(data[i : i + 4]) for i in range(DATA, JSON, 4))
    need(data[:4] == MAGIC, "magic")
    need(version in VERSIONS and data_version == DATA_VERSION, "version", version)
    need(request == REQUEST, "request", request)
    need(not any(data[16:REPORT]), "status", status)
    need(kind in (SNP, TDX), "report_type", kind)
    need(code in HASHES, "hash_type", code)
    fits = report_size == JSON + json_size and data_size == JSON - DATA + json_size and report_size <= SIZE
    need(fits, "length", f"{report_size}, {data_size}, {json_size}")
    need(not any(data[report_size:]) and not (kind == TDX and any(data[REPORT + TDREPORT : DATA])), "padding")
    return HclReport(version, kind, data[REPORT:DATA], HASHES[code], data[JSON:report_size])


@dataclasses.dataclass
class TdReport:
    data: bytes

    # Where the same field stands in a TDREPORT and in the body of a quote.
    FIELDS = {
        "TEE_TCB_SVN": (264, 0, 16), "MRSEAM": (280, 16, 48), "MRSIGNERSEAM": (328, 64, 48), "SEAMATTRIBUTES": (376, 112, 8),
        "TDATTRIBUTES": (512, 120, 8), "XFAM": (520, 128, 8), "MRTD": (528, 136, 48), "MRCONFIGID": (576, 184, 48), "MROWNER": (624, 232, 48),
        "MROWNERCONFIG": (672, 280, 48), "RTMRs": (720, 328, 192), "REPORTDATA": (128, 520, 64),
    }  # fmt: skip

    def consistent(self):
        """Whether the hashes cover their parts; the MAC over them cannot be checked from afar."""
        tcb, info = hashlib.sha384(self.data[256:495]).digest(), hashlib.sha384(self.data[512:1024]).digest()
        return self.data[0] == TD_TYPE and (self.data[32:80], self.data[80:128]) == (tcb, info)

    def differing(self, body):
        """Names of the fields that are not those of a quote's body."""
        return [name for name, (here, there, size) in self.FIELDS.items() if self.data[here : here + size] != body[there : there + size]]
