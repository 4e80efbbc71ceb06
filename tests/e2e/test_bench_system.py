"""bench/system.py measures a real deployment: every row is there, with figures that can be. How large they are is nobody's test."""

import dataclasses
import pathlib
import sys

import pytest

sys.path.append(str(pathlib.Path(__file__).resolve().parents[2] / "bench"))

import system  # noqa: E402  (bench/ must be on the path first)

TINY = dataclasses.replace(system.LLAMA, ttft_ms=2, tpot_ms=1, rounds=3, short_tokens=1, long_rounds=2, long_tokens=8, stream_rounds=1,
                           streams=(1, 4), stream_tokens=8, idle_s=0, role_first_rounds=2)
WAYS = [system.DIRECT, system.NODE, system.CHAIN, system.BALANCED]


@pytest.mark.once
def test_all_rows_have_figures(tmp_path):
    measured = system.measure(TINY, tmp_path / "bench")
    assert list(measured.short) == list(measured.long) == WAYS
    for way in WAYS:
        single = measured.short[way]
        assert len(single.first_s) == TINY.rounds and all(0 < first <= whole for first, whole in zip(single.first_s, single.whole_s))
        assert all(single.cpu_median_s()[role] > 0 for role in system.USED[way])
        assert len(measured.long[way].whole_s) == TINY.long_rounds
    assert list(measured.streams) == [(way, count) for way in WAYS if way != system.NODE for count in TINY.streams]
    for streams in measured.streams.values():
        assert min(streams.tokens_per_s + streams.decoded_per_s + streams.first_s + streams.cores) > 0

    lines = system.report(measured).splitlines()
    for way in WAYS:
        in_tables = 3 if way == system.NODE else 4 + len(TINY.streams)
        assert sum(line.strip().startswith(way + "  ") for line in lines) == in_tables, way
    assert "decoding only" in system.summary(measured, {way: measured.short[way].first_s for way in WAYS})


@pytest.mark.once
def test_an_engine_that_names_the_role_first(tmp_path):
    first_s = system.measure_role_first(TINY, tmp_path)
    assert list(first_s) == [system.DIRECT, system.CHAIN, system.BALANCED]
    assert all(len(values) == 2 and min(values) > 0 for values in first_s.values())
    assert len(system.role_first_table(first_s).splitlines()) == 5
