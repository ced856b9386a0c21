"""How long a test will take, told before it begins."""

import re
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

import click

from journeyflow.experiments.size import Size, Wish

_PERCENT = re.compile(r"([+-]?[0-9]{1,4}(?:\.[0-9]{1,4})?) ?%")


class Percent(click.ParamType[float]):
    """As a part of one."""

    name = "percent"

    def convert(self, value: Any, parameter: click.Parameter | None, context: click.Context | None) -> float:
        if isinstance(value, float):
            return value
        found = _PERCENT.fullmatch(value)
        if found is None:
            self.fail(f'it is "{value}"; write percent, for example "5%"', parameter, context)
        return float(found[1]) / 100


def size_in_words(wish: Wish, size: Size, per_day: int | None) -> Iterator[str]:
    """`per_day`: customers who come into the test, all variants together."""
    yield (
        f"To tell {wish.other:.2%} from {wish.baseline:.2%} in {wish.power:.0%} of such tests, with a wrong "
        f"finding in at most {wish.alpha * 100:.3g}% of those about nothing, two variants need:"
    )
    yield f"  fixed       {_customers(size.fixed, per_day)}, looked at once, at the end"
    if size.usual is None or size.latest is None:
        yield "  sequential  more than a thousand million customers"
        return
    yield f"  sequential  {_customers(size.usual, per_day)} in half of the cases, looked at every day"
    times = f"{size.latest / size.fixed:.1f} times the fixed one"
    yield f"              {_customers(size.latest, per_day)} at most for that power, {times}"
    if per_day:
        yield 'To this comes the time for the outcome ("within"), once.'


def size_data(wish: Wish, size: Size) -> dict[str, Any]:
    return {**asdict(wish), "other": wish.other, "customers_in_each": asdict(size)}


def _customers(each: int, per_day: int | None) -> str:
    days = f" ({-(-2 * each // per_day):,} days)" if per_day else ""
    return f"{each:,} customers in each{days}"
