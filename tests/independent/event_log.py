"""Event logs of firmware (TCG PC Client Platform Firmware Profile), also as CCEL of a TD, and dstack's runtime log: read, replayed and judged by the
rules of spec/evidence_regions/eventlog.toml. A log proves nothing before its replay equals values that hardware signed."""

import dataclasses
import hashlib
import re

from judgement import Judgement, Malformed
from strict_json import read_json

SIZE_MAX, EVENTS_MAX, DATA_MAX = 1 << 20, 4096, 1 << 16
HASHES = {0x0004: ("sha1", 20), 0x000B: ("sha256", 32), 0x000C: ("sha384", 48), 0x000D: ("sha512", 64)}
SPEC_ID, LOCALITY = b"Spec ID Event03\x00", b"StartupLocality\x00"
PCRS, REGISTERS = 24, 5  # of a TPM; of a TD: MRTD and RTMR0 to RTMR3

POST_CODE, NO_ACTION, SEPARATOR, CRTM_CONTENTS, CRTM_VERSION, PLATFORM_FLAGS = 0x1, 0x3, 0x4, 0x7, 0x8, 0xA
VARIABLE_CONFIG, GPT, ACTION, FIRMWARE_BLOB, FIRMWARE_BLOB_2 = 0x80000001, 0x80000006, 0x80000007, 0x80000008, 0x8000000A
# The digest is that of the data. It should be for EV_EFI_VARIABLE_AUTHORITY too, but old shims cut the data short; and EV_S_CRTM_VERSION differs.
DIGEST_OF_DATA = {SEPARATOR, VARIABLE_CONFIG, GPT, ACTION}
FIRMWARE_STATE = {POST_CODE, CRTM_CONTENTS, CRTM_VERSION, PLATFORM_FLAGS, VARIABLE_CONFIG, FIRMWARE_BLOB, FIRMWARE_BLOB_2}
FINE, LEFT_BOOT_SERVICES = bytes(4), b"Exit Boot Services Returned with Success"


def little(data):
    return int.from_bytes(data, "little")


@dataclasses.dataclass
class Event:
    register: int
    kind: int
    digests: dict
    data: bytes
    places: dict  # of the parts that the regions table names

    def extends(self):
        return self.kind != NO_ACTION


@dataclasses.dataclass
class Log:
    banks: list
    events: list
    locality: int | None


class Reader:
    def __init__(self, data):
        self.data, self.at = bytes(data), 0

    def take(self, size):
        if self.at + size > len(self.data):
            raise Malformed("eventlog.syntax", f"cut short at {self.at}")
        self.at += size
        return self.data[self.at - size : self.at]

    def number(self, size=4):
        return little(self.take(size))

    def text(self):
        size = self.number()
        if size > DATA_MAX:
            raise Malformed("eventlog.syntax", f"{size} bytes of data at {self.at}")
        return self.take(size)

    def ended(self):
        """Whether nothing but padding is left: no event begins with eight bytes of zeros or of ones."""
        rest = self.data[self.at :]
        for padding in (b"\x00", b"\xff"):
            if rest[:8] == padding * len(rest[:8]):
                if rest.strip(padding):
                    raise Malformed("eventlog.trailing", f"at {self.at}")
                return True
        return False


def read_plain(reader):
    """An event of SHA-1 alone, the first one of every log."""
    places = {"event": reader.at}
    register, kind = reader.number(), reader.number()
    digest = reader.take(20)
    places["size"] = reader.at
    return Event(register, kind, {"sha1": digest}, reader.text(), places)


def read_agile(reader, banks):
    places = {"event": reader.at, "digests": reader.at + 8}
    register, kind, n, digests = reader.number(), reader.number(), reader.number(), {}
    if n != len(banks):
        raise Malformed("eventlog.algorithms", f"{n} digests")
    for _ in range(n):
        name, size = HASHES.get(reader.number(2), (None, 0))
        if name not in banks or name in digests:
            raise Malformed("eventlog.algorithms", str(name))
        digests[name] = reader.take(size)
    places["size"] = reader.at
    return Event(register, kind, digests, reader.text(), places)


