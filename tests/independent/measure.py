"""What a machine should measure, computed a second time from the specifications alone: SEV-SNP launch digests (OVMF and IGVM), TDX's MRTD and
runtime registers, TPM registers of unified kernel images. Nothing of libs/measure is used; tests/independent/test_measured_values.py holds both against the
published values and against each other."""

import hashlib
import struct
import uuid

PAGE = 4096
VMSA_GPA = 0xFFFFFFFFF000
NORMAL, VMSA, ZERO, UNMEASURED, SECRETS, CPUID = 1, 2, 3, 4, 5, 6
SIGNATURES = {
    "EPYC": (23, 1, 2), "EPYC-v1": (23, 1, 2), "EPYC-v2": (23, 1, 2), "EPYC-v3": (23, 1, 2), "EPYC-v4": (23, 1, 2), "EPYC-IBPB": (23, 1, 2),
    "EPYC-Rome": (23, 49, 0), "EPYC-Milan": (25, 1, 1), "EPYC-Genoa": (25, 17, 0), "EPYC-Turin": (26, 0, 0),
}


def sha384(data):
    return hashlib.sha384(data).digest()


def guid(text):
    return uuid.UUID(text).bytes_le


def cpu_signature(name):
    family, model, stepping = SIGNATURES[name]
    return (family - 15) << 20 | (model >> 4) << 16 | 15 << 8 | (model & 15) << 4 | stepping


# --- firmware ---------------------------------------------------------------------------------------------------------------------------------

FOOTER = guid("96b582de-1fb2-45f7-baea-a366c55a082d")


def firmware_table(firmware):
    """The GUIDed table that ends 32 bytes before the end: {GUID: data}."""
    end = len(firmware) - 32
    if end < 18 or firmware[end - 16 : end] != FOOTER:
        return {}
    (total,) = struct.unpack_from("<H", firmware, end - 18)
    table = firmware[end - total : end - 18]
    out = {}
    while len(table) >= 18:
        (size,) = struct.unpack_from("<H", table, len(table) - 18)
        if size < 18 or size > len(table):
            raise ValueError("entry size")
        out.setdefault(table[-16:], table[len(table) - size : len(table) - 18])
        table = table[: len(table) - size]
    return out


def sev_sections(firmware):
    (back,) = struct.unpack("<I", firmware_table(firmware)[guid("dc886566-984a-4798-a75e-5585a7bf67cc")])
    at = len(firmware) - back
    magic, _, version, count = struct.unpack_from("<4sIII", firmware, at)
    if magic != b"ASEV" or version != 1:
        raise ValueError("SEV metadata")
    return [struct.unpack_from("<III", firmware, at + 16 + 12 * i) for i in range(count)]


# --- SEV-SNP ----------------------------------------------------------------------------------------------------------------------------------


def extend_page(digest, contents, kind, gpa):
    return sha384(digest + contents + struct.pack("<HBBIQ", 0x70, kind, 0, 0, gpa))


def snp_digest(pages):
    """pages: (type, gpa, 48 bytes of contents digest)."""
    digest = bytes(48)
    for kind, gpa, contents in pages:
        digest = extend_page(digest, contents, kind, gpa)
    return digest


def hashes_table(cmdline, initrd, kernel):
    def entry(name, digest):
        return guid(name) + struct.pack("<H", 50) + digest

    body = (entry("97d02dd8-bd20-4c94-aa78-e7714d36ab2a", hashlib.sha256(cmdline + b"\0").digest())
            + entry("44baf731-3a2f-4bd7-9af1-41e29169781d", hashlib.sha256(initrd).digest())
            + entry("4de79437-abd2-427f-b835-d5b172d2045b", hashlib.sha256(kernel).digest()))
    table = guid("9438d606-4f22-4cc9-b479-a793d411fd21") + struct.pack("<H", 18 + len(body)) + body
    return table.ljust(176, b"\0")


