"""The tables of spec/evidence_regions, and where their regions lie in a given report, certificate or quote; evidence_places.py knows the rest."""

import base64
import dataclasses
import functools
import pathlib
import tomllib

from strict_der import read

SPEC = pathlib.Path(__file__).resolve().parents[2] / "spec"
TABLES = [tomllib.loads(path.read_text()) for path in sorted((SPEC / "evidence_regions").glob("*.toml"))]
RULES = {rule: words for table in TABLES for rule, words in table["rules"].items()}
REGIONS = {name: rows for table in TABLES for name, rows in table["regions"].items()}
COMMON_NAME = bytes.fromhex("550403")


@dataclasses.dataclass(frozen=True)
class Region:
    field: str
    start: int
    size: int
    mask: int
    reason: frozenset
    bits: frozenset
    everywhere: bool


def region(row, start, size):
    reason = frozenset(row["reason"])
    return Region(row["field"], start, size, row.get("mask", 0xFF), reason, frozenset(row.get("bits", reason)), row.get("part") == "*")


def rows(table, version=None):
    return [row for row in REGIONS[table] if version is None or version in row.get("versions", [version])]


def report_regions(version):
    return [region(row, row["at"], row["size"]) for row in rows("snp_report", version)]


def whole_regions(table, size):
    return [region(row, row["at"], row["size"] or size - row["at"]) for row in rows(table)]


def placed_regions(table, places, version=None):
    """`places`: {what the table's `from` names: [(start, end), ...]}; a row holds at each of them."""
    for row in rows(table, version):
        for start, end in places.get(row.get("from"), []):
            size = row["size"] or end - start - row["at"]
            if size > 0 and start + row["at"] + size <= end:
                yield region(row, start + row["at"], size)


# Quotes.


def little(data):
    return int.from_bytes(data, "little")


def quote_parts(data):
    """{name: (start, end)} of what the table's `from` names."""
    version = little(data[:2])
    body = 54 if version == 5 else 48
    signature = body + (little(data[50:54]) if version == 5 else 584)
    padding = signature + 4 + little(data[signature : signature + 4])
    qe = signature + 138
    auth = qe + 450
    certificates = auth + little(data[qe + 448 : auth])
    parts = {None: (0, body), "body": (body, signature), "signature": (signature, qe), "qe": (qe, auth), "auth": (auth, certificates)}
    return parts | {"certificates": (certificates, padding), "padding": (padding, len(data))}


def quote_regions(data):
    parts = quote_parts(data)
    for row in rows("tdx_quote", little(data[:2])):
        start, end = parts[row.get("from")]
        size = row["size"] or end - start - row["at"]
        if size > 0 and start + row["at"] + size <= end:
            yield region(row, start + row["at"], size)


# DER.


@dataclasses.dataclass(frozen=True)
class Span:
    tag: int
    start: int  # of the content
    end: int


def spans(data, start, end):
    found = []
    while start < end:
        element, _ = read(data[start:end])
        stop = start + len(element.whole)
        found.append(Span(element.tag, stop - len(element.content), stop))
        start = stop
    return found


def inside(data, span):
    return spans(data, span.start, span.end)


def common_name(data, name):
    for group in inside(data, name):
        for attribute in inside(data, group):
            kind, value = inside(data, attribute)
            if data[kind.start : kind.end] == COMMON_NAME:
                return value
    return None


def extension(data, extensions, identifier):
    first, *rest = (int(arc) for arc in identifier.split("."))
    coded = bytes([40 * first + rest[0]]) + b"".join(base128(arc) for arc in rest[1:])
    for one in inside(data, inside(data, extensions)[0]):
        parts = inside(data, one)
        if data[parts[0].start : parts[0].end] == coded:
            return parts[-1]
    return None


def base128(arc):
    digits = [arc & 0x7F]
    while arc := arc >> 7:
        digits.insert(0, arc & 0x7F | 0x80)
    return bytes(digits)


def without_unused_bits(span):
    return Span(span.tag, span.start + 1, span.end)


def locate(der, part):
    """The span of a named part of a certificate or revocation list, or None where it has none."""
    whole = spans(der, 0, len(der))[0]
    tbs, algorithm, signature = inside(der, whole)
    if part == "*":
        return Span(0, 0, len(der))
    if part == "signatureAlgorithm":
        return algorithm
    if part == "signatureValue":
        return without_unused_bits(signature)
    fields = inside(der, tbs)
    if part.startswith("extension:"):
        return extension(der, fields[7], part.removeprefix("extension:"))
    validity = inside(der, fields[4])
    return {
        "tbs.serialNumber": lambda: fields[1],
        "tbs.signature": lambda: fields[2],
        "tbs.issuer.CN": lambda: common_name(der, fields[3]),
        "tbs.validity.notBefore": lambda: validity[0],
        "tbs.validity.notAfter": lambda: validity[1],
        "tbs.subject.CN": lambda: common_name(der, fields[5]),
        "tbs.spki.key": lambda: without_unused_bits(inside(der, fields[6])[1]),
    }[part]()


@functools.lru_cache(256)
def der_regions(table, der):
    found = ((row, locate(der, row["part"])) for row in rows(table))
    return [region(row, span.start, span.end - span.start) for row, span in found if span]


def pem(chain):
    lines = []
    for der in chain:
        text = base64.b64encode(der).decode("ascii")
        lines += ["-----BEGIN CERTIFICATE-----", *(text[i : i + 64] for i in range(0, len(text), 64)), "-----END CERTIFICATE-----"]
    return ("\n".join(lines) + "\n").encode("ascii")


# Mutations.

EVERYWHERE_STEP = 17


def positions(one):
    if one.everywhere:
        return range(0, one.size, EVERYWHERE_STEP)
    return sorted({0, one.size // 2, one.size - 1})


def flips(one, position):
    """(flipped bits, rules) for a byte of a region: all that the mask has; in the middle also each alone; at `everywhere` one alone, in turn."""
    bits = [1 << i for i in range(8) if one.mask >> i & 1]
    if one.everywhere:
        bits = [bits[position // EVERYWHERE_STEP % len(bits)]]
    elif position != one.size // 2:
        bits = []
    return [(one.mask, one.reason), *((bit, one.bits) for bit in bits)]


def mutations(data, regions):
    """Yields (words for it, mutated data, the rules of which one must come first)."""
    for one in regions:
        for position in positions(one):
            at = one.start + position
            for flipped, rules in flips(one, position):
                mutated = data[:at] + bytes([data[at] ^ flipped]) + data[at + 1 :]
                yield f"{one.field} at {at:#x} flipped by {flipped:#04x}", mutated, rules