def read_banks(event, first):
    """The banks that a first event announces."""

    def need(holds, what):
        if not holds:
            raise Malformed("eventlog.spec_id", what)

    data = event.data
    need((event.register, event.kind) == (first, NO_ACTION) and not any(event.digests["sha1"]), "register, type or digest")
    need(data[:16] == SPEC_ID and len(data) >= 29, "signature")
    n = little(data[24:28])
    need(0 < n <= len(HASHES) and len(data) == 29 + 4 * n + data[28 + 4 * n : 29 + 4 * n][0], "sizes")
    found = [(little(data[i : i + 2]), little(data[i + 2 : i + 4])) for i in range(28, 28 + 4 * n, 4)]
    need(all(code in HASHES and HASHES[code][1] == size for code, size in found) and len(set(found)) == n, "algorithms")
    return [HASHES[code][0] for code, _ in found]


def read_locality(event, log):
    if not event.data.startswith(LOCALITY):
        return
    extended = any(other.register == 0 and other.extends() for other in log.events)
    if len(event.data) != 17 or event.data[16] not in (0, 3, 4) or event.register or log.locality is not None or extended:
        raise Malformed("eventlog.locality", event.data.hex())
    log.locality = event.data[16]


def read_log(data, td=False):
    """`td`: a CCEL, whose registers are those of a TD."""
    if not 0 < len(data) <= SIZE_MAX:
        raise Malformed("eventlog.size", str(len(data)))
    reader, log = Reader(data), Log(["sha1"], [], None)
    agile = td or data[32:45] == SPEC_ID[:13]
    if agile:
        log.banks = read_banks(read_plain(reader), int(td))
    while not reader.ended():
        if len(log.events) == EVENTS_MAX:
            raise Malformed("eventlog.size", "events")
        event = read_agile(reader, log.banks) if agile else read_plain(reader)
        if event.extends() and event.register >= (REGISTERS if td else PCRS):
            raise Malformed("eventlog.register", str(event.register))
        if not event.extends() and not td:
            read_locality(event, log)
        log.events.append(event)
    return log


def replay(log, bank):
    """{register: value} of those that the log extends, or sets by its locality."""
    if bank not in log.banks:
        raise Malformed("eventlog.bank", bank)
    size = next(size for name, size in HASHES.values() if name == bank)
    values = {} if log.locality is None else {0: log.locality.to_bytes(size, "big")}
    for event in log.events:
        if event.extends():
            before = values.get(event.register, bytes(size))
            values[event.register] = hashlib.new(bank, before + event.digests[bank]).digest()
    return values


def check_replay(log, bank, quoted, judgement):
    """`quoted`: {register: value}, what hardware signed; a register without event is zero."""
    try:
        values = replay(log, bank)
    except Malformed as error:
        judgement.check(False, error.rule, error.detail)
        return
    for register in sorted(set(values) | set(quoted)):
        if judgement.check(register in quoted, "eventlog.replay", f"{register} is not quoted"):
            judgement.check(values.get(register, bytes(len(quoted[register]))) == quoted[register], "eventlog.replay", str(register))


def check_boot(log, judgement, td=False):
    """What may be read from a log whose replay holds."""
    for event in log.events:
        if event.kind in DIGEST_OF_DATA:
            good = all(hashlib.new(bank, event.data).digest() == digest for bank, digest in event.digests.items())
            judgement.check(good, "eventlog.digest", f"{event.kind:#x} in {event.register}")
    separators = [event.register for event in log.events if event.kind == SEPARATOR]
    firmware = [1, 2] if td else list(range(8))
    fine = all(event.data == FINE for event in log.events if event.kind == SEPARATOR)
    judgement.check(sorted(separators) == firmware and fine, "eventlog.separator", str(separators))
    last = max((i for i, event in enumerate(log.events) if event.kind == SEPARATOR), default=-1)
    left = [i for i, event in enumerate(log.events) if event.kind == ACTION and event.data == LEFT_BOOT_SERVICES]
    judgement.check(len(left) == 1 and left[0] > last, "eventlog.boot_services", str(len(left)))
    if not td:  # RTMR0 has events of several PCRs, but the separator of one
        check_order(log, judgement)


