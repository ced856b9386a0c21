"""Customers fall evenly into the slots of every experiment, and where one fell says nothing of another."""

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from journeyflow.assignment import SLOTS, slots
from tests.proofs.sizes import size

CUSTOMERS = size(20_000, 1_000_000)
EXPERIMENTS = 100
CELLS = 100  # that the slots are counted in


@pytest.fixture(scope="module")
def drawn() -> NDArray[np.int16]:
    """The slot of every customer in every experiment."""
    keys = [f"customer-{number}" for number in range(CUSTOMERS)]
    found = np.empty((EXPERIMENTS, CUSTOMERS), dtype=np.int16)
    for number in range(EXPERIMENTS):
        found[number] = slots(f"experiment-{number}", keys)
    return found


def test_slots_are_uniform_in_every_experiment(drawn: NDArray[np.int16]) -> None:
    expected = CUSTOMERS / CELLS
    counts = [np.bincount(one // (SLOTS // CELLS), minlength=CELLS) for one in drawn]
    each = [float(((one - expected) ** 2 / expected).sum()) for one in counts]
    assert max(map(abs, (_surprise(one, CELLS - 1) for one in each))) < 5  # the most of a hundred
    assert abs(_surprise(sum(each), EXPERIMENTS * (CELLS - 1))) < 3.3


def test_any_two_experiments_are_independent(drawn: NDArray[np.int16]) -> None:
    """Halves against halves: each correlation of two, times the customers, is a chi-square of one degree."""
    sides = np.where(drawn < SLOTS // 2, np.float32(1), np.float32(-1))
    pairs = ((sides @ sides.T) / math.sqrt(CUSTOMERS))[np.triu_indices(EXPERIMENTS, k=1)]
    assert float(np.abs(pairs).max()) < 5.5  # of 4,950
    assert abs(_surprise(float((pairs**2).sum()), len(pairs))) < 3.3


def _surprise(chi_square: float, degrees: int) -> float:
    """In standard errors of a normal distribution: too uneven is positive, too even is negative."""
    middle = 1 - 2 / (9 * degrees)  # E. B. Wilson and M. M. Hilferty, PNAS 17, 1931
    return float((math.cbrt(chi_square / degrees) - middle) / math.sqrt(2 / (9 * degrees)))
