"""The bytes of AMD SEV-SNP attestation reports (SEV-SNP Firmware ABI, table "ATTESTATION_REPORT"), and of the table of certificates beside them."""

import dataclasses
import uuid

from judgement import Malformed

SIZE = 0x4A0
SIGNED = 0x2A0
P384_ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFC7634D81F4372DDF581A0DB248B0A77AECEC196ACCC52973
VCEK, VLEK = 0, 1


def little(data):
    return int.from_bytes(data, "little")


def product_of_cpuid(family, model):
    if family == 0x19 and model <= 0x0F:
        return "Milan"
    if family == 0x19 and (0x10 <= model <= 0x1F or 0xA0 <= model <= 0xAF):
        return "Genoa"
    if family == 0x1A and model <= 0x11:
        return "Turin"
    return None


@dataclasses.dataclass
class Report:
    data: bytes

    def field(self, at, size):
        return self.data[at : at + size]

    def number(self, at, size):
        return little(self.field(at, size))

    version = property(lambda self: self.number(0x000, 4))
    guest_svn = property(lambda self: self.number(0x004, 4))
    policy = property(lambda self: self.number(0x008, 8))
    vmpl = property(lambda self: self.number(0x030, 4))
    current_tcb = property(lambda self: self.field(0x038, 8))
    platform_info = property(lambda self: self.number(0x040, 8))
    flags = property(lambda self: self.number(0x048, 4))
    report_data = property(lambda self: self.field(0x050, 64))
    measurement = property(lambda self: self.field(0x090, 48))
    host_data = property(lambda self: self.field(0x0C0, 32))
    id_key_digest = property(lambda self: self.field(0x0E0, 48))
    author_key_digest = property(lambda self: self.field(0x110, 48))
    reported_tcb = property(lambda self: self.field(0x180, 8))
    cpuid = property(lambda self: (self.data[0x188], self.data[0x189]))
    chip_id = property(lambda self: self.field(0x1A0, 64))
    committed_tcb = property(lambda self: self.field(0x1E0, 8))
    current_version = property(lambda self: tuple(reversed(self.field(0x1E8, 3))))
    committed_version = property(lambda self: tuple(reversed(self.field(0x1EC, 3))))
    launch_tcb = property(lambda self: self.field(0x1F0, 8))
    launch_mitigations = property(lambda self: self.number(0x1F8, 8))
    current_mitigations = property(lambda self: self.number(0x200, 8))
    masked_chip = property(lambda self: bool(self.flags & 2))
    signing_key = property(lambda self: self.flags >> 2 & 7)


def reserved_ranges(version):
    yield from ((0x4C, 0x50), (0x18B, 0x1A0), (0x1EB, 0x1EC), (0x1EF, 0x1F0), (0x208, 0x2A0), (0x330, SIZE))
    if version == 2:
        yield 0x188, 0x18B
    if version < 5:
        yield 0x1F8, 0x208


def read_report(data):
    if len(data) != SIZE:
        raise Malformed("snp.length", str(len(data)))
    report = Report(bytes(data))
    if report.version not in (2, 3, 4, 5):
        raise Malformed("snp.version", str(report.version))
    if report.number(0x34, 4) != 1:
        raise Malformed("snp.signature_algo")
    for start, end in reserved_ranges(report.version):
        if any(data[start:end]):
            raise Malformed("snp.reserved", f"{start:#x}")
    if report.flags >> 5:
        raise Malformed("snp.reserved", "flags")
    for at in (0x2A0, 0x2E8):
        if not 0 < report.number(at, 72) < P384_ORDER:
            raise Malformed("snp.signature_encoding", f"{at:#x}")
    return report


# The certificate table: entries of GUID, offset and length, ended by a zero one, then the certificates.

TABLE_NAMES = {
    "63da758d-e664-4564-adc5-f4b93be8accd": "vcek",
    "a8074bc2-a25a-483e-aae6-39c045a0b8a1": "vlek",
    "4ab7b379-bbac-4fe4-a02f-05aef327c782": "ask",
    "c0b406a4-a803-4952-9743-3fb6014cd0ae": "ark",
}


def read_table(data):
    """Returns {name: certificate}; entries of other names are left out."""
    entries, at = [], 0
    while True:
        entry = data[at : at + 24]
        if len(entry) < 24:
            raise Malformed("snp.table.syntax", "no end")
        at += 24
        if not any(entry):
            break
        entries.append((str(uuid.UUID(bytes=entry[:16])), little(entry[16:20]), little(entry[20:24])))
    if len({name for name, _, _ in entries}) != len(entries):
        raise Malformed("snp.table.syntax", "an entry twice")
    for name, offset, length in entries:
        if offset < at or offset + length > len(data) or length == 0:
            raise Malformed("snp.table.syntax", name)
    return {TABLE_NAMES[name]: data[offset : offset + length] for name, offset, length in entries if name in TABLE_NAMES}
