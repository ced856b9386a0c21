"""Who gets which variant: the same for ever, evenly, and independently from one experiment to the next."""

from collections import Counter
from itertools import product

import pytest

from journeyflow.assignment import SLOTS, assigned, slot

# Changing any of these would move customers of running experiments to other variants.
VECTORS = [
    ("nudge-timing", "c0001", 9872),
    ("nudge-timing", "c0002", 1915),
    ("nudge-timing", "", 4970),
    ("subject-line", "c0001", 5364),
    ("subject-line", "kund-åäö", 2785),
    ("subject-line", "😀", 679),
]


@pytest.mark.parametrize(("experiment", "customer", "expected"), VECTORS)
def test_golden_vectors(experiment: str, customer: str, expected: int) -> None:
    assert slot(experiment, customer) == expected


def test_shares_are_taken_in_their_order() -> None:
    at = slot("nudge-timing", "c0001")
    assert assigned("nudge-timing", "c0001", [at, SLOTS - at]) == 1
    assert assigned("nudge-timing", "c0001", [at + 1, SLOTS - at - 1]) == 0
    assert assigned("nudge-timing", "c0001", [0, 0, SLOTS]) == 2


def test_shares_that_are_not_everybody_are_refused() -> None:
    with pytest.raises(ValueError, match="nudge-timing"):
        assigned("nudge-timing", "c0001", [0])


def test_slots_are_uniform() -> None:
    counts = Counter(slot("nudge-timing", f"c{number}") // 100 for number in range(100_000))
    assert _chi_square(counts, [1_000.0] * 100) < 149  # 99.9% of uniform draws, 99 degrees of freedom


def test_shares_come_out_as_written() -> None:
    shares = [1_000, 4_500, 4_500]
    counts = Counter(assigned("nudge-timing", f"c{number}", shares) for number in range(100_000))
    assert _chi_square(counts, [share * 10.0 for share in shares]) < 13.8  # 99.9%, 2 degrees of freedom


def test_two_experiments_do_not_hang_together() -> None:
    halves = [SLOTS // 2, SLOTS // 2]
    counts = Counter(
        2 * assigned("one", f"c{number}", halves) + assigned("two", f"c{number}", halves)
        for number in range(100_000)
    )
    assert _chi_square(counts, [25_000.0] * 4) < 16.3  # 99.9%, 3 degrees of freedom


def test_names_do_not_run_into_each_other() -> None:
    pairs = list(product(["a", "a:", "1:a", ""], ["a", ":a", "1:a", ""]))
    assert len({slot(*pair) for pair in pairs}) == len(pairs)


def _chi_square(counts: Counter[int], expected: list[float]) -> float:
    return sum((counts[number] - share) ** 2 / share for number, share in enumerate(expected))
