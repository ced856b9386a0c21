"""What is known of an arm: how many customers, what one of them brought on average, and how that varies."""

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Sample:
    """Values of independent customers: 0 and 1 for a conversion, amounts for a value."""

    count: int
    mean: float
    variance: float  # of one customer's value, with count - 1 as divisor
    hits: int | None = None  # customers who did what is looked for; None: not told

    @property
    def error(self) -> float:
        """The standard error of the mean; infinite for fewer than two customers."""
        return math.sqrt(self.variance / self.count) if self.count > 1 else math.inf


def of_conversions(count: int, converted: int) -> Sample:
    return of_sums(count, converted, converted, converted)


def of_sums(count: int, total: float, squares: float, hits: int | None = None) -> Sample:
    """From the sum of the values and the sum of their squares."""
    if count < 2:
        return Sample(count, total / count if count else 0.0, math.inf, hits)
    mean = total / count
    return Sample(count, mean, max(0.0, (squares - count * mean * mean) / (count - 1)), hits)


def pooled_variance(one: Sample, other: Sample) -> float:
    """The variance, if they were one arm. Each has two customers at least."""
    count = one.count + other.count
    between = one.count * other.count / count * (one.mean - other.mean) ** 2
    within = (one.count - 1) * one.variance + (other.count - 1) * other.variance
    return (within + between) / (count - 1)
