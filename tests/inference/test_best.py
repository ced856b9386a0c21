"""Chances to be the best agree with drawing, and a bandit finds the better arm without losing the others."""

import numpy as np
import pytest

from journeyflow.inference.best import bandit_shares, chances
from journeyflow.inference.samples import Sample, of_conversions


def test_chances_agree_with_drawing() -> None:
    samples = [of_conversions(1_000, 100), of_conversions(900, 99), of_conversions(500, 52)]
    chance = np.random.default_rng(1)
    draws = np.stack([chance.normal(one.mean, one.error, 200_000) for one in samples])
    drawn = np.bincount(draws.argmax(axis=0), minlength=3) / 200_000
    assert chances(samples) == pytest.approx(list(drawn), abs=0.005)
    assert chances(samples, better=-1) == pytest.approx(
        list(np.bincount(draws.argmin(axis=0), minlength=3) / 200_000), abs=0.005
    )


def test_without_anything_seen_all_are_alike() -> None:
    assert chances([of_conversions(0, 0), of_conversions(0, 0)]) == [0.5, 0.5]
    assert chances([of_conversions(50, 0), of_conversions(50, 0)]) == [0.5, 0.5]
    assert chances([Sample(9, 1.0, 0.0)]) == [1.0]


def test_an_arm_that_never_varies_is_not_left_out() -> None:
    found = chances([of_conversions(1_000, 0), of_conversions(1_000, 30)])
    assert found[1] > 0.999
    assert sum(found) == pytest.approx(1)


def test_the_bandit_keeps_a_floor_under_every_arm() -> None:
    shares = bandit_shares([of_conversions(1_000, 10), of_conversions(1_000, 200)], floor=0.1)
    assert shares == pytest.approx([0.1, 0.9], abs=0.001)
    with pytest.raises(ValueError, match="more than everybody"):
        bandit_shares([of_conversions(10, 1)] * 3, floor=0.4)


def test_with_outcomes_that_come_late_the_bandit_finds_the_better_arm() -> None:
    """Outcomes are known a week after; the shares are made anew every day from those that are."""
    chance, rates, better = np.random.default_rng(7), (0.05, 0.09), 0
    for _ in range(100):
        seen, waiting = [[0, 0], [0, 0]], []
        shares = [0.5, 0.5]
        for _day in range(60):
            counts = [int(count) for count in chance.multinomial(100, shares)]
            waiting.append(
                [(n, int(chance.binomial(n, rate))) for n, rate in zip(counts, rates, strict=True)]
            )
            if len(waiting) > 7:
                for arm, (n, converted) in enumerate(waiting.pop(0)):
                    seen[arm][0] += n
                    seen[arm][1] += converted
            shares = bandit_shares([of_conversions(n, c) for n, c in seen], floor=0.05)
        better += shares[1] > 0.9
    assert better / 100 > 0.95
