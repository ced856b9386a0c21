"""Who gets which variant: the same for ever, and in the shares that are written.

That slots are uniform and experiments independent is in `tests/proofs/test_assignment.py`.
"""

from collections import Counter
from itertools import product

import pytest

from journeyflow.assignment import SLOTS, assigned, assigned_each, slot

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


def test_shares_come_out_as_written() -> None:
    shares = [1_000, 4_500, 4_500]
    counts = Counter(assigned("nudge-timing", f"c{number}", shares) for number in range(100_000))
    assert _chi_square(counts, [share * 10.0 for share in shares]) < 13.8  # 99.9%, 2 degrees of freedom


def test_who_is_assigned_together_is_assigned_as_alone() -> None:
    shares = [0, 2_500, 0, 7_500]
    keys = [f"c{number}" for number in range(200)]
    assert assigned_each("one", keys, shares) == [assigned("one", key, shares) for key in keys]
    assert set(assigned_each("one", keys, shares)) == {1, 3}


def test_names_do_not_run_into_each_other() -> None:
    pairs = list(product(["a", "a:", "1:a", ""], ["a", ":a", "1:a", ""]))
    assert len({slot(*pair) for pair in pairs}) == len(pairs)


def _chi_square(counts: Counter[int], expected: list[float]) -> float:
    return sum((counts[number] - share) ** 2 / share for number, share in enumerate(expected))
