"""Files that `openpcc measure` reads in tests: of our own making, and of Debian's packages."""

import glob
import os
import pathlib
import random
import struct
import subprocess
import sys
import zlib

import pytest
from harness import ROOT

sys.path.insert(0, str(ROOT / "tests/independent"))
import measure  # noqa: E402
from evidence_corpus import read  # noqa: E402: skips where the shared corpus is absent


def own_firmware(path, seed):
    """An OVMF file with random contents and sections."""
    rng = random.Random(seed)
    pages = rng.randrange(2, 9)
    out = bytearray(rng.randbytes(pages * 4096))

    def place(data, back):
        out[len(out) - back : len(out) - back + len(data)] = data

    at, sections = 0x800000, []
    for kind in rng.sample([1, 1, 2, 3, 4, 0x10], 6):
        size = 4096 if kind in (2, 3, 0x10) else 4096 * rng.randrange(1, 4)
        sections.append((at, size, kind))
        at += size + 4096 * rng.randrange(2)
    hashes = next(gpa for gpa, _, kind in sections if kind == 0x10) + rng.randrange(0, 3900)
    place(b"ASEV" + struct.pack("<III", 16 + 12 * len(sections), 1, len(sections)) + b"".join(struct.pack("<III", *s) for s in sections), 3072)
    rows = [(4096, 4096 * (pages - 1) - 77, 2**32 - 4096 * (pages - 1), 4096 * (pages - 1), 0, 1), (0, 4096, 0xFFC00000, 8192, 1, 0),
            (0, 0, 0x809000, 0x2000, 2, 0), (0, 0, 0x80B000, 0x2000, 3, 0), (0, 0, 0x10000000, 0x2000, 4, 2)]
    rng.shuffle(rows)
    place(b"TDVF" + struct.pack("<III", 16 + 32 * len(rows), 1, len(rows)) + b"".join(struct.pack("<IIQQII", *r) for r in rows), 2048)

    def entry(guid, data):
        return data + struct.pack("<H", len(data) + 18) + measure.guid(guid)

    table = (entry("e47a6535-984a-4798-865e-4685a7bf8ec2", struct.pack("<I", 2048)) + entry("dc886566-984a-4798-a75e-5585a7bf67cc", struct.pack("<I", 3072))
             + entry("7255371f-3a3b-4b04-927b-1da6efa8d454", struct.pack("<II", hashes, 0x400))
             + entry("00f771de-1a7e-4fcb-890e-68c77e2fb44e", struct.pack("<I", 0x80B004)))
    table += struct.pack("<H", len(table) + 18) + measure.FOOTER
    place(table, 32 + len(table))
    path.write_bytes(out)
    return path