def check_order(log, judgement):
    seen = set()
    for event in log.events:
        if event.kind == SEPARATOR:
            seen.add(event.register)
        late = event.kind in FIRMWARE_STATE and event.register in seen
        judgement.check(not late, "eventlog.late", f"{event.kind:#x} in {event.register}")


# dstack's log: events of RTMR0 to RTMR2 by their digests, those of RTMR3 by what they say.

RUNTIME, RUNTIME_TYPE = 3, 0x08000001
# What comes once, and what it must come before.
MARKERS = {
    "app-id": "boot-mr-done", "compose-hash": "boot-mr-done", "instance-id": "boot-mr-done", "boot-mr-done": "system-ready",
    "key-provider": "system-ready", "system-ready": None,
}  # fmt: skip
NAME, HEX = re.compile(r"[A-Za-z0-9_.-]{1,64}"), re.compile(r"(?:[0-9a-f]{2})*")


@dataclasses.dataclass
class RuntimeEvent:
    register: int
    kind: int
    digest: bytes
    name: str
    payload: bytes

    def expected(self):
        return hashlib.sha384(self.kind.to_bytes(4, "little") + b":" + self.name.encode() + b":" + self.payload).digest()


def read_runtime_event(item):
    def need(holds):
        if not holds:
            raise Malformed("eventlog.runtime.syntax", str(item)[:80])

    need(isinstance(item, dict) and set(item) == {"imr", "event_type", "digest", "event", "event_payload"})
    register, kind = item["imr"], item["event_type"]
    need(type(register) is int and 0 <= register <= RUNTIME and type(kind) is int and 0 <= kind < 1 << 32)
    texts = [item[name] for name in ("digest", "event", "event_payload")]
    need(all(isinstance(text, str) for text in texts) and HEX.fullmatch(texts[0]) and HEX.fullmatch(texts[2]))
    event = RuntimeEvent(register, kind, bytes.fromhex(texts[0]), texts[1], bytes.fromhex(texts[2]))
    runtime = register == RUNTIME
    need(runtime == (kind == RUNTIME_TYPE) and len(event.digest) in ((0, 48) if runtime else (48,)) and (not runtime or NAME.fullmatch(event.name)))
    return event


def check_runtime(events, judgement):
    """Returns what the events before their markers say: the workload itself can add others later."""
    seen = {}
    for event in events:
        judgement.check(event.digest in (b"", event.expected()), "eventlog.runtime.digest", event.name)
        if event.name in MARKERS:
            once = judgement.check(event.name not in seen, "eventlog.runtime.duplicate", event.name)
            judgement.check(not once or MARKERS[event.name] not in seen, "eventlog.runtime.late", event.name)
            seen.setdefault(event.name, event.payload)
    for name in MARKERS:
        judgement.check(name in seen, "eventlog.runtime.missing", name)
    return seen


def verify_runtime_log(data, rtmrs):
    """Judges a log against the four RTMRs of a quote."""
    judgement = Judgement()
    try:
        items = read_json(data, list)
        if len(items) > EVENTS_MAX or len(data) > SIZE_MAX:
            raise Malformed("eventlog.size", str(len(items)))
        events = [read_runtime_event(item) for item in items]
    except ValueError as error:
        judgement.check(False, "eventlog.runtime.syntax", str(error))
        return judgement
    except Malformed as error:
        judgement.check(False, error.rule, error.detail)
        return judgement
    values = [bytes(48)] * len(rtmrs)
    for event in events:
        digest = event.expected() if event.register == RUNTIME else event.digest
        values[event.register] = hashlib.sha384(values[event.register] + digest).digest()
    for register, (value, quoted) in enumerate(zip(values, rtmrs, strict=True)):
        judgement.check(value == quoted, "eventlog.replay", f"RTMR{register}")
    check_runtime([event for event in events if event.register == RUNTIME], judgement)
    return judgement