def vmsa_page(eip, vmm, signature, features):
    page = bytearray(PAGE)

    def segment(at, selector, attributes, limit, base):
        struct.pack_into("<HHIQ", page, at, selector, attributes, limit, base)

    ec2, gce, boot = vmm == "ec2", vmm == "gce", eip == 0xFFFFFFF0
    for at in (0x00, 0x30, 0x40, 0x50):
        segment(at, 0, 0x93, 0xFFFF, 0)
    segment(0x10, 0xF000, 0x9A if ec2 and boot else 0x9B, 0xFFFF, eip & 0xFFFF0000)
    segment(0x20, 0, 0x92 if ec2 else 0x93, 0xFFFF, 0)
    segment(0x60, 0, 0, 0xFFFF, 0)
    segment(0x70, 0, 0x82, 0xFFFF, 0)
    segment(0x80, 0, 0, 0xFFFF, 0)
    segment(0x90, 0, 0x83 if ec2 else 0x8B, 0xFFFF, 0)
    for at, value in ((0xD0, 0x1000), (0x148, 0x40), (0x158, 0x10), (0x160, 0x400), (0x168, 0xFFFF0FF0), (0x170, 2), (0x178, eip & 0xFFFF),
                      (0x268, 0x00070106 if gce else 0x0007040600070406), (0x310, signature if vmm == "qemu" else 0x600),
                      (0x3B0, features), (0x3E8, 1)):
        struct.pack_into("<Q", page, at, value)
    if vmm == "qemu":
        struct.pack_into("<I", page, 0x408, 0x1F80)
        struct.pack_into("<H", page, 0x410, 0x37F)
    return bytes(page)


def snp_pages(firmware, vmm, vcpus, signature, features, kernel=None, initrd=b"", cmdline=b""):
    base = 2**32 - len(firmware)
    pages = [(NORMAL, base + at, sha384(firmware[at : at + PAGE])) for at in range(0, len(firmware), PAGE)]
    table = firmware_table(firmware)
    sections = sev_sections(firmware)
    if vmm == "ec2":
        sections = [s for s in sections if s[2] != 3] + [s for s in sections if s[2] == 3]
    if kernel is not None and not any(kind == 0x10 for _, _, kind in sections):
        raise ValueError("no section for kernel hashes")
    for gpa, size, kind in sections:
        if kind == 2:
            pages.append((SECRETS, gpa, bytes(48)))
        elif kind == 3:
            pages.append((CPUID, gpa, bytes(48)))
        elif kind == 0x10 and kernel is not None:
            (at, _) = struct.unpack("<II", table[guid("7255371f-3a3b-4b04-927b-1da6efa8d454")])
            page = bytes(at & 0xFFF) + hashes_table(cmdline, initrd, kernel)
            pages.append((NORMAL, gpa, sha384(page.ljust(PAGE, b"\0"))))
        else:
            page_type = UNMEASURED if vmm == "gce" and kind == 1 else ZERO
            pages += [(page_type, gpa + at, bytes(48)) for at in range(0, size, PAGE)]
    (reset,) = struct.unpack("<I", table[guid("00f771de-1a7e-4fcb-890e-68c77e2fb44e")][:4])
    for vcpu in range(vcpus):
        pages.append((VMSA, VMSA_GPA, sha384(vmsa_page(0xFFFFFFF0 if vcpu == 0 else reset, vmm, signature, features))))
    return pages


def snp_key_digest(key):
    """key: the 0x404 bytes of a public key in an ID authentication block."""
    return sha384(key)


# --- TDX --------------------------------------------------------------------------------------------------------------------------------------


def tdvf_sections(firmware):
    (back,) = struct.unpack("<I", firmware_table(firmware)[guid("e47a6535-984a-4798-865e-4685a7bf8ec2")])
    at = len(firmware) - back
    magic, _, version, count = struct.unpack_from("<4sIII", firmware, at)
    if magic != b"TDVF" or version != 1:
        raise ValueError("TDVF descriptor")
    return [struct.unpack_from("<IIQQII", firmware, at + 16 + 32 * i) for i in range(count)]


