"""Intervals cover what they promise, at one look or at every look."""

import math
from typing import Any

import numpy as np
import pytest

from journeyflow.inference.differences import (
    ENOUGH,
    Interval,
    at_every_look,
    difference,
    needed,
    once,
)
from journeyflow.inference.samples import Sample, of_conversions, of_sums

ALPHA = 0.05
DAYS = 60
A_DAY = 50  # customers an arm
TESTS = 2_000


def conversions(rates: tuple[float, float], seed: int) -> Any:
    """Converted so far, by test, day and arm."""
    chance = np.random.default_rng(seed)
    daily = [chance.binomial(A_DAY, rate, size=(TESTS, DAYS)) for rate in rates]
    return np.cumsum(np.stack(daily, axis=2), axis=1)


def revenues(seed: int) -> Any:
    """Sums and sums of squares so far, of an order by one in ten, with amounts of a heavy tail."""
    chance = np.random.default_rng(seed)
    size = (TESTS, DAYS, 2, A_DAY)
    values = (chance.random(size) < 0.1) * chance.lognormal(3.5, 1.0, size)
    return np.cumsum(values.sum(3), axis=1), np.cumsum((values**2).sum(3), axis=1)


def found_by(radius: Any, samples: Any) -> float:
    """The part of the tests in which a look, at any day, excluded zero."""
    return float(np.mean([any(_excludes(radius, look) for look in looks) for looks in samples]))


def _excludes(radius: Any, look: tuple[Sample, Sample]) -> bool:
    return difference(look[1], look[0], radius).interval.excludes_zero


def looks_at(converted: Any, first: int = 4) -> Any:
    for test in converted:
        yield [
            (of_conversions(A_DAY * day, int(row[0])), of_conversions(A_DAY * day, int(row[1])))
            for day, row in enumerate(test, start=1)
            if day >= first
        ]


def test_two_thousand_tests_of_nothing_looked_at_every_day() -> None:
    nothing = list(looks_at(conversions((0.1, 0.1), seed=1)))
    assert found_by(at_every_look(ALPHA), nothing) <= ALPHA
    assert found_by(once(ALPHA), nothing) > 0.2  # what looking does to the usual interval


def test_the_same_with_money() -> None:
    sums, squares = revenues(seed=2)
    nothing = [
        [
            (
                of_sums(A_DAY * day, sums[test, day - 1, 0], squares[test, day - 1, 0]),
                of_sums(A_DAY * day, sums[test, day - 1, 1], squares[test, day - 1, 1]),
            )
            for day in range(4, DAYS + 1)
        ]
        for test in range(TESTS)
    ]
    assert found_by(at_every_look(ALPHA), nothing) <= ALPHA
    assert found_by(once(ALPHA), nothing) > 0.2


@pytest.mark.parametrize("rates", [(0.1, 0.13), (0.02, 0.02), (0.5, 0.45)])
def test_the_true_difference_is_inside_at_every_look(rates: tuple[float, float]) -> None:
    radius, truth = at_every_look(ALPHA), rates[1] - rates[0]
    missed = 0
    for looks in looks_at(conversions(rates, seed=3)):
        intervals = (difference(arm, control, radius).interval for control, arm in looks)
        missed += any(not one.low <= truth <= one.high for one in intervals)
    assert missed / TESTS <= ALPHA


def test_a_single_look_covers_as_often_as_it_says() -> None:
    last = conversions((0.1, 0.13), seed=4)[:, -1]
    count = A_DAY * DAYS
    covered = relative = 0
    for control, arm in last:
        found = difference(of_conversions(count, int(arm)), of_conversions(count, int(control)), once(ALPHA))
        covered += found.interval.low <= 0.03 <= found.interval.high
        assert found.relative_interval is not None
        relative += found.relative_interval.low <= 0.3 <= found.relative_interval.high
    assert 0.935 < covered / TESTS < 0.965
    assert 0.935 < relative / TESTS < 0.965


def test_power_is_that_of_theory() -> None:
    """For one look, by the normal approximation; for looking daily, that of the last look at least."""
    rates, count = (0.1, 0.13), A_DAY * DAYS
    error = math.sqrt(sum(rate * (1 - rate) / count for rate in rates))
    lasts = list(looks_at(conversions(rates, seed=5), first=DAYS))
    assert abs(found_by(once(ALPHA), lasts) - _power(0.03, error, once(ALPHA)(2 * count))) < 0.03
    daily = found_by(at_every_look(ALPHA), list(looks_at(conversions(rates, seed=5))))
    theory = _power(0.03, error, at_every_look(ALPHA)(2 * count))
    assert theory - 0.01 < daily < theory + 0.1  # who looks more often finds it a little more often


def _power(effect: float, error: float, radius: float) -> float:
    return 0.5 * math.erfc((radius - effect / error) / math.sqrt(2))


def test_the_sequence_is_narrowest_about_where_it_was_tuned() -> None:
    tuned = at_every_look(ALPHA, 5_000)
    assert tuned(5_000) < at_every_look(ALPHA, 500)(5_000)
    assert tuned(5_000) < at_every_look(ALPHA, 50_000)(5_000)
    assert 2.9 < tuned(5_000) < 3.2  # against 1.96 for a single look: the price of looking


def test_needed_is_where_the_interval_begins_to_exclude_zero() -> None:
    control, arm = of_conversions(1_000, 100), of_conversions(1_000, 115)
    radius = at_every_look(ALPHA)
    many = needed(arm, control, radius)
    assert many is not None
    assert _excludes(radius, _grown(control, arm, many + 20))
    assert not _excludes(radius, _grown(control, arm, many - 20))
    assert needed(control, control, radius) is None


def _grown(control: Sample, arm: Sample, many: int) -> tuple[Sample, Sample]:
    return Sample(many // 2, control.mean, control.variance), Sample(many // 2, arm.mean, arm.variance)


def test_little_is_known_of_few() -> None:
    nobody, one = of_conversions(0, 0), of_conversions(1, 1)
    assert not difference(one, nobody, at_every_look(ALPHA)).interval.excludes_zero
    assert difference(of_conversions(100, 3), of_conversions(100, 0), once(ALPHA)).relative is None


def test_a_small_arm_in_which_nobody_has_converted_yet_proves_nothing() -> None:
    """By itself it varies by nothing, so the error of its mean would be none."""
    small, radius = of_conversions(1_000, 0), at_every_look(ALPHA)
    assert difference(of_conversions(9_000, 90), small, radius).interval == Interval(-math.inf, math.inf)
    assert not difference(of_conversions(9_000, 180), of_conversions(1_000, 8), radius).interval.excludes_zero
    assert difference(of_conversions(9_000, 900), small, radius).interval.low > 0.05


def test_needed_waits_for_enough_conversions() -> None:
    arm, control = of_conversions(900, 9), of_conversions(100, 0)
    assert needed(arm, control, lambda _count: 0.001) == ENOUGH / 0.9 * 1_000 // 1 + 1


def test_sums_and_conversions_agree_with_numpy() -> None:
    values = np.random.default_rng(6).lognormal(3, 1, 500)
    sample = of_sums(500, values.sum(), (values**2).sum())
    assert sample.mean == pytest.approx(values.mean())
    assert sample.variance == pytest.approx(values.var(ddof=1))
    assert of_conversions(4, 1).variance == pytest.approx(np.var([1, 0, 0, 0], ddof=1))
