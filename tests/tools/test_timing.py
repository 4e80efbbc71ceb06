"""tools/timing.py reads ninja's log."""

import timing

LOG = "# ninja log v5\n0\t4000\t9\ta.o\tx\n10\t1010\t9\tb.o\tx\n0\t500\t9\ta.o\tx\n"


def test_the_newest_entry_of_an_output_counts():
    assert timing.steps(LOG) == {"a.o": 500, "b.o": 1000}


def test_lists_the_slowest_first(tree, capsys):
    assert timing.main(tree({".ninja_log": LOG})) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[-2].split() == ["1.0", "s", "b.o"] and lines[-1].split() == ["0.5", "s", "a.o"]
