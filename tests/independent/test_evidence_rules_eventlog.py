"""Each rule of event logs in spec/evidence_regions/eventlog.toml is tripped, and by cases that trip nothing else unless they say so: genuine logs
with events changed, added or taken out, against registers that hold what is replayed unless the case says otherwise."""

import hashlib
import json

import event_log
import pytest
from device_corpus import rtmrs
from evidence_corpus import read, with_id
from judgement import Judgement, Malformed
from rule_cases import Cases

pytestmark = pytest.mark.once

case = Cases("eventlog.")

BOOT = "tpm/eventlogs/ubuntu-2404-amd-sevsnp.bin"
CCEL = "tpm/ccel/google-cos113/ccel.bin"


def judged(data, td=False, quoted=None, bank="sha256", boot=True):
    """Judges a log against `quoted`, or what itself replays to."""
    judgement = Judgement()
    try:
        log = event_log.read_log(data, td)
        event_log.check_replay(log, bank, event_log.replay(log, bank) if quoted is None else quoted, judgement)
    except Malformed as error:
        judgement.check(False, error.rule, error.detail)
        return judgement
    if boot:
        event_log.check_boot(log, judgement, td)
    return judgement


def event(register, kind, data, digest=None, banks=(("sha1", 4), ("sha256", 11), ("sha384", 12))):
    digests = b"".join(code.to_bytes(2, "little") + (hashlib.new(name, data).digest() if digest is None else digest(name)) for name, code in banks)
    head = register.to_bytes(4, "little") + kind.to_bytes(4, "little") + len(banks).to_bytes(4, "little")
    return head + digests + len(data).to_bytes(4, "little") + data


def nothing(name):
    return bytes(hashlib.new(name).digest_size)


def with_events(change, path=BOOT, **options):
    """A log with its events changed: a list of (register, type, data, bytes)."""
    data = read(path)
    td = path == CCEL
    log = event_log.read_log(data, td)
    starts = [one.places["event"] for one in log.events]
    ends = [*starts[1:], log.events[-1].places["size"] + 4 + len(log.events[-1].data)]
    events = [data[start:end] for start, end in zip(starts, ends, strict=True)]
    change(events, log.events)
    return judged(data[: starts[0]] + b"".join(events), td, bank="sha384" if td else "sha256", **options)


def index_of(events, kind, register=None, data=None):
    return next(
        i for i, one in enumerate(events)
        if one.kind == kind and (register is None or one.register == register) and (data is None or one.data == data)
    )  # fmt: skip


def test_genuine_logs_hold():
    assert judged(read(BOOT)).rules == []
    assert judged(read(CCEL), True, bank="sha384").rules == []
    assert with_events(lambda raw, events: None).rules == []


def test_events_that_measure_nothing_hold():
    note = event(0xFFFFFFFF, 3, b"a note", nothing)
    assert with_events(lambda raw, _: raw.extend([note, event(5, 0xD, event_log.LEFT_BOOT_SERVICES)])).rules == []
    after_another = [event(0, 3, b"SP800-155", nothing), event(0, 3, event_log.LOCALITY + b"\x03", nothing)]
    assert with_events(lambda raw, _: raw.__setitem__(slice(0, 0), [*after_another])).rules == []
    assert with_events(lambda raw, _: raw.insert(0, event(1, 3, b"StartupLocality", nothing))).rules == []
    # The words of StartupLocality are an event like another where they are measured, and in the log of a TD.
    assert with_events(lambda raw, _: raw.append(event(8, 0xD, event_log.LOCALITY))).rules == []
    assert with_events(lambda raw, _: raw.append(event(0, 3, event_log.LOCALITY, nothing, banks=(("sha384", 12),))), CCEL).rules == []


def test_locality_is_where_the_replay_starts():
    log = event_log.read_log(header() + event(0, 3, event_log.LOCALITY + b"\x04", nothing, banks=TWO))
    assert event_log.replay(log, "sha256") == {0: bytes(31) + b"\x04"}


def header(algorithms=((4, 20), (11, 32)), tail=b"\x00", **changes):
    data = event_log.SPEC_ID + bytes(4) + b"\x00\x02\x00\x02" + len(algorithms).to_bytes(4, "little")
    data += b"".join(code.to_bytes(2, "little") + size.to_bytes(2, "little") for code, size in algorithms) + tail
    data = changes.get("data", data)
    return (
        changes.get("register", 0).to_bytes(4, "little")
        + (3).to_bytes(4, "little")
        + changes.get("digest", bytes(20))
        + len(data).to_bytes(4, "little")
        + data
    )


TWO = (("sha1", 4), ("sha256", 11))

