"""The trap of every timing test: the later arm has had less time. Here two arms of equal effect, one of them
three days later."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from journeyflow.inference.differences import at_every_look, difference
from journeyflow.inference.samples import of_conversions

TESTS, DAYS, A_DAY = 200, 60, 40  # customers a day in each arm
WITHIN = 14.0  # days for the outcome
DELAY = 3.0


@dataclass(frozen=True, slots=True)
class Arm:
    exposed: Any  # days, by test and customer
    sent: Any
    converted: Any  # the day; infinite for who never did


def arm(chance: np.random.Generator, delay: float) -> Arm:
    """Interest of their own, which fades within days, and what the message brings, within five days of it."""
    size = (TESTS, DAYS * A_DAY)
    exposed = np.tile(np.repeat(np.arange(DAYS, dtype=float), A_DAY), (TESTS, 1))
    by_themselves = np.where(chance.random(size) < 0.08, chance.exponential(2.0, size), np.inf)
    by_message = np.where(chance.random(size) < 0.04, delay + 5 * chance.random(size), np.inf)
    return Arm(exposed, exposed + delay, exposed + np.minimum(by_themselves, by_message))


def two_arms(seed: int) -> tuple[Arm, Arm]:
    chance = np.random.default_rng(seed)
    return arm(chance, 0.0), arm(chance, DELAY)


def called_different(seed: int, clock: str, only_matured: bool) -> float:
    """The part of the tests that some daily look, from the 20th day on, calls different."""
    at_once, later = two_arms(seed)
    radius, called = at_every_look(0.05), np.zeros(TESTS, dtype=bool)
    for now in range(20, DAYS + 1):
        counts = [_seen(one, now, clock, only_matured) for one in (at_once, later)]
        for test in range(TESTS):
            control, other = (of_conversions(int(n[test]), int(c[test])) for n, c in counts)
            called[test] |= difference(other, control, radius).interval.excludes_zero
    return float(called.mean())


def _seen(one: Arm, now: int, clock: str, only_matured: bool) -> tuple[Any, Any]:
    begin = one.exposed if clock == "exposure" else one.sent
    counted = (begin + WITHIN <= now) if only_matured else (begin <= now)
    if clock == "sending":  # who has bought before it is sent nothing any more
        counted &= one.converted > one.sent
    hit = counted & (one.converted > begin) & (one.converted <= np.minimum(begin + WITHIN, now))
    return counted.sum(axis=1), hit.sum(axis=1)


def test_arms_that_differ_in_their_delay_alone_are_not_called_different() -> None:
    assert called_different(1, clock="exposure", only_matured=True) <= 0.05


def test_a_clock_that_starts_at_sending_calls_them_different() -> None:
    assert called_different(1, clock="sending", only_matured=True) > 0.5
