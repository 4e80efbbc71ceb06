"""With a real llama.cpp whose prompt cache is on: no time tells through the private path what another user asked."""

import random

import pytest

import cache_timing
from harness import SHARING, Deployment, llama_engine

pytestmark = [pytest.mark.once, pytest.mark.required]

LETTERS = 600  # about one token each
SIZE = (128, 4)  # width and layers: LETTERS take tens of milliseconds


@pytest.fixture(scope="module")
def engine(tmp_path_factory):
    with llama_engine(tmp_path_factory.mktemp("engine"), SHARING, SIZE) as running:
        yield running


@pytest.fixture(scope="module")
def service(tmp_path_factory, engine):
    with Deployment(tmp_path_factory.mktemp("service"), nodes=1, engines=[engine.listen], engine_kind="llama.cpp", model=engine.MODEL) as running:
        yield running


def test_the_limits_are_met_by_chance_less_than_once_in_ten_thousand_runs():
    low, high = cache_timing.NO_SIGNAL
    assert low == 1 - high
    assert cache_timing.chance_beyond(cache_timing.TRIALS, low) < cache_timing.FALSE_ALARM_MAX


def test_the_probability_is_that_of_counting():
    """Four of each kind: all 70 orders, by hand."""
    import itertools

    kinds = [set(places) for places in itertools.combinations(range(8), 4)]
    values = [cache_timing.auc(sorted(one), sorted(set(range(8)) - one)) for one in kinds]
    for low in (0, 0.125, 0.25, 0.375):
        counted = sum(value <= low or value >= 1 - low for value in values) / len(values)
        assert cache_timing.chance_beyond(4, low) == pytest.approx(counted)


def test_the_statistic_sees_a_difference_and_none_where_there_is_none():
    chance = random.Random(3)
    plain = [chance.gauss(10, 1) for _ in range(cache_timing.TRIALS)]
    assert cache_timing.auc([value - 3 for value in plain], plain) > cache_timing.SIGNAL
    assert cache_timing.auc(plain, plain) == 0.5


def test_asked_directly_the_engine_tells_what_another_user_asked(engine):
    assert cache_timing.probe(engine.listen, engine.MODEL, LETTERS, seed=1, trials=16) >= cache_timing.SIGNAL


def test_through_the_private_path_a_prompt_that_costs_nothing_would_be_seen(service, engine):
    assert cache_timing.resolution(service.url, engine.MODEL, LETTERS, seed=2) >= cache_timing.SIGNAL


def test_through_the_private_path_nothing_is_told(service, engine):
    low, high = cache_timing.NO_SIGNAL
    assert low < cache_timing.probe(service.url, engine.MODEL, LETTERS, seed=3) < high
