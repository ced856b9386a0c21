"""Reading what an experiment is about and when it is over: `metric`, `guardrails` and `decide`."""

from collections.abc import Callable
from typing import Any, Literal, TypeVar

from journeyflow.language import values
from journeyflow.language.conditions import event_pattern
from journeyflow.language.definition import Metric
from journeyflow.language.durations import UNITS, in_words
from journeyflow.language.fields import Fields, as_map
from journeyflow.language.problems import Report
from journeyflow.language.shares import ALL, share
from journeyflow.language.source import Node
from journeyflow.plan import Decide, Guardrail

Choice = TypeVar("Choice", bound=str)

METHODS: tuple[Literal["sequential", "fixed", "bandit"], ...] = ("sequential", "fixed", "bandit")
ABOUT: tuple[Literal["unsubscribed", "complained"], ...] = ("unsubscribed", "complained")
BETTER: tuple[Literal["more", "less"], ...] = ("more", "less")
ALPHA = (10, 2_000)  # hundredths of a percent
WITHIN = (UNITS["hour"], 180 * UNITS["day"])
_STOP_AFTER = (UNITS["day"], 365 * UNITS["day"])
_MINIMUM = (10, 10_000_000)


def metric(node: Node, report: Report) -> Metric | None:
    keys = as_map(node, '"metric"', report)
    if keys is None:
        return None
    fields = Fields(keys, ("event", "where", "within", "value", "at_most", "better"), '"metric"', report)
    pattern, length = event_pattern(fields, report), fields.need("within", "14 days")
    within = _duration(length, '"within"', WITHIN, report) if length else None
    value = values.phrase(found, '"value"', report) if (found := fields.get("value")) else None
    better, most = _chosen(fields, "better", BETTER, report), _most(fields, report)
    if pattern is None or within is None:
        return None
    return Metric(keys.mark, pattern, within, value.value if value else None, most, better)


def guardrails(node: Node, report: Report) -> tuple[Guardrail, ...]:
    keys = as_map(node, '"guardrails"', report)
    if keys is None:
        return ()
    if not keys.entries:
        report.add(keys.mark, "JF119", '"guardrails" is empty; write "unsubscribed: 0.5%", or leave it out')
    fields = Fields(keys, ABOUT, '"guardrails"', report)
    found = []
    for about in ABOUT:
        given = fields.get(about)
        at_most = share(given, f'"{about}"', report) if given else None
        if at_most is not None:
            found.append(Guardrail(about, at_most))
    return tuple(found)


def decide(node: Node, report: Report) -> Decide:
    keys = as_map(node, '"decide"', report)
    if keys is None:
        return Decide()
    fields = Fields(keys, ("method", "alpha", "minimum", "stop_after", "floor"), '"decide"', report)
    method = _method(fields, report)
    least, most = _MINIMUM
    readers: dict[str, Callable[[Node], int | None]] = {
        "alpha": lambda given: share(given, '"alpha"', report, *ALPHA),
        "minimum": lambda given: values.whole(given, '"minimum"', least, most, report),
        "stop_after": lambda given: _duration(given, '"stop_after"', _STOP_AFTER, report),
        "floor": lambda given: share(given, '"floor"', report, 1, ALL),
    }
    given = {name: read(there) for name, read in readers.items() if (there := fields.get(name))}
    known: dict[str, Any] = {name: found for name, found in given.items() if found is not None}
    return Decide(method, **known)


def _method(fields: Fields, report: Report) -> Literal["sequential", "fixed", "bandit"]:
    method = _chosen(fields, "method", METHODS, report)
    if method == "fixed":
        fields.need("stop_after", "30 days")
    if method != "bandit":
        message = '"floor" is the least share of a variant of a bandit; write "method: bandit", or delete it'
        fields.refuse("floor", "JF105", message)
    return method


def _chosen(fields: Fields, key: str, words: tuple[Choice, ...], report: Report) -> Choice:
    """The first of the words where nothing is chosen."""
    node = fields.get(key)
    text = values.one_of(node, words, f'"{key}"', report) if node else None
    return next((word for word in words if word == text), words[0])


def _most(fields: Fields, report: Report) -> int | float | None:
    node = fields.get("at_most")
    if node is None:
        return None
    if fields.get("value") is None:
        message = (
            '"at_most" limits what the property adds up to, and there is none; add "value", or delete it'
        )
        report.add(fields.key("at_most"), "JF105", message)
    most = values.number(node, '"at_most"', report)
    if most is not None and most <= 0:
        report.add(node.mark, "JF110", f'"at_most" is {most}; write a number that is more than 0')
    return most


def _duration(node: Node, what: str, bounds: tuple[int, int], report: Report) -> int | None:
    seconds = values.duration(node, what, report)
    least, most = bounds
    if seconds is None or least <= seconds <= most:
        return seconds
    message = f"{what} is {in_words(seconds)}; write {in_words(least)} to {in_words(most)}"
    report.add(node.mark, "JF107", message)
    return None
