"""Sets of cohort members as bit masks, and the numbers of their enrollments.

A member is a position, 0 to COHORT_SIZE - 1. A set of members is an int whose bit `n` is set when
position `n` is in it, so that splitting and merging are one `&` or `|`. In JSON a mask is a hex string.
"""

from collections.abc import Iterable, Iterator

Mask = int

COHORT_SIZE = 500
STRIDE = 1_000  # enrollment 24034 is member 34 of cohort 24


def mask_of(positions: Iterable[int]) -> Mask:
    mask = 0
    for position in positions:
        mask |= 1 << position
    return mask


def first(count: int) -> Mask:
    """Positions 0 to count - 1."""
    return (1 << count) - 1


def positions(mask: Mask) -> Iterator[int]:
    while mask:
        lowest = mask & -mask
        yield lowest.bit_length() - 1
        mask ^= lowest


def to_hex(mask: Mask) -> str:
    return f"{mask:x}"


def from_hex(text: str) -> Mask:
    return int(text, 16)


def enrollment_id(cohort: int, position: int) -> int:
    return cohort * STRIDE + position


def place_of(enrollment: int) -> tuple[int, int]:
    """The cohort and the position of an enrollment."""
    return divmod(enrollment, STRIDE)


def enrollment_ids(cohort: int, mask: Mask) -> list[int]:
    return [enrollment_id(cohort, position) for position in positions(mask)]


def enrollment_range(cohort: int) -> tuple[int, int]:
    """The lowest and highest number an enrollment of this cohort can have."""
    return cohort * STRIDE, cohort * STRIDE + COHORT_SIZE - 1