case("eventlog.size")(lambda: judged(b""))
case("eventlog.size")(lambda: judged(bytes(event_log.SIZE_MAX + 1)))
case("eventlog.size")(lambda: judged(header() + event(8, 0xD, b"", banks=TWO) * 4097))
case("eventlog.syntax")(lambda: judged(read(BOOT)[:-1]))
case("eventlog.syntax")(lambda: judged(header() + event(8, 0xD, bytes(event_log.DATA_MAX + 1), banks=TWO)))
case("eventlog.spec_id")(lambda: judged(header(algorithms=((4, 20), (4, 20)))))
case("eventlog.spec_id")(lambda: judged(header(algorithms=((11, 20),))))
case("eventlog.spec_id")(lambda: judged(header(algorithms=((0x12, 32),))))
case("eventlog.spec_id")(lambda: judged(header(algorithms=())))
case("eventlog.spec_id")(lambda: judged(header(tail=b"\x01")))
case("eventlog.spec_id")(lambda: judged(header(tail=b"\x00\x00")))
case("eventlog.spec_id")(lambda: judged(header(register=1)))
case("eventlog.spec_id")(lambda: judged(header(digest=b"\x01" * 20)))
case("eventlog.spec_id")(lambda: judged(read(BOOT), td=True))
case("eventlog.spec_id")(lambda: judged(read("tpm/eventlogs/debian-10.bin"), td=True))
case("eventlog.spec_id")(lambda: judged(header(data=event_log.SPEC_ID.replace(b"3", b"2") + bytes(13))))
case("eventlog.spec_id")(lambda: judged(header(data=event_log.SPEC_ID + bytes(12))))
case("eventlog.algorithms")(lambda: judged(header() + event(8, 0xD, b"x", banks=TWO[:1])))
case("eventlog.algorithms")(lambda: judged(header() + event(8, 0xD, b"x", banks=(TWO[0], TWO[0]))))
case("eventlog.algorithms")(lambda: judged(header() + event(8, 0xD, b"x", banks=(TWO[0], ("sha384", 12)))))
case("eventlog.algorithms")(lambda: judged(header() + event(8, 0xD, b"x")))
case("eventlog.register")(lambda: with_events(lambda raw, _: raw.append(event(24, 0xD, b"x"))))
case("eventlog.register")(lambda: with_events(lambda raw, _: raw.append(event(5, 0xD, b"x", banks=(("sha384", 12),))), CCEL))
case("eventlog.trailing")(lambda: judged(read(BOOT) + bytes(100) + b"x"))
case("eventlog.trailing")(lambda: judged(read(BOOT) + b"\xff" * 100 + b"\x00"))
LOCALITY = event_log.LOCALITY
case("eventlog.locality")(lambda: with_events(lambda raw, _: raw.insert(0, event(1, 3, LOCALITY + b"\x03", nothing))))
case("eventlog.locality")(lambda: with_events(lambda raw, _: raw.insert(0, event(0, 3, LOCALITY + b"\x02", nothing))))
case("eventlog.locality")(lambda: with_events(lambda raw, _: raw.insert(0, event(0, 3, LOCALITY, nothing))))
case("eventlog.locality")(lambda: with_events(lambda raw, _: raw.insert(0, event(0, 3, LOCALITY + b"\x03", nothing) * 2)))
case("eventlog.locality")(lambda: with_events(lambda raw, _: raw.append(event(0, 3, LOCALITY + b"\x03", nothing))))
case("eventlog.bank")(lambda: judged(read(BOOT), quoted={0: bytes(64)}, bank="sha512"))
case("eventlog.replay")(lambda: judged(read(BOOT), quoted=other_value(3)))
case("eventlog.replay")(lambda: judged(read(BOOT), quoted=without(9)))
case("eventlog.replay")(lambda: judged(read(BOOT), quoted=other_value(23)))


def values():
    return event_log.replay(event_log.read_log(read(BOOT)), "sha256")


def other_value(register):
    return values() | {register: b"\x01" * 32}


def without(register):
    found = values()
    del found[register]
    return found


def flipped_data(kind):
    def change(raw, events):
        i = index_of(events, kind)
        raw[i] = raw[i][:-1] + bytes([raw[i][-1] ^ 1])

    return change


for kind in (event_log.VARIABLE_CONFIG, event_log.GPT, event_log.ACTION):
    case("eventlog.digest")(lambda kind=kind: with_events(flipped_data(kind)))


def take_out(kind, register=None, data=None):
    return lambda raw, events: raw.pop(index_of(events, kind, register, data))


