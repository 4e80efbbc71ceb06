"""The shared evidence as a table: every sample, what is expected of it, and how its tests went, by `openpcc` and by the second verifier."""

import json
import os
import pathlib
import re

SHARED = pathlib.Path(os.environ.get("OPENPCC_SHARED") or pathlib.Path(__file__).resolve().parents[2] / "shared")
EXPECTED = SHARED / "evidence/EXPECTED.json"
TESTS_MIN = 100  # below, no run of the samples was meant
IN_UNIT_TESTS = {"snp-roots", "tdx-roots", "nvidia-roots", "snp-measure", "tdx-measure"}
NAMED = {"cca-token", "sigstore-bundle"}  # recognised, and not verified


def sample_of(parameters, ids):
    """The id that a test's parameters begin with: the longest, since one may be another's beginning."""
    ends = [match.start() for match in re.finditer("-", parameters)] + [len(parameters)]
    return next((parameters[:end] for end in reversed(ends) if parameters[:end] in ids), None)


def outcomes(reports, ids):
    """{(sample, verifier): [passed, all]} of tests marked `verdict`"""
    found = {}
    for outcome, nodeid in reports:
        path, _, rest = nodeid.partition("::")
        if sample := sample_of(rest.partition("[")[2].rstrip("]"), ids):
            counts = found.setdefault((sample, "second" if "independent" in path else "openpcc"), [0, 0])
            counts[0] += outcome == "passed"
            counts[1] += 1
    return found


def word(counts, kind, verifier):
    if not counts:
        return "-"
    passed, total = counts
    if passed < total:
        return f"{total - passed} of {total} NOT"
    return f"named ({total})" if kind in NAMED and verifier == "openpcc" else f"as expected ({total})"


def strictly(sample):
    policy = sample.get("strict_policy") or {}
    if "accept_with" in policy:
        return "by TCB"
    return policy.get("verdict") or {True: "reject", False: "accept"}.get("reasons" in policy and bool(policy["reasons"]), "-") if policy else "-"


def lines(reports):
    """What is printed; nothing where the samples were not run."""
    if not EXPECTED.exists():
        return []
    samples = json.loads(EXPECTED.read_text())
    found = outcomes(reports, {sample["id"] for sample in samples})
    if sum(total for _, total in found.values()) < TESTS_MIN:
        return []
    out = [f"{'sample':<62} {'kind':<16} {'genuine':<13} {'strictly':<9} {'openpcc':<18} second verifier"]
    for sample in samples:
        kind = sample["kind"]
        if kind in IN_UNIT_TESTS:
            continue
        ours, second = (word(found.get((sample["id"], verifier)), kind, verifier) for verifier in ("openpcc", "second"))
        out.append(f"{sample['id']:<62} {kind:<16} {sample['verdict']:<13} {strictly(sample):<9} {ours:<18} {second}")
    return out
