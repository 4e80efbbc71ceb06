"""The shared evidence as a table: every sample, what is expected of it, and how its tests went, by `openpcc` and by the second verifier."""

import json
import os
import pathlib
import re

SHARED = pathlib.Path(os.environ.get("OPENPCC_SHARED") or pathlib.Path(__file__).resolve().parents[2] / "shared")
EXPECTED = SHARED / "evidence/EXPECTED.json"
TESTS_MIN = 100  # below, no run of the samples was meant
BY_OTHERS = {"snp-roots", "tdx-roots", "nvidia-roots", "snp-crl", "tdx-collateral", "snp-measure", "tdx-measure"}  # by unit tests, and with the samples


def sample_of(parameters, ids):
    """The id that a test's parameters begin with: the longest, since one may be another's beginning."""
    ends = [match.start() for match in re.finditer("-", parameters)] + [len(parameters)]
    return next((parameters[:end] for end in reversed(ends) if parameters[:end] in ids), None)


def outcomes(reports, ids):
    """{(sample, verifier): [passed, failed]}"""
    found = {}
    for outcome, nodeid in reports:
        path, _, rest = nodeid.partition("::")
        name, _, parameters = rest.partition("[")
        sample = sample_of(parameters.rstrip("]"), ids)
        judges = ("evidence" in path or "c_abi" in path) and "shown" not in name  # showing fields is no judgement
        if sample and judges:
            verifier = "second" if "independent" in path else "openpcc"
            found.setdefault((sample, verifier), [0, 0])[outcome == "failed"] += 1
    return found


def word(counts):
    if not counts:
        return "-"
    passed, failed = counts
    return f"as expected ({passed})" if not failed else f"{failed} of {passed + failed} FAILED"


def lines(reports):
    """What is printed; nothing where the samples were not run."""
    if not EXPECTED.exists():
        return []
    samples = json.loads(EXPECTED.read_text())
    found = outcomes(reports, {sample["id"] for sample in samples})
    if sum(map(sum, found.values())) < TESTS_MIN:
        return []
    out = [f"{'sample':<62} {'kind':<16} {'genuine':<13} {'strictly':<9} {'openpcc':<18} second verifier"]
    for sample in samples:
        if sample["kind"] in BY_OTHERS:
            continue
        strictly = (sample.get("strict_policy") or {}).get("verdict", "-")
        cells = [word(found.get((sample["id"], verifier))) for verifier in ("openpcc", "second")]
        out.append(f"{sample['id']:<62} {sample['kind']:<16} {sample['verdict']:<13} {strictly:<9} {cells[0]:<18} {cells[1]}")
    return out