case("eventlog.separator")(lambda: with_events(take_out(event_log.SEPARATOR, 3)))
case("eventlog.separator")(lambda: with_events(lambda raw, events: raw.insert(0, raw[index_of(events, 4, 2)])))
case("eventlog.separator")(lambda: with_events(lambda raw, events: raw.__setitem__(index_of(events, 4, 6), event(6, 4, b"\xff" * 4))))
case("eventlog.separator")(lambda: judged(read("tpm/ccel/cos113-dupe-separator/ccel.bin"), True, bank="sha384"))
LEFT = event_log.LEFT_BOOT_SERVICES
case("eventlog.boot_services")(lambda: with_events(take_out(event_log.ACTION, 5, LEFT)))
case("eventlog.boot_services")(lambda: with_events(lambda raw, events: raw.append(raw[index_of(events, event_log.ACTION, 5, LEFT)])))
case("eventlog.boot_services")(lambda: with_events(lambda raw, events: raw.insert(0, raw.pop(index_of(events, event_log.ACTION, 5, LEFT)))))
case("eventlog.boot_services")(lambda: judged(read("tpm/eventlogs/legacy-ebs_event_missing_eventlog.bin"), bank="sha1"))
case("eventlog.late")(lambda: with_events(lambda raw, events: raw.append(raw[index_of(events, event_log.VARIABLE_CONFIG, 7)])))

# dstack's runtime log.

RUNTIME = "dstack-dstack-report"


def runtime(change=lambda events: None, sample=RUNTIME, recount=True):
    """A log with its events changed; `recount`: RTMR3 is what the changed events give."""
    files = with_id(sample)["files"]
    events, quoted = json.loads(read(files[0])), rtmrs(files[1])
    change(events)
    if recount:
        quoted[3] = bytes(48)
        for one in events:
            if one["imr"] == 3:
                quoted[3] = hashlib.sha384(quoted[3] + made_of(one).expected()).digest()
    return event_log.verify_runtime_log(json.dumps(events).encode(), quoted)


def made_of(item):
    return event_log.RuntimeEvent(item["imr"], item["event_type"], b"", item["event"], bytes.fromhex(item["event_payload"]))


def named(events, name):
    return next(i for i, one in enumerate(events) if one["event"] == name)


def changed(name, **values):
    return lambda events: events[named(events, name)].update(values)


def added(name, payload="00"):
    return lambda events: events.append({"imr": 3, "event_type": event_log.RUNTIME_TYPE, "digest": "", "event": name, "event_payload": payload})


def repeated(name):
    return lambda events: events.insert(named(events, name), dict(events[named(events, name)]))


def test_runtime_log_may_grow_after_its_marker():
    assert runtime().rules == runtime(recount=False).rules == []
    assert runtime(added("workload-event")).rules == []


case("eventlog.runtime.syntax")(lambda: event_log.verify_runtime_log(b"{}", [bytes(48)] * 4))
case("eventlog.runtime.syntax")(lambda: event_log.verify_runtime_log(b"[{}]", [bytes(48)] * 4))
case("eventlog.runtime.syntax")(lambda: runtime(changed("app-id", event_payload="0"), recount=False))
case("eventlog.runtime.syntax")(lambda: runtime(changed("app-id", digest="00"), recount=False))
case("eventlog.runtime.syntax")(lambda: runtime(changed("app-id", imr=4), recount=False))
case("eventlog.runtime.syntax")(lambda: runtime(changed("app-id", event_type=4), recount=False))
for name, value in (
    ("imr", -1), ("imr", 3.0), ("imr", True), ("event_type", "134217729"), ("event_type", -1), ("event_type", 1 << 32), ("event", "a b"),
    ("event", 7), ("event_payload", "AB"), ("event_payload", None), ("digest", None), ("digest", "AB" * 48),
):  # fmt: skip
    case("eventlog.runtime.syntax")(lambda name=name, value=value: runtime(changed("app-id", **{name: value}), recount=False))
case("eventlog.runtime.syntax")(lambda: runtime(lambda events: events.append([]), recount=False))
case("eventlog.runtime.syntax")(lambda: runtime(lambda events: events[0].pop("event"), recount=False))
case("eventlog.runtime.syntax")(lambda: runtime(lambda events: events[0].update(digest=""), recount=False))
case("eventlog.size")(lambda: event_log.verify_runtime_log(b"[" + b"0," * 4096 + b"0]", [bytes(48)] * 4))
case("eventlog.size")(lambda: event_log.verify_runtime_log(b"[]".ljust(event_log.SIZE_MAX + 1), [bytes(48)] * 4))
case("eventlog.runtime.digest")(lambda: runtime(changed("app-id", event_payload="00")))
case("eventlog.runtime.duplicate")(lambda: runtime(repeated("app-id")))
case("eventlog.runtime.duplicate")(lambda: runtime(added("boot-mr-done", "")))
case("eventlog.runtime.duplicate")(lambda: runtime(added("compose-hash")))
case("eventlog.runtime.late")(lambda: runtime(lambda events: events.append(events.pop(named(events, "compose-hash")))))
case("eventlog.runtime.late")(lambda: runtime(lambda events: events.append(events.pop(named(events, "key-provider")))))
case("eventlog.runtime.missing")(lambda: runtime(lambda events: events.pop(named(events, "instance-id"))))
case("eventlog.replay")(lambda: runtime(added("workload-event"), recount=False))


@case.parametrize()
def test_rule_is_tripped_alone(rule):
    case.check(rule)
