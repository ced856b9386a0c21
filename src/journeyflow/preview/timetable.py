"""When each step of a journey can happen, as plain text."""

import textwrap
from collections.abc import Iterator, Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from journeyflow.plan import Plan, Send, Step
from journeyflow.policy import Policy
from journeyflow.preview.moments import windows
from journeyflow.preview.words import (
    WEEKDAYS,
    entry_in_words,
    if_capped_in_words,
    rules_in_words,
    step_in_words,
)

_WIDEST = (80, 44, 28, 28)  # characters of a column, before its text goes on in the next line
_OPEN = "open"
_NOTE = "A wait is listed with the moment it ends, a message with the moment it goes out, if it may go out."
_NOTE_OPEN = f"{_OPEN.capitalize()}: a date of the customer's own decides."


def timetable(plan: Plan, policy: Policy, tz: ZoneInfo, entered: datetime) -> str:
    """How customers come in, a table of the steps, how they leave. Raises as `windows` does."""
    found = windows(plan, policy, tz, entered)
    rows = [("step", "what it does", "earliest", "latest")]
    for step, window in zip(plan.steps, found, strict=True):
        rows.append((step.path, _what(step), _told(window.earliest, tz), _told(window.latest, tz)))
    head = [
        f"{plan.journey}: {plan.title}",
        f"comes in: {entry_in_words(plan.enter)}",
        *rules_in_words(plan),
        f"now enters: {_told(entered, tz)} {tz.key}",
    ]
    notes = [_NOTE, _NOTE_OPEN] if any(window.latest is None for window in found) else [_NOTE]
    return "\n".join([*head, "", *_table(rows), "", *notes])


def _what(step: Step) -> str:
    extra = if_capped_in_words(step) if isinstance(step, Send) else ""
    return step_in_words(step) + (f" ({extra})" if extra else "")


def _told(moment: datetime | None, tz: ZoneInfo) -> str:
    """`Sun 2026-03-08 10:00 -04:00`; seconds only where there are any."""
    if moment is None:
        return _OPEN
    local = moment.astimezone(tz)
    clock = local.isoformat(" ", "seconds" if local.second else "minutes")
    return f"{WEEKDAYS[local.weekday()]} {clock[:-6]} {clock[-6:]}"


def _table(rows: Sequence[tuple[str, ...]]) -> Iterator[str]:
    wrapped = [[textwrap.wrap(cell, most) for cell, most in zip(row, _WIDEST, strict=True)] for row in rows]
    widths = [max(len(line) for row in wrapped for line in row[column]) for column in range(len(_WIDEST))]
    for number, row in enumerate(wrapped):
        if number == 1:
            yield "  ".join("-" * width for width in widths)
        for line in range(max(map(len, row))):
            cells = (
                (cell[line] if line < len(cell) else "").ljust(width)
                for cell, width in zip(row, widths, strict=True)
            )
            yield "  ".join(cells).rstrip()