def mrtd(firmware, single_pass=True):
    stream = hashlib.sha384()
    for offset, raw, gpa, size, _, attributes in tdvf_sections(firmware):
        data = firmware[offset : offset + raw].ljust(size, b"\0") if attributes & 1 else b""

        def add(page):
            if not attributes & 2:
                stream.update(b"MEM.PAGE.ADD".ljust(16, b"\0") + struct.pack("<Q", gpa + page) + bytes(104))

        def extend(page):
            for chunk in range(page, page + PAGE, 256) if attributes & 1 else ():
                stream.update(b"MR.EXTEND".ljust(16, b"\0") + struct.pack("<Q", gpa + chunk) + bytes(104) + data[chunk : chunk + 256])

        if single_pass:
            for page in range(0, size, PAGE):
                add(page)
                extend(page)
        else:
            for page in range(0, size, PAGE):
                add(page)
            for page in range(0, size, PAGE):
                extend(page)
    return stream.digest()


def td_hob(hob_base, accepted, memory, split=0x80000000, threshold=0xB0000000):
    """The hand-off block that QEMU writes: accepted: (start, end) of the sections that hold it and temporary memory."""
    ranges = []
    at = 0
    for start, end in sorted(accepted):
        if at < start:
            ranges.append((7, at, start - at))
        ranges.append((0, start, end - start))
        at = end
    if memory >= threshold:
        ranges.append((7, at, split - at))
        if memory > split:
            ranges.append((7, 1 << 32, memory - split))
    else:
        ranges.append((7, at, memory - at))
    body = b"".join(struct.pack("<HHI16xIIQQ", 3, 48, 0, kind, 7, start, size) for kind, start, size in ranges)
    return struct.pack("<HHIII32xQ", 1, 56, 0, 9, 0, hob_base + 56 + len(body) + 8) + body


def tdvf_hob(firmware, memory):
    sections = tdvf_sections(firmware)
    base = next(gpa for _, _, gpa, _, kind, _ in sections if kind == 2)
    return td_hob(base, [(gpa, gpa + size) for _, _, gpa, size, kind, _ in sections if kind in (2, 3)], memory)


def replay(digests, algorithm="sha384"):
    register = bytes(hashlib.new(algorithm).digest_size)
    for digest in digests:
        register = hashlib.new(algorithm, register + digest).digest()
    return register


def release(mrtd_value, rtmrs):
    return sha384(b"openpcc tdx release v1\0" + mrtd_value + b"".join(rtmrs))


# --- UEFI -------------------------------------------------------------------------------------------------------------------------------------


def efi_variable(vendor, name, data):
    return guid(vendor) + struct.pack("<QQ", len(name), len(data)) + name.encode("utf-16-le") + data


def gpt_event(disk, sector=512):
    header = disk[sector : sector + 92]
    entries, count, size = struct.unpack_from("<QII", header, 72)
    table = [disk[entries * sector + i * size : entries * sector + (i + 1) * size] for i in range(count)]
    used = [entry for entry in table if entry[:16] != bytes(16)]
    return header + struct.pack("<Q", len(used)) + b"".join(used)


def pe_layout(image):
    (pe,) = struct.unpack_from("<I", image, 0x3C)
    if image[pe : pe + 4] != b"PE\0\0":
        raise ValueError("PE signature")
    sections, optional_size = struct.unpack_from("<H", image, pe + 6)[0], struct.unpack_from("<H", image, pe + 20)[0]
    optional = pe + 24
    directories = optional + (112 if struct.unpack_from("<H", image, optional)[0] == 0x20B else 96)
    return optional, directories + 4 * 8, optional + optional_size, sections


def authenticode(image, algorithm="sha384"):
    optional, security, table, count = pe_layout(image)
    (headers,) = struct.unpack_from("<I", image, optional + 60)
    (_, certificates) = struct.unpack_from("<II", image, security)
    digest = hashlib.new(algorithm)
    digest.update(image[: optional + 64] + image[optional + 68 : security] + image[security + 8 : headers])
    hashed = headers
    places = sorted((struct.unpack_from("<II", image, table + 40 * i + 16)[::-1] for i in range(count)))
    for at, size in places:
        digest.update(image[at : at + size])
        hashed += size
    if len(image) > hashed + certificates:
        digest.update(image[hashed : len(image) - certificates])
    return digest.digest()  # firmware hashes no padding; signing tools pad the file itself


