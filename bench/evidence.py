#!/usr/bin/env python3
"""What verifying evidence costs, cold: every call parses, decodes keys and checks signatures anew; and warm: a verdict found by its digest.

  evidence.py ratios            against the signatures that it rests on, alone; exits 1 when the whole takes more than 1.15 times as long,
                            and more than 5 µs longer
  evidence.py peers COMMAND...  beside other verifiers on the same bytes; COMMAND evidence.json FOLDER SECONDS prints a line of JSON per sample
"""

import json
import os
import pathlib
import shlex
import subprocess
import sys

from figures import median, number, table

ROOT = pathlib.Path(__file__).resolve().parent.parent
SAMPLES = ROOT / "bench/evidence.json"
EVIDENCE = pathlib.Path(os.environ.get("OPENPCC_SHARED", ROOT.parent / "shared")) / "evidence"
BENCHES = ("snp", "tdx", "nvgpu", "tpm", "azure", "nitro")
PEERS_READ = ("snp", "tdx", "nvgpu")
RATIO_MAX = 1.15
LONGER_US_MIN = 5  # below, a ratio says nothing: a TPM's quote has one signature, of 23 µs
WARM_US_MAX = 50
ROUNDS = 5
SECONDS = 0.5


def lines_of_ours(benches):
    """Runs our benchmarks once: (sample, its row of Google Benchmark's JSON)."""
    for name in benches:
        program = ROOT / f"build/release/libs/{name}/{name}_bench"
        command = [program, "--benchmark_filter=^verify_cold/", f"--benchmark_min_time={SECONDS}", "--benchmark_format=json"]
        out = subprocess.run(command, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout
        for row in json.loads(out)["benchmarks"]:
            yield row["name"].split("/")[1], row


def warm_of_ours():
    """One run: what a node of a known leaf costs, and the size of its evidence."""
    program = ROOT / "build/release/libs/directory/directory_bench"
    command = [program, "--benchmark_filter=^verify_warm", f"--benchmark_min_time={SECONDS}", "--benchmark_format=json"]
    out = subprocess.run(command, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout
    (row,) = json.loads(out)["benchmarks"]
    return row["warm_us"], row["evidence_bytes"]


def lines_of_peer(command):
    out = subprocess.run([*shlex.split(command), SAMPLES, EVIDENCE, str(SECONDS)], check=True, stdout=subprocess.PIPE).stdout
    return [json.loads(line) for line in out.splitlines()]


def collect(into, sample, row):
    for counter in ("verify_us", "signatures_us", "ratio"):
        into.setdefault(sample, {}).setdefault(counter, []).append(row[counter])
    into[sample]["signatures"] = row["label"]


def load():
    return f"load average {os.getloadavg()[0]:.2f} on {os.cpu_count()} cores"


def over(ours):
    """Samples whose verification takes too long for the signatures in it."""
    def longer(r):
        return median(r["verify_us"]) - median(r["signatures_us"])

    return [sample for sample, r in ours.items() if median(r["ratio"]) > RATIO_MAX and longer(r) > LONGER_US_MIN]


def ratios():
    ours, warm = {}, []
    before = load()
    for _ in range(ROUNDS):
        for sample, row in lines_of_ours(BENCHES):
            collect(ours, sample, row)
        microseconds, size = warm_of_ours()
        warm.append(microseconds)
    rows = [
        [sample, number(median(r["verify_us"]), 0), number(median(r["signatures_us"]), 0), number(median(r["ratio"]), 3), r["signatures"]]
        for sample, r in ours.items()
    ]
    print(table(["evidence", "cold, µs", "signatures alone, µs", "ratio", "signatures"], rows))
    print(f"\nMedians of {ROUNDS} rounds; {before}, {load()} at the end.")
    print(f"Warm, a node of the bundle before, {size / 1000:.0f} kB of evidence: {median(warm):.0f} µs.")
    for sample in over(ours):
        print(f"over {RATIO_MAX} times its signatures: {sample}")
    too_slow = median(warm) > WARM_US_MAX
    if too_slow:
        print(f"over {WARM_US_MAX} µs: warm")
    return 1 if over(ours) or too_slow else 0


def rows_beside(sample, ours_us, theirs, refused):
    """One sample's part of the table, the fastest of the others first."""
    rows = [[sample], ["  openpcc", number(ours_us, 0), "1.00"]]
    times = sorted((median(all_us), peer) for (of, peer), all_us in theirs.items() if of == sample)
    rows += [[f"  {peer}", number(us, 0), f"{us / ours_us:.2f}"] for us, peer in times]
    return rows + [[f"  {peer}", "refused", "-"] for (of, peer) in sorted(refused) if of == sample]


def peers(commands):
    if not EVIDENCE.is_dir():
        print(f"the shared samples are absent: {EVIDENCE}")
        return 1
    before = load()
    ours, theirs, refused = {}, {}, {}
    for _ in range(ROUNDS):
        for sample, row in lines_of_ours(PEERS_READ):
            collect(ours, sample, row)
        for command in commands:
            for line in lines_of_peer(command):
                if "refuses" in line:
                    refused[line["sample"], line["peer"]] = line["refuses"]
                else:
                    theirs.setdefault((line["sample"], line["peer"]), []).append(line["us"])
    samples = json.loads(SAMPLES.read_text())
    names = [one["name"] for tee in PEERS_READ for one in samples[tee]]
    rows = [row for name in names for row in rows_beside(name, median(ours[name]["verify_us"]), theirs, refused)]
    print(table(["evidence", "cold, µs", "x ours"], rows))
    print(f"\nMedians of {ROUNDS} rounds in turn; {before}, {load()} at the end.")
    print("Each of the others was seen to refuse each sample with one bit changed.")
    for (sample, peer), why in sorted(refused.items()):
        print(f"{peer} refuses this genuine sample: {sample}: {why}")
    print("What each of them leaves out: bench/peers/README.md.")
    return 0


if __name__ == "__main__":
    if sys.argv[1:] == ["ratios"]:
        sys.exit(ratios())
    if sys.argv[1:2] == ["peers"] and len(sys.argv) > 2:
        sys.exit(peers(sys.argv[2:]))
    sys.exit(__doc__)
