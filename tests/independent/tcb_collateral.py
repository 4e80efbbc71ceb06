"""Intel's signed JSON: TCB info version 3 and the identities of quoting enclaves, version 2, read strictly."""

import dataclasses
import datetime
import functools
import json
import re

from judgement import Malformed

STATUSES = {
    "UpToDate", "SWHardeningNeeded", "ConfigurationNeeded", "ConfigurationAndSWHardeningNeeded", "OutOfDate", "OutOfDateConfigurationNeeded",
    "Revoked",
}  # fmt: skip
COMPONENTS = 16


def need(condition, what):
    if not condition:
        raise Malformed("tdx.collateral.syntax", what)


def no_member_twice(pairs):
    members = dict(pairs)
    need(len(members) == len(pairs), "a member twice")
    return members


DECODER = json.JSONDecoder(object_pairs_hook=no_member_twice)


def parse(data):
    try:
        text = data.decode("utf-8")
        value = json.loads(text, object_pairs_hook=no_member_twice)
    except (ValueError, RecursionError) as error:
        raise Malformed("tdx.collateral.syntax", str(error)) from None
    need(isinstance(value, dict), "no object")
    return value


def cut(document, name):
    """The bytes of the value of member `name`, as they stand in `{"<name>": <value>, "signature": "<hex>"}` in either order, and the signature."""
    members = parse(document)
    need(set(members) == {name, "signature"}, "members")
    text, found = document.decode("utf-8"), {}
    at = re.compile(r"\s*\{").match(text).end()
    for _ in range(2):
        match = re.compile(r'\s*,?\s*"(\w+)"\s*:\s*').match(text, at)
        _, at = DECODER.raw_decode(text, match.end())
        found[match.group(1)] = text[match.end() : at]
    return found[name].encode(), hex_of({"signature": members["signature"]}, "signature", 64)


def member(value, name, kind):
    need(isinstance(value, dict) and isinstance(value.get(name), kind) and not isinstance(value.get(name), bool), name)
    return value[name]


def hex_of(value, name, size):
    text = member(value, name, str)
    need(re.fullmatch(r"[0-9A-Fa-f]{%d}" % (2 * size), text), name)
    return bytes.fromhex(text)


def number_of(value, name, most):
    number = member(value, name, int)
    need(0 <= number <= most, name)
    return number


def time_of(value, name):
    text = member(value, name, str)
    try:
        return datetime.datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=datetime.timezone.utc)
    except ValueError:
        raise Malformed("tdx.collateral.syntax", name) from None


@dataclasses.dataclass(frozen=True)
class Level:
    status: str
    date: datetime.datetime
    advisories: tuple
    isvsvn: int | None = None
    components: tuple = ()
    pcesvn: int | None = None
    tdx_components: tuple = ()


def read_status(level):
    status = member(level, "tcbStatus", str)
    need(status in STATUSES, status)
    advisories = level.get("advisoryIDs", [])
    need(isinstance(advisories, list) and all(isinstance(one, str) for one in advisories), "advisoryIDs")
    return status, time_of(level, "tcbDate"), tuple(advisories)


def read_enclave_levels(value):
    return [Level(*read_status(level), isvsvn=number_of(member(level, "tcb", dict), "isvsvn", 65535)) for level in member(value, "tcbLevels", list)]


def read_components(tcb, name):
    components = member(tcb, name, list)
    need(len(components) == COMPONENTS, f"{len(components)} of {name}")
    return tuple(number_of(one, "svn", 255) for one in components)


def read_platform_levels(value, tdx):
    levels = []
    for level in member(value, "tcbLevels", list):
        tcb = member(level, "tcb", dict)
        tdx_components = read_components(tcb, "tdxtcbcomponents") if tdx else ()
        parts = read_components(tcb, "sgxtcbcomponents"), number_of(tcb, "pcesvn", 65535), tdx_components
        levels.append(Level(*read_status(level), None, *parts))
    return levels


@dataclasses.dataclass(frozen=True)
class Enclave:
    """What a TDX module or a quoting enclave must be: levels stand from the highest down, the first that is not above decides."""

    mrsigner: bytes
    attributes: bytes
    attributes_mask: bytes
    levels: tuple

    def level(self, isvsvn):
        return next((level for level in self.levels if isvsvn >= level.isvsvn), None)


@dataclasses.dataclass(frozen=True)
class Document:
    id: str
    version: int
    issued: datetime.datetime
    next_update: datetime.datetime
    evaluation: int


def read_document(value):
    return (
        member(value, "id", str), number_of(value, "version", 99), time_of(value, "issueDate"), time_of(value, "nextUpdate"),
        number_of(value, "tcbEvaluationDataNumber", 65535),
    )  # fmt: skip


@dataclasses.dataclass(frozen=True)
class TcbInfo(Document):
    fmspc: bytes
    pceid: bytes
    levels: tuple
    module: Enclave | None
    modules: dict


def read_module(value, levels=()):
    return Enclave(hex_of(value, "mrsigner", 48), hex_of(value, "attributes", 8), hex_of(value, "attributesMask", 8), levels)


@functools.lru_cache(64)
def read_tcb_info(data):
    value = parse(data)
    document = read_document(value)
    tdx, module, modules = document[0] == "TDX", None, {}
    if tdx:
        module = read_module(member(value, "tdxModule", dict))
        for one in value.get("tdxModuleIdentities", []):
            name = member(one, "id", str)
            need(name not in modules, f"{name} twice")
            modules[name] = read_module(one, tuple(read_enclave_levels(one)))
    levels = tuple(read_platform_levels(value, tdx))
    return TcbInfo(*document, hex_of(value, "fmspc", 6), hex_of(value, "pceId", 2), levels, module, modules)


@dataclasses.dataclass(frozen=True)
class Identity(Document, Enclave):
    miscselect: bytes
    miscselect_mask: bytes
    isvprodid: int


@functools.lru_cache(64)
def read_identity(data):
    value = parse(data)
    names = ("id", "version", "issued", "next_update", "evaluation")
    return Identity(
        **dict(zip(names, read_document(value), strict=True)),
        mrsigner=hex_of(value, "mrsigner", 32),
        attributes=hex_of(value, "attributes", 16),
        attributes_mask=hex_of(value, "attributesMask", 16),
        levels=tuple(read_enclave_levels(value)),
        miscselect=hex_of(value, "miscselect", 4),
        miscselect_mask=hex_of(value, "miscselectMask", 4),
        isvprodid=number_of(value, "isvprodid", 65535),
    )
