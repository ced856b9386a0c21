"""Shares of the customers: percent in a file, whole hundredths of a percent everywhere else."""

import re

from journeyflow.language.fields import as_text
from journeyflow.language.problems import Report, quoted
from journeyflow.language.source import Node

ALL = 10_000
_PERCENT = re.compile(r"([0-9]{1,3})(?:\.([0-9]{1,2}))? ?%")


def share(node: Node, what: str, report: Report, least: int = 0, most: int = ALL) -> int | None:
    """From `least` to `most`; None after what is wrong has been reported."""
    text = as_text(node, what, report)
    if text is None:
        return None
    match = _PERCENT.fullmatch(text.value)
    if match is None:
        way_out = 'write percent with at most two decimals, for example "45%" or "33.34%"'
        report.add(node.mark, "JF124", f"{what} is {quoted(text.value)}; {way_out}")
        return None
    found = int(match[1]) * 100 + int((match[2] or "").ljust(2, "0"))
    if least <= found <= most:
        return found
    way_out = f"write {percent(least)} to {percent(most)}"
    report.add(node.mark, "JF124", f"{what} is {quoted(text.value)}; {way_out}")
    return None


def percent(hundredths: int) -> str:
    return f"{hundredths / 100:.10g}%"
