"""Cases that trip rules of spec/evidence_regions, and small changes to bytes."""

import pytest
from evidence_regions import RULES


class Cases:
    """The cases of the rules that begin with a prefix."""

    def __init__(self, prefix):
        self._prefix = prefix
        self._cases = {}

    def __call__(self, rule, *consequences):
        """Registers a case: a function that returns a judgement. `consequences`: what else must follow from the same wrong, and nothing more."""

        def register(function):
            assert rule in RULES and rule.startswith(self._prefix)
            self._cases.setdefault(rule, []).append((function, [rule, *consequences]))
            return function

        return register

    def parametrize(self):
        """Every rule of the prefix, also one without a case."""
        return pytest.mark.parametrize("rule", [rule for rule in RULES if rule.startswith(self._prefix)])

    def check(self, rule):
        assert self._cases.get(rule), "no case"
        for function, expected in self._cases[rule]:
            judgement = function()
            assert list(dict.fromkeys(judgement.rules)) == expected, judgement.findings


def bit(at, n):
    """Flips bit n, counted from the lowest of byte `at`."""

    def change(data):
        data[at + n // 8] ^= 1 << n % 8

    return change


def put(at, value):
    def change(data):
        data[at : at + len(value)] = value

    return change
