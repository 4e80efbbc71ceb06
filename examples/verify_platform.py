"""Judges the evidence of one machine through the C ABI of OpenPCC, and prints the verdict; its exit status is the verdict's outcome.

    python3 verify_platform.py [--json] UNIX_SECONDS FILE...
"""

import ctypes
import pathlib
import sys
from ctypes import POINTER, byref, c_char_p, c_int32, c_int64, c_size_t, c_void_p

ABI_VERSION = 1
ERROR_ABSENT = -7

library = ctypes.CDLL("libopenpcc.so.0")
if library.openpcc_abi_version() < ABI_VERSION:
    sys.exit("the library is older than this program")
library.openpcc_status_text.argtypes, library.openpcc_status_text.restype = [c_int32], c_char_p
for name, arguments in {
    "evidence_create": [POINTER(c_void_p)],
    "evidence_add": [c_void_p, c_char_p, c_size_t],
    "demands_create": [POINTER(c_void_p)],
    "verify_platform": [c_void_p, c_void_p, c_int64, POINTER(c_void_p)],
    "verdict_outcome": [c_void_p, POINTER(c_int32)],
    "verdict_genuine": [c_void_p, POINTER(c_int32)],
    "verdict_kind": [c_void_p, POINTER(c_char_p)],
    "verdict_window": [c_void_p, POINTER(c_int64), POINTER(c_int64)],
    "verdict_finding_count": [c_void_p, POINTER(c_size_t)],
    "verdict_finding_refuses": [c_void_p, c_size_t, POINTER(c_int32)],
    "verdict_finding_text": [c_void_p, c_size_t, c_int32, POINTER(c_char_p)],
    "verdict_json": [c_void_p, c_char_p, POINTER(c_size_t)],
}.items():
    getattr(library, f"openpcc_{name}").argtypes = arguments
for name in ("evidence", "demands", "verdict"):
    function = getattr(library, f"openpcc_{name}_free")
    function.argtypes, function.restype = [c_void_p], None


def call(name, *arguments, also=()):
    status = getattr(library, f"openpcc_{name}")(*arguments)
    if status != 0 and status not in also:
        raise RuntimeError(f"{name}: {library.openpcc_status_text(status).decode()}")
    return status


def ask(name, kind, handle, *arguments):
    """What a call gives back through its last argument."""
    out = kind()
    call(name, handle, *arguments, byref(out))
    return out.value.decode() if kind is c_char_p else out.value


class Handle:
    """Owns what the library made; `with` releases it."""

    def __init__(self, kind, maker, *arguments):
        self.kind, self.value = kind, c_void_p()
        call(maker, *arguments, byref(self.value))

    def __enter__(self):
        return self.value

    def __exit__(self, *_):
        getattr(library, f"openpcc_{self.kind}_free")(self.value)


def json_of(verdict):
    size = c_size_t()
    call("verdict_json", verdict, None, byref(size))
    buffer = ctypes.create_string_buffer(size.value)
    call("verdict_json", verdict, buffer, byref(size))
    return buffer.value.decode()


def lines_of(verdict):
    genuine, kind = ask("verdict_genuine", c_int32, verdict), ask("verdict_kind", c_char_p, verdict)
    yield f"outcome {ask('verdict_outcome', c_int32, verdict)}, genuine {genuine}: {kind}"
    begin, end = c_int64(), c_int64()
    if call("verdict_window", verdict, byref(begin), byref(end), also=[ERROR_ABSENT]) == 0:
        yield f"holds from {begin.value} to {end.value}"
    for i in range(ask("verdict_finding_count", c_size_t, verdict)):
        aspect, state, rule, expected, seen, remedy = (ask("verdict_finding_text", c_char_p, verdict, i, text) for text in range(6))
        refuses = ask("verdict_finding_refuses", c_int32, verdict, i)
        yield f"{'REFUSED ' if refuses else ''}{aspect}, {state} ({rule}): {seen}"
        if refuses:
            yield f"  expected: {expected}"
            yield f"  remedy: {remedy}"


def main(arguments):
    json = arguments[:1] == ["--json"]
    time, *files = arguments[json:]
    with Handle("evidence", "evidence_create") as evidence, Handle("demands", "demands_create") as demands:
        for file in files:
            data = pathlib.Path(file).read_bytes()
            call("evidence_add", evidence, data, len(data))
        with Handle("verdict", "verify_platform", evidence, demands, int(time)) as verdict:
            print(json_of(verdict) if json else "\n".join(lines_of(verdict)))
            return ask("verdict_outcome", c_int32, verdict)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