def pe_sections(image):
    _, _, table, count = pe_layout(image)
    out = []
    for i in range(count):
        name, virtual, _, raw, at = struct.unpack_from("<8sIIII", image, table + 40 * i)
        out.append((name.rstrip(b"\0").decode(), image[at : at + min(virtual, raw)].ljust(virtual, b"\0")))
    return out


UKI_ORDER = [".linux", ".osrel", ".cmdline", ".initrd", ".ucode", ".splash", ".dtb", ".uname", ".sbat", ".pcrpkey", ".profile"]


def uki_pcr11(sections, phases=(), algorithm="sha256"):
    """sections: {name: bytes}; the stub measures each one's name with its NUL, then its bytes."""
    digests = []
    for name in UKI_ORDER:
        if name in sections:
            digests += [hashlib.new(algorithm, name.encode() + b"\0").digest(), hashlib.new(algorithm, sections[name]).digest()]
    digests += [hashlib.new(algorithm, phase.encode()).digest() for phase in phases]
    return replay(digests, algorithm)


# --- the kernel as QEMU hands it over ---------------------------------------------------------------------------------------------------------


def patched_kernel(kernel, initrd_size, memory, acpi=0x28000):
    out = bytearray(kernel)
    (protocol,) = struct.unpack_from("<H", out, 0x206)
    high = protocol >= 0x200 and out[0x211] & 1
    real, cmdline = (0x10000, 0x20000) if high else (0x90000, 0x9A000)
    if protocol >= 0x200:
        out[0x210] = 0xB0
    if protocol >= 0x201:
        out[0x211] |= 0x80
        struct.pack_into("<I", out, 0x224, cmdline - real - 0x200)
    if protocol >= 0x202:
        struct.pack_into("<I", out, 0x228, cmdline)
    if initrd_size:
        limit = 0x37FFFFFF
        if protocol >= 0x20C and struct.unpack_from("<H", out, 0x236)[0] & 2:
            limit = 0xFFFFFFFF
        elif 0x203 <= protocol:
            limit = struct.unpack_from("<I", out, 0x22C)[0] or limit
        lowmem = 0xB0000000 if memory < 0xB0000000 else 0x80000000
        below = min(memory, lowmem) - acpi
        if limit >= below:
            limit = below - 1
        struct.pack_into("<II", out, 0x218, (limit - initrd_size) & ~4095, initrd_size)
    return bytes(out)


# --- IGVM -------------------------------------------------------------------------------------------------------------------------------------


def igvm_headers(file):
    magic, version, at, size, total, _ = struct.unpack_from("<4sIIIII", file, 0)
    if magic != b"IGVM" or version != 1 or total != len(file):
        raise ValueError("IGVM header")
    end = at + size
    while at < end:
        kind, length = struct.unpack_from("<II", file, at)
        yield kind, file[at + 8 : at + 8 + length]
        at += 8 + (length + 7) // 8 * 8


def igvm_data(file, offset, size=PAGE):
    return file[offset : offset + size].ljust(size, b"\0") if offset else bytes(size)


def igvm_snp(file, mask):
    pages = []
    areas = {}
    for kind, body in igvm_headers(file):
        if kind == 0x301:
            size, index, _ = struct.unpack_from("<QII", body)
            areas[index] = size
        elif kind == 0x302:
            gpa, own, offset, flags, data_type, _ = struct.unpack_from("<QIIIHH", body)
            if own & mask == 0 or flags & 4:
                continue
            if data_type == 1:
                pages.append((SECRETS, gpa, bytes(48)))
            elif data_type in (2, 3):
                pages.append((CPUID, gpa, bytes(48)))
            elif flags & 2:
                pages.append((UNMEASURED, gpa, bytes(48)))
            else:
                pages.append((NORMAL, gpa, sha384(igvm_data(file, offset))))
        elif kind == 0x303:
            gpa, own, index = struct.unpack_from("<QII", body)
            if own & mask:
                pages += [(UNMEASURED, gpa + at, bytes(48)) for at in range(0, areas[index], PAGE)]
        elif kind == 0x304:
            gpa, own, offset, _, _ = struct.unpack_from("<QIIHH", body)
            if own & mask:
                pages.append((VMSA, gpa, sha384(igvm_data(file, offset))))
    return snp_digest(pages)
