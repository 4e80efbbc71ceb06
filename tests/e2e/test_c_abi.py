"""The C ABI: the library exports nothing else and is small; a C program and a Python one get from it what `openpcc verify` says."""

import calendar
import json
import os
import re
import subprocess
import sys
import time

import pytest

from harness import BIN, ROOT

sys.path.insert(0, str(ROOT / "tests/independent"))
from evidence_corpus import EVIDENCE, each, of_kind, with_id  # noqa: E402: its module stands beside the independent verifiers

pytestmark = pytest.mark.once

LIBRARY = BIN.parent / "lib/libopenpcc.so.0"
HEADER = ROOT / "bindings/c/include/openpcc.h"
STRIPPED_BYTES_MAX = 5_000_000
ENVIRONMENT = os.environ | {"LD_LIBRARY_PATH": str(LIBRARY.parent)}


def compile_c(folder, source, *more):
    program = folder / "program"
    command = [os.environ.get("CC", "cc"), "-std=c11", "-Wall", "-Wextra", "-Wpedantic", "-Wstrict-prototypes", "-Werror", "-I", HEADER.parent,
               source, "-o", program, *more]
    subprocess.run(list(map(str, command)), check=True, timeout=120)
    return program


@pytest.fixture(scope="module")
def programs(tmp_path_factory):
    """The two examples, as commands."""
    compiled = compile_c(tmp_path_factory.mktemp("c"), ROOT / "examples/verify_platform.c", "-L", LIBRARY.parent, "-lopenpcc")
    return [[compiled], [sys.executable, ROOT / "examples/verify_platform.py"]]


def run(command, *arguments):
    return subprocess.run([*map(str, command), *map(str, arguments)], capture_output=True, text=True, timeout=60, env=ENVIRONMENT)


def lines_of(verdict):
    """What the examples print, made from the JSON of `openpcc verify`."""
    yield f"outcome {verdict['exit_code']}, genuine {int(verdict['genuine'])}: {verdict['kind']}"
    if verdict["valid_from"] is not None:
        yield f"holds from {verdict['valid_from']} to {verdict['valid_to']}"
    for finding in verdict["findings"]:
        refuses = finding["state"] == "failed"
        yield f"{'REFUSED ' if refuses else ''}{finding['aspect']}, {finding['state']} ({finding['rule']}): {finding['seen']}"
        if refuses:
            yield f"  expected: {finding['expected']}"
            yield f"  remedy: {finding['remedy']}"


def agree(programs, files, at):
    """The verdict of `openpcc verify`, which both programs gave too."""
    told = run([BIN / "openpcc"], "verify", *files, "--at", at, "-o", "json")
    verdict = json.loads(told.stdout)
    seconds = calendar.timegm(time.strptime(at, "%Y-%m-%dT%H:%M:%SZ"))
    for program in programs:
        as_json, as_text = run(program, "--json", seconds, *files), run(program, seconds, *files)
        assert as_json.stdout == told.stdout, as_json.stderr
        assert as_text.stdout.splitlines() == list(lines_of(verdict)), as_text.stderr
        assert as_json.returncode == as_text.returncode == told.returncode
    return verdict


def files_of(sample):
    return [EVIDENCE / name for name in sample["files"]]


@each(of_kind("snp-report"))
def test_amds_reports(programs, sample):
    agree(programs, files_of(sample), sample.get("evaluate_at", "2026-01-01T00:00:00Z"))


QUOTES = [sample for sample in of_kind("tdx-quote", "sgx-quote") if sample.get("evaluations")]


@each(QUOTES)
def test_intels_quotes(programs, sample):
    evaluation = next((each for each in sample["evaluations"] if each["common_window"]), sample["evaluations"][0])
    at = (evaluation["common_window"] or ["2026-01-01T00:00:00Z"])[0]
    agree(programs, [*files_of(sample), *sorted((EVIDENCE / "tdx/collateral" / evaluation["collateral"]).iterdir())], at)


def test_the_samples_show_both_kinds_of_verdict(programs):
    turin, debug = with_id("snp-v5-turin-microsoft"), with_id("snp-v2-milan-gsg-debug")
    assert agree(programs, files_of(turin), turin["evaluate_at"])["exit_code"] == 0
    assert agree(programs, files_of(debug), debug["evaluate_at"])["exit_code"] == 10


def test_items_that_are_not_one_machines_evidence(programs, tmp_path):
    other = tmp_path / "other"
    other.write_bytes(b"neither")
    report = files_of(with_id("snp-v5-turin-microsoft"))
    for files, code, rule in (([other], 20, "platform.none"), ([*report, other], 30, "platform.unknown_item"),
                              ([*report, report[0]], 10, "platform.several")):
        for program in programs:
            done = run(program, 1_800_000_000, *files)
            assert done.returncode == code and f"REFUSED genuine, failed ({rule})" in done.stdout, done.stderr


def test_beside_another_openssl():
    """Python's ssl brings the system's OpenSSL into the process, and both go on working."""
    turin = with_id("snp-v5-turin-microsoft")
    seconds = calendar.timegm(time.strptime(turin["evaluate_at"], "%Y-%m-%dT%H:%M:%SZ"))
    script = f"""
import runpy, ssl, sys
context = ssl.create_default_context()
main = runpy.run_path({str(ROOT / "examples/verify_platform.py")!r})["main"]
outcome = main(sys.argv[1:])
assert ssl.MemoryBIO() and ssl.create_default_context().get_ciphers() == context.get_ciphers()
sys.exit(outcome)
"""
    done = run([sys.executable, "-c", script], seconds, *files_of(turin))
    assert done.returncode == 0 and done.stdout.startswith("outcome 0, genuine 1"), done.stderr


def declared():
    return set(re.findall(r"^OPENPCC_API[^;(]*?\b(openpcc_\w+)\(", HEADER.read_text(), re.MULTILINE))


def test_the_library_exports_the_header_and_nothing_else():
    listed = subprocess.run(["nm", "-D", "--defined-only", LIBRARY], capture_output=True, text=True, check=True).stdout
    exported = {line.split()[-1] for line in listed.splitlines()}
    assert exported == declared() and len(exported) > 20


def test_the_library_is_small_and_stands_alone(tmp_path):
    stripped = tmp_path / "stripped.so"
    subprocess.run(["strip", "-o", stripped, LIBRARY], check=True)
    assert stripped.stat().st_size <= STRIPPED_BYTES_MAX
    dynamic = subprocess.run(["readelf", "-d", stripped], capture_output=True, text=True, check=True).stdout
    assert "Library soname: [libopenpcc.so.0]" in dynamic and "NODELETE" in dynamic
    needed = set(re.findall(r"\(NEEDED\)\s+Shared library: \[([^\]]+)\]", dynamic))
    assert not {name for name in needed if re.match(r"lib(stdc\+\+|gcc_s|fmt|boost)", name)}, needed


def test_the_header_is_also_cpp(tmp_path):
    source = tmp_path / "header.cpp"
    source.write_text('#include "openpcc.h"\nint main() { return openpcc_abi_version() == OPENPCC_ABI_VERSION ? 0 : 1; }\n')
    program = tmp_path / "program"
    subprocess.run([os.environ.get("CXX", "c++"), "-std=c++11", "-Wall", "-Wextra", "-Werror", "-I", HEADER.parent, source, "-L", LIBRARY.parent,
                    "-lopenpcc", "-o", program], check=True, timeout=120)
    assert run([program]).returncode == 0