def own_igvm(seed):
    """An IGVM file for SEV-SNP (mask 1) and TDX (mask 2)."""
    rng = random.Random(seed)
    headers, data, patches = b"", b"", []

    def add(kind, body, contents=b"", at=12):
        nonlocal headers, data
        if contents:
            patches.append((24 + len(headers) + 8 + at, len(data)))
            data += contents.ljust(4096, b"\0")
        headers += struct.pack("<II", kind, len(body)) + body.ljust((len(body) + 7) // 8 * 8, b"\0")

    add(1, struct.pack("<IBBHQ", 1, 0, 2, 1, 0))
    add(1, struct.pack("<IBBHQ", 2, 0, 3, 1, 0))
    add(0x301, struct.pack("<QII", 8192, 4, 0))
    for i in range(12):
        kind = rng.randrange(4)
        contents = rng.randbytes(rng.randrange(1, 4097)) if rng.randrange(3) else b""
        add(0x302, struct.pack("<QIIIHH", 0x100000 + 4096 * i, rng.choice([1, 2, 3]), 0, rng.choice([0, 0, 2, 4]), kind, 0), contents)
    add(0x303, struct.pack("<QII", 0x200000, 3, 4))
    add(0x304, struct.pack("<QIIHH", measure.VMSA_GPA, 1, 0, 0, 0), measure.vmsa_page(0xFFFFFFF0, "qemu", 0, 1))
    out = bytearray(struct.pack("<4sIIIII", b"IGVM", 1, 24, len(headers), 24 + len(headers) + len(data), 0) + headers + data)
    for at, offset in patches:
        struct.pack_into("<I", out, at, 24 + len(headers) + offset)
    struct.pack_into("<I", out, 20, zlib.crc32(bytes(out[: 24 + len(headers)])))
    return bytes(out)


def boot_files(pattern):
    """Files of Debian's packages: installed, or unpacked into the cache by tools/setup.sh."""
    unpacked = os.environ.get("OPENPCC_BOOT_FILES")
    for folder in [unpacked, "/"] if unpacked else ["/"]:
        if found := sorted(glob.glob(str(pathlib.Path(folder) / pattern))):
            return [pathlib.Path(name) for name in found]
    if unpacked:
        pytest.fail(f"no {pattern}: OPENPCC_BOOT_FILES does not have it")
    pytest.skip(f"no {pattern}: OPENPCC_BOOT_FILES is not set")


def with_sections(stub, sections, out):
    """A unified kernel image as objcopy makes it from systemd's stub."""
    command, at = ["objcopy"], 0x200000
    for name, path in sections.items():
        command += ["--add-section", f"{name}={path}", "--change-section-vma", f"{name}={at:#x}"]
        at += (path.stat().st_size // 0x100000 + 1) * 0x100000
    subprocess.run([*command, stub, out], check=True)
    return out


def own_kernel(path):
    """A bzImage with an executable's headers."""
    out = bytearray(random.Random(5).randbytes(0x8000))
    struct.pack_into("<2s58xI", out, 0, b"MZ", 0x80)
    struct.pack_into("<4sHHIIIHH", out, 0x80, b"PE\0\0", 0x8664, 1, 0, 0, 0, 240, 0)
    struct.pack_into("<H", out, 0x98, 0x20B)
    struct.pack_into("<I", out, 0x98 + 60, 0x1000)
    struct.pack_into("<I", out, 0x98 + 108, 16)
    out[0x98 + 112 : 0x98 + 240] = bytes(128)
    struct.pack_into("<8sIIII", out, 0x188, b".text", 0x7000, 0x1000, 0x7000, 0x1000)
    struct.pack_into("<4sH", out, 0x202, b"HdrS", 0x20F)
    out[0x211] = 1
    struct.pack_into("<H", out, 0x236, 2)
    path.write_bytes(out)
    return path


def signature_list(owner, certificate):
    return measure.guid("a5c059a1-94e4-4aa7-87b5-ab155c2bf072") + struct.pack("<III", 44 + len(certificate), 0, 16 + len(certificate)) + owner + certificate


def dstack_firmware(path):
    """A firmware with the sections that dstack's has; its own contents were not published, so MRTD is another."""
    own_firmware(path, 1)
    data = bytearray(path.read_bytes())
    rows = [(0, 0, 0x810000, 0x10000, 3, 0), (0, 0, 0x80B000, 0x2000, 3, 0), (0, 0, 0x809000, 0x2000, 2, 0), (0, 0, 0x800000, 0x6000, 3, 0)]
    block = b"TDVF" + struct.pack("<III", 16 + 32 * len(rows), 1, len(rows)) + b"".join(struct.pack("<IIQQII", *r) for r in rows)
    data[len(data) - 2048 : len(data) - 2048 + len(block)] = block
    path.write_bytes(data)
    return path


def forged_report(path, digest):
    """A recorded report with another MEASUREMENT: whether it is genuine, diff does not ask."""
    report = bytearray(read("snp/reports/v2-milan-virtee/report.bin"))
    report[0x90:0xC0] = bytes.fromhex(digest)
    path.write_bytes(report)
    return path
