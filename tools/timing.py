#!/usr/bin/env python3
"""Prints the ten slowest steps of the last build that took longer than nothing, from BUILD/.ninja_log (wall time; ccache hits count as they ran)."""

import pathlib
import sys


def steps(log: str):
    """Returns {output: milliseconds}, the newest entry of each output (the log is appended to)."""
    durations = {}
    for line in log.splitlines():
        fields = line.split("\t")
        if line.startswith("#") or len(fields) != 5:
            continue
        start, end, _, output, _ = fields
        durations[output] = int(end) - int(start)
    return durations


def main(build: pathlib.Path) -> int:
    durations = steps((build / ".ninja_log").read_text())
    objects = {output: ms for output, ms in durations.items() if output.endswith(".o")}
    print(f"\n{len(objects)} files compiled, {sum(objects.values()) / 1000:.0f} s of one job; the slowest:")
    for output, ms in sorted(objects.items(), key=lambda item: -item[1])[:10]:
        print(f"  {ms / 1000:7.1f} s  {output}")
    return 0


if __name__ == "__main__":
    sys.exit(main(pathlib.Path(sys.argv[1])))
