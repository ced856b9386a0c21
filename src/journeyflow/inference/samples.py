"""What is known of an arm: how many customers, what one of them brought on average, and how that varies."""

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Sample:
    """Values of independent customers: 0 and 1 for a conversion, amounts for a value."""

    count: int
    mean: float
    variance: float  # of one customer's value, with count - 1 as divisor

    @property
    def error(self) -> float:
        """The standard error of the mean; infinite for fewer than two customers."""
        return math.sqrt(self.variance / self.count) if self.count > 1 else math.inf


def of_conversions(count: int, converted: int) -> Sample:
    return of_sums(count, converted, converted)


def of_sums(count: int, total: float, squares: float) -> Sample:
    """From the sum of the values and the sum of their squares."""
    if count < 2:
        return Sample(count, total / count if count else 0.0, math.inf)
    mean = total / count
    return Sample(count, mean, max(0.0, (squares - count * mean * mean) / (count - 1)))
