"""bench/traffic: how answers are read, what is asked, and the picture. The classifier has its own control, in every run."""

import pathlib
import sys
import types

import pytest

TRAFFIC = pathlib.Path(__file__).resolve().parents[2] / "bench/traffic"
sys.path.append(str(TRAFFIC))

import collect  # noqa: E402  (bench/traffic must be on the path first)
import engine  # noqa: E402
import observer  # noqa: E402
import plot  # noqa: E402

CHUNKED = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nabcde\r\n2\r\nfg\r\n0\r\n\r\n"
ANNOUNCED = b"HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\nabcdefg"


@pytest.mark.parametrize("answer", [CHUNKED, ANNOUNCED])
def test_an_answer_is_whole_at_its_last_byte(answer):
    assert collect.is_whole(answer) and not any(collect.is_whole(answer[:n]) for n in range(len(answer)))
    assert collect.body_bytes(answer) == 7


@pytest.mark.parametrize("answer, pieces", [(CHUNKED, [47, 10, 7, 5]), (ANNOUNCED, [38, 7])])
@pytest.mark.parametrize("read_bytes", [1, 7, 1000])
def test_pieces_are_what_was_written_however_it_is_read(answer, pieces, read_bytes):
    splitter, seen = observer.Pieces(), []
    for at in range(0, len(answer), read_bytes):
        seen += splitter.add(answer[at : at + read_bytes])
    assert seen == pieces and sum(pieces) == len(answer)


def test_every_question_is_asked_in_every_way():
    prompts = {"law": ["a", "b"], "food": ["c"]}
    asked = collect.jobs(prompts, "law", 1, 3, collect.WAYS)
    assert len(asked) == len(set(asked)) == len(collect.WAYS) * (2 * 3 + 1)
    assert asked == collect.jobs(prompts, "law", 1, 3, collect.WAYS) != sorted(asked, key=lambda job: job.prompt)


def test_flushes_are_rounded_up_with_what_stands_around_them():
    sizes = [95, 45 + 512, 45 + 1024, 44 + 1536, 46 + 4096, 30]
    traces = [collect.Trace(way.name, "law", "a", 0, 1, [(0.5, size) for size in sizes], 1, 1, 1) for way in (collect.BALANCED, collect.STRICT)]
    (trace,) = collect.rounded(traces, "larger", collect.BALANCED, 1024)
    assert [size for _, size in trace.pieces] == [95, 46 + 1024, 46 + 1024, 46 + 2048, 46 + 4096, 30] and trace.way == "larger"
    assert {seconds for seconds, _ in trace.pieces} == {0.5}


def test_no_question_stands_under_two_topics():
    prompts = engine.read_prompts(TRAFFIC / "prompts")
    lines = [line for questions in prompts.values() for line in questions]
    assert len(lines) == len(set(lines)) and len(prompts["law"]) * 2 == len(lines) - len(prompts["law"])


def test_the_picture_is_the_same_for_the_same_figures():
    views = {view: types.SimpleNamespace(auc=0.4 + n / 10, low=0.35, high=0.9) for n, view in enumerate(plot.COLOURS)}
    picture = plot.draw("A title", {"a way": views})
    assert picture == plot.draw("A title", {"a way": views}) and picture.count("<rect") == 1 + 2 * len(views)
    assert plot.x_of(0.3) == plot.x_of(plot.FROM) < plot.x_of(0.5) < plot.x_of(1)
