#!/usr/bin/env python3
"""Counts what ./dev test ran. Reads DIR/checks and, per pass, DIR/<pass>/{ctest.xml,gtest/*.xml,pytest.xml}.

A GoogleTest program is one test for ctest; its own XML has the cases and says which ones skipped themselves. Where a program died before it
wrote that file, or failed although all its cases passed (a sanitizer's report at exit), ctest's word counts as one more failure.
The last line is "N passed, N failed, N skipped"; the exit status is 1 when anything failed or nothing passed.
"""

import pathlib
import sys
import xml.etree.ElementTree as ElementTree
from collections import Counter
from dataclasses import dataclass


@dataclass(frozen=True)
class Outcome:
    where: str
    name: str
    result: str  # passed, failed or skipped
    reason: str = ""


def cases(path: pathlib.Path, where: str):
    """Yields the outcome of each test case of a JUnit-like file."""
    for case in ElementTree.parse(path).getroot().iter("testcase"):
        name = ".".join(filter(None, (case.get("classname"), case.get("name"))))
        skipped = case.find("skipped")
        if case.find("failure") is not None or case.find("error") is not None or case.get("status") == "fail":
            yield Outcome(where, name, "failed")
        elif skipped is not None or case.get("status") in ("notrun", "disabled"):
            message = "" if skipped is None else skipped.get("message") or skipped.text or ""
            yield Outcome(where, name, "skipped", " ".join(message.split()))
        else:
            yield Outcome(where, name, "passed")


def ctest(directory: pathlib.Path, where: str):
    """Yields the cases of a pass's C++ tests."""
    programs = {}
    for file in sorted(directory.glob("gtest/*.xml")):
        try:
            programs[file.stem] = list(cases(file, where))
        except ElementTree.ParseError:
            pass  # the program died while writing; ctest knows
    for test in cases(directory / "ctest.xml", where):
        test = Outcome(where, test.name.rpartition(".")[2], test.result, test.reason)
        inner = programs.get(test.name)
        if inner is None:
            yield test
            continue
        yield from inner
        if test.result == "failed" and not any(case.result == "failed" for case in inner):
            yield Outcome(where, test.name + " (the program itself)", "failed")


def collect(root: pathlib.Path):
    checks = root / "checks"
    for line in checks.read_text().splitlines() if checks.exists() else []:
        result, name = line.split("\t", 1)
        yield Outcome("check", name, result)
    for directory in sorted(path for path in root.iterdir() if path.is_dir()):
        if (directory / "ctest.xml").exists():
            yield from ctest(directory, directory.name)
        if (directory / "pytest.xml").exists():
            yield from cases(directory / "pytest.xml", directory.name)


def main(root: pathlib.Path) -> int:
    outcomes = list(collect(root))
    for result in ("skipped", "failed"):
        listed = [outcome for outcome in outcomes if outcome.result == result]
        if listed:
            print(f"\n{result.upper()}:")
        for outcome in listed:
            print(f"  [{outcome.where}] {outcome.name}" + (f": {outcome.reason}" if outcome.reason else ""))
    print()
    for where in dict.fromkeys(outcome.where for outcome in outcomes):
        count = Counter(outcome.result for outcome in outcomes if outcome.where == where)
        print(f"{where:12} {count['passed']:6} passed {count['failed']:4} failed {count['skipped']:4} skipped")
    count = Counter(outcome.result for outcome in outcomes)
    print(f"{count['passed']} passed, {count['failed']} failed, {count['skipped']} skipped")
    return 0 if count["passed"] and not count["failed"] else 1


if __name__ == "__main__":
    sys.exit(main(pathlib.Path(sys.argv[1])))
