"""A mismatch of shares is noticed, and chance alone is not taken for one, however often one looks."""

import numpy as np

from journeyflow.inference.balance import evidence, is_off

TESTS = 1_000


def looks(chances: list[float], seed: int) -> np.ndarray[tuple[int, int, int], np.dtype[np.int64]]:
    daily = np.random.default_rng(seed).multinomial(200, chances, size=(TESTS, 60))
    return np.cumsum(daily, axis=1)


def alarms(chances: list[float], shares: list[float], seed: int, alpha: float) -> float:
    found = looks(chances, seed)
    return float(np.mean([any(is_off(list(map(int, day)), shares, alpha) for day in test) for test in found]))


def test_chance_is_no_mismatch_at_any_look() -> None:
    assert alarms([0.1, 0.45, 0.45], [10, 45, 45], seed=1, alpha=0.05) <= 0.05
    assert alarms([0.5, 0.5], [1, 1], seed=2, alpha=0.001) <= 0.003


def test_a_lost_fiftieth_is_noticed() -> None:
    assert alarms([0.475, 0.525], [1, 1], seed=3, alpha=0.001) > 0.9


def test_who_was_given_nothing_must_have_nobody() -> None:
    assert is_off([1, 1_000], [0, 1])
    assert not is_off([0, 1_000], [0, 1])
    assert evidence([0, 0], [1, 1]) == 0
