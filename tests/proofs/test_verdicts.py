"""Verdicts over many experiments that are looked at every day: by the rules that decide real ones."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import pytest

from journeyflow.conditions import EventMatch
from journeyflow.experiments.verdict import Counts, Rules, Verdict, assess
from journeyflow.inference.differences import at_every_look, once
from journeyflow.plan import Decide, Metric
from tests.proofs.sizes import size

TESTS = size(60, 2_000)
DAYS, A_DAY = 60, 50  # customers of each arm
ALIKE = (A_DAY, A_DAY)
ALPHA = 0.05
CHANCE = size(60, 0) / 1_000  # what few tests may be off by
RARE = 0.001  # of the customers: what they spend beyond all others is cut off, as `outcomes` does

CONVERSIONS = Metric(EventMatch("order.completed"), within=86_400)
REVENUE = Metric(EventMatch("order.completed"), within=86_400, value="total")
SEQUENTIAL = Decide("sequential", minimum=200)
FIXED = Decide("fixed", minimum=200, stop_after=86_400)
Test = list[list[Counts]]  # what is known of both arms, day by day


@dataclass(frozen=True, slots=True)
class Case:
    metric: Metric
    truth: float  # by how much the second arm is better
    tests: list[Test]

    def looks(self, decide: Decide) -> Iterator[list[Verdict]]:
        """As if each look were the one that was agreed on, where the test is fixed."""
        rules = Rules(self.metric, decide=decide)
        for test in self.tests:
            yield [assess(day, rules, is_over=decide.method == "fixed") for day in test]

    def decided(self, decide: Decide) -> float:
        """The part of the tests that some look decides."""
        return float(np.mean([any(day.winner for day in looks) for looks in self.looks(decide)]))

    def covered(self) -> float:
        """The part of the tests in which every look's interval has the truth inside."""
        return float(np.mean([all(map(self._covers, looks)) for looks in self.looks(SEQUENTIAL)]))

    def _covers(self, verdict: Verdict) -> bool:
        interval = verdict.against_first[0].difference.interval
        return interval.low <= self.truth <= interval.high


@cache
def rates(control: float, arm: float, seed: int, a_day: tuple[int, int] = ALIKE) -> Case:
    chance = np.random.default_rng(seed)
    both = zip(a_day, (control, arm), strict=True)
    daily = np.stack([chance.binomial(many, rate, size=(TESTS, DAYS)) for many, rate in both], axis=2)
    return Case(CONVERSIONS, arm - control, [_of_rates(test, a_day) for test in np.cumsum(daily, axis=1)])


def _of_rates(test: Any, a_day: tuple[int, int]) -> Test:
    """A day's number of an arm is its share, in percent."""
    return [
        [
            Counts(name, 100 * many, many * day, many * day, int(one))
            for name, many, one in zip("ab", a_day, row, strict=True)
        ]
        for day, row in enumerate(test, start=1)
    ]


@cache
def revenues(lift: float, seed: int, bounded: bool, a_day: tuple[int, int] = ALIKE) -> Case:
    """One in ten buys, for amounts of a heavy tail: bounded as in `outcomes`, else as they are."""
    chance = np.random.default_rng(seed)
    middle, width = 3.5, 1.5 if bounded else 1.0  # of the logarithm of an amount
    tests = []
    for _ in range(TESTS):
        spent = [_spent(chance, many * DAYS, middle, width) for many in a_day]
        spent[1] *= 1 + lift
        tests.append([_of_values(spent, a_day, day, bounded) for day in range(1, DAYS + 1)])
    return Case(REVENUE, lift * 0.1 * math.exp(middle + width**2 / 2), tests)


def _spent(chance: np.random.Generator, customers: int, middle: float, width: float) -> Any:
    return (chance.random(customers) < 0.1) * chance.lognormal(middle, width, customers)


def _of_values(spent: Any, a_day: tuple[int, int], day: int, bounded: bool) -> list[Counts]:
    known = [one[: many * day] for one, many in zip(spent, a_day, strict=True)]
    if bounded:
        both = np.concatenate(known)
        place = int(both.size * RARE)
        known = [np.minimum(one, -np.partition(-both, place)[place]) for one in known]
    return [
        Counts(name, 100 * many, many * day, many * day, int((one > 0).sum()), one.sum(), (one**2).sum())
        for name, many, one in zip("ab", a_day, known, strict=True)
    ]


NOTHING = [
    pytest.param(lambda: rates(0.1, 0.1, seed=11), id="one in ten"),
    pytest.param(lambda: rates(0.02, 0.02, seed=12), id="one in fifty"),
    pytest.param(lambda: revenues(0.0, seed=13, bounded=False), id="revenue"),
    pytest.param(lambda: revenues(0.0, seed=14, bounded=True), id="revenue, cut off"),
]
UNEQUAL = [
    pytest.param(lambda: rates(0.01, 0.01, seed=21, a_day=(90, 10)), id="one in a hundred, 90 to 10"),
    pytest.param(lambda: rates(0.02, 0.02, seed=22, a_day=(5, 95)), id="one in fifty, 5 to 95"),
    pytest.param(lambda: revenues(0.0, seed=23, bounded=True, a_day=(90, 10)), id="revenue, 90 to 10"),
]


@pytest.mark.parametrize("case", [*NOTHING, *UNEQUAL])
def test_arms_that_are_alike_are_seldom_called_different(case: Any) -> None:
    assert case().decided(SEQUENTIAL) <= ALPHA + CHANCE


@pytest.mark.parametrize("case", NOTHING)
def test_a_fixed_test_that_is_looked_at_daily_calls_them_different(case: Any) -> None:
    """What the one above is worth: the look that was agreed on is taken every day."""
    assert case().decided(FIXED) > 0.2 - CHANCE


@pytest.mark.parametrize(
    "case",
    [
        pytest.param(lambda: rates(0.1, 0.13, seed=15), id="one in ten"),
        pytest.param(lambda: rates(0.02, 0.02, seed=12), id="one in fifty"),
        pytest.param(lambda: rates(0.5, 0.45, seed=16), id="half"),
        pytest.param(lambda: rates(0.02, 0.03, seed=24, a_day=(5, 95)), id="one in fifty, 5 to 95"),
        pytest.param(lambda: revenues(0.2, seed=17, bounded=False), id="revenue"),
    ],
)
def test_the_truth_is_inside_of_every_interval(case: Any) -> None:
    assert case().covered() >= 1 - ALPHA - CHANCE


@pytest.mark.parametrize("decide", [SEQUENTIAL, FIXED], ids=["sequential", "fixed"])
def test_power_is_that_of_theory(decide: Decide) -> None:
    """By the normal approximation at the last look; whoever looks daily finds it a little more often."""
    case, count = rates(0.1, 0.13, seed=15), A_DAY * DAYS
    radius = (once if decide.method == "fixed" else at_every_look)(ALPHA)(2 * count)
    error = math.sqrt((0.1 * 0.9 + 0.13 * 0.87) / count)
    theory = 0.5 * math.erfc((radius - case.truth / error) / math.sqrt(2))
    at = [test if decide.method == "sequential" else test[-1:] for test in case.tests]
    found = Case(case.metric, case.truth, at).decided(decide)
    assert abs(found - theory) <= 0.1 + CHANCE
