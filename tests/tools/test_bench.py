"""bench/: quantiles, tables, and how answers are read. Nothing is measured here."""

import pathlib
import sys

import pytest

sys.path.append(str(pathlib.Path(__file__).resolve().parents[2] / "bench"))

import evidence  # noqa: E402  (bench/ must be on the path first)
import figures  # noqa: E402
import load  # noqa: E402

ROLE = b'data: {"choices":[{"delta":{"role":"assistant","content":""}}]}\n\n'
TOKEN = b'data: {"choices":[{"delta":{"content":"I"}}]}\n\n'
DONE = b"data: [DONE]\n\n"


def answer(*chunks):
    """The bytes of a chunked answer, one piece for each chunk, a second apart."""
    framed = [b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks]
    framed[0] = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n" + framed[0]
    framed[-1] += b"0\r\n\r\n"
    return [(float(n), piece) for n, piece in enumerate(framed)]


def test_quantiles_lie_between_neighbours():
    assert figures.quantile([3, 1, 2], 0.5) == 2 and figures.median([4, 1]) == 2.5
    assert figures.quantile([1, 2], 0.95) == pytest.approx(1.95)
    assert figures.quantile([7], 0) == figures.quantile([7], 1) == 7


def test_numbers():
    assert figures.number(None, 1) == "-" and figures.number(0.0123, 1, 1e3) == "12.3" and figures.number(12345.6, 0) == "12,346"
    assert figures.signed_percent(103.3, 100) == "+3.3 %" and figures.signed_percent(96, 100) == "-4.0 %"


def test_table_aligns_and_takes_headings():
    assert figures.table(["ms", "a", "long name"], [["heading wider than all else"], ["row", "1.00", "2"]]).splitlines() == [
        "ms      a  long name", "---  ----  ---------", "heading wider than all else", "row  1.00          2"]


def test_body_of_a_chunked_answer_as_far_as_it_has_come():
    pieces = answer(ROLE, TOKEN + b"0\r\n\r\n", DONE)
    assert load.body_of(pieces) == ROLE + TOKEN + b"0\r\n\r\n" + DONE
    assert load.body_of(pieces[:1]) == ROLE
    assert load.body_of([(0, pieces[0][1][:-20])]) == ROLE[:-18]


def test_the_role_is_not_the_first_token():
    assert load.first_token_s(answer(ROLE, TOKEN, DONE)) == 1
    with pytest.raises(RuntimeError, match="no token"):
        load.first_token_s(answer(ROLE, DONE))


def test_an_answer_that_is_not_whole_does_not_count():
    load.check_whole(ROLE + 2 * TOKEN + DONE, 2)
    for body, tokens in ((ROLE + TOKEN + DONE, 2), (ROLE + 2 * TOKEN, 2)):
        with pytest.raises(RuntimeError, match="tokens came"):
            load.check_whole(body, tokens)


def test_evidence_too_slow_for_its_signatures_is_named():
    ours = {}
    for ratio in (1.0, 1.2, 1.16):
        evidence.collect(ours, "slow", {"verify_us": 120, "signatures_us": 100, "ratio": ratio, "label": "5"})
        evidence.collect(ours, "good", {"verify_us": 120, "signatures_us": 100, "ratio": ratio - 0.02, "label": "5"})
        evidence.collect(ours, "little", {"verify_us": 24, "signatures_us": 20, "ratio": ratio, "label": "1"})
    assert evidence.over(ours) == ["slow"]


def test_verifiers_side_by_side_the_fastest_first():
    theirs = {("s", "b"): [5.0, 50.0, 4.0], ("s", "a"): [20.0], ("other", "a"): [1.0]}
    assert evidence.rows_beside("s", 10.0, theirs, {("s", "c"): "why", ("other", "b"): "why"}) == [
        ["s"], ["  openpcc", "10", "1.00"], ["  b", "5", "0.50"], ["  a", "20", "2.00"], ["  c", "refused", "-"]]
