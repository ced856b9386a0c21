"""All filters and tests that templates have. What is not here, no template can use.

Each filter and test counts what it is given, and what it gives is no larger than a value may be. Those of
Jinja that can make much out of little, or text that browsers take for code, are left out or made anew here.
"""

from collections.abc import Callable, Mapping
from functools import wraps
from itertools import islice, pairwise
from typing import Any

from jinja2 import Undefined, pass_context
from jinja2.filters import FILTERS as JINJA_FILTERS
from jinja2.filters import do_join, do_replace, do_round, do_tojson, do_trim, sync_do_sum
from jinja2.runtime import Context
from jinja2.tests import TESTS as JINJA_TESTS
from jinja2.utils import _PassArg

from journeyflow import reading
from journeyflow.bounds import MOST_TEXT, MOST_VALUES, TooMuch, effort, kept, run_of, weight
from journeyflow.reading import Unfit

_MOST_IN_ROW = 1_000
_MOST_DECIMALS = 10
_MOST_TO_TRIM = 100
_PLAIN_SPACES = {0xA0: " ", 0x202F: " ", 0x2009: " ", 0x2212: "-"}
_COST_OF_WORDS = 50  # what a language's rules take, in the measure of Run.work
_OF_JINJA = (
    "abs", "capitalize", "count", "dictsort", "e", "escape", "first", "float", "groupby",
    "int", "items", "last", "length", "list", "lower", "map", "max", "min", "reject", "rejectattr",
    "reverse", "select", "selectattr", "sort", "string", "title", "truncate", "unique", "upper",
    "urlencode", "wordcount",
)  # fmt: skip
_TESTS = (
    "!=", "<", "<=", "==", ">", ">=", "boolean", "defined", "divisibleby", "eq", "equalto", "even", "false",
    "float", "ge", "greaterthan", "gt", "in", "integer", "iterable", "le", "lessthan", "lower", "lt",
    "mapping", "ne", "none", "number", "odd", "sequence", "string", "true", "undefined", "upper",
)  # fmt: skip
# Why some that Jinja has are not here, as the way out for whoever misses them.
INSTEAD = {
    "attr": "write the name behind a dot",
    "center": "lay it out in HTML",
    "filesizeformat": 'write "number"',
    "forceescape": "values are escaped in HTML without it",
    "format": 'write "number", "money" or "date", or join texts with "~"',
    "indent": "write the spaces",
    "pprint": "take it out",
    "random": "every message must come out the same when it is tried again; write an experiment",
    "safe": "values of customers are text and never HTML; take it out",
    "striptags": "values are escaped in HTML without it",
    "urlize": "write the link",
    "wordwrap": "mail programs break lines themselves",
    "xmlattr": "write the attributes",
}
# Filters whose value is a number or a date, with one that comes out long: for measuring.
SAMPLES: dict[str, object] = {
    "date": "2026-09-30T21:30:00Z",
    "time": "2026-09-30T21:30:00Z",
    "datetime": "2026-09-30T21:30:00Z",
    "number": 123_456.78,
    "money": 123_456.78,
    "percent": 1.25,
    "plural": 123_456,
}


class Misused(Exception):
    """Names a filter and says what it expects, and no value."""


@pass_context
def _date(context: Context, value: Any, form: str = "medium") -> str:
    return _said(context, reading.said_date, value, form)


@pass_context
def _time(context: Context, value: Any, form: str = "short") -> str:
    return _said(context, reading.said_time, value, form)


@pass_context
def _datetime(context: Context, value: Any, form: str = "medium") -> str:
    return _said(context, reading.said_datetime, value, form)


@pass_context
def _number(context: Context, value: Any, decimals: int | None = None) -> str:
    return _said(context, reading.said_number, value, decimals)


@pass_context
def _money(context: Context, value: Any, currency: str, decimals: int | None = None) -> str:
    return _said(context, reading.said_money, value, currency, decimals)


@pass_context
def _percent(context: Context, value: Any, decimals: int = 0) -> str:
    return _said(context, reading.said_percent, value, decimals)


@pass_context
def _plural(
    context: Context,
    value: Any,
    other: str,
    one: str | None = None,
    zero: str | None = None,
    two: str | None = None,
    few: str | None = None,
    many: str | None = None,
) -> str:
    written = {"other": other, "one": one, "zero": zero, "two": two, "few": few, "many": many}
    words = {name: str(word) for name, word in written.items() if word is not None}
    return _said(context, reading.said_count, value, words)


@pass_context
def _listed(context: Context, value: Any, style: str = "and") -> str:
    several = _several(value)
    _room(sum(len(one) + 10 if isinstance(one, str) else 100 for one in several))
    return _said(context, reading.said_list, several, style)


@pass_context
def _batch(context: Context, value: Any, linecount: int) -> list[list[Any]]:
    """Rows of so many."""
    several, size = _several(value), _in_row(linecount)
    return [several[at : at + size] for at in range(0, len(several), size)]


@pass_context
def _slice(context: Context, value: Any, slices: int) -> list[list[Any]]:
    """So many columns, the first ones longer by one."""
    several, columns = _several(value), _in_row(slices)
    each, more = divmod(len(several), columns)
    starts = [at * each + min(at, more) for at in range(columns + 1)]
    return [several[start:end] for start, end in pairwise(starts)]


@pass_context
def _join(context: Context, value: Any, d: str = "", attribute: str | int | None = None) -> str:
    several = _several(value)
    _room(len(d) * len(several) + sum(len(one) if isinstance(one, str) else 10 for one in several))
    joined: str = do_join(context.eval_ctx, several, d, attribute)
    return joined


@pass_context
def _replace(context: Context, value: Any, old: str, new: str, count: int | None = None) -> str:
    text = value if isinstance(value, str) else str(value)
    times = text.count(old) if count is None else min(text.count(old), count)
    _room(len(text) + times * len(new))
    return do_replace(context.eval_ctx, text, old, new, count)


@pass_context
def _trim(context: Context, value: Any, chars: str | None = None) -> str:
    if chars is not None and len(chars) > _MOST_TO_TRIM:
        raise Unfit(f"expects at most {_MOST_TO_TRIM} characters")
    return do_trim(value, chars)


@pass_context
def _round(context: Context, value: float, precision: int = 0, method: Any = "common") -> float:
    if type(precision) is not int or not 0 <= precision <= _MOST_DECIMALS:
        raise Unfit(f"expects from 0 to {_MOST_DECIMALS} decimals")
    return do_round(value, precision, method)


@pass_context
def _sum(context: Context, value: Any, attribute: str | int | None = None, start: Any = 0) -> Any:
    several = _several(value)
    numbers = (start,) if attribute is not None else (*several, start)
    if not all(isinstance(one, int | float) for one in numbers):
        raise Unfit("expects numbers")
    return sync_do_sum(context.environment, several, attribute, start)


@pass_context
def _tojson(context: Context, value: Any) -> Any:
    return do_tojson(context.eval_ctx, value)


def _default(value: Any, default_value: Any = "", boolean: bool = False) -> Any:
    """What is null is missing as well."""
    return default_value if _is_missing(value) or (boolean and not value) else value


def _is_missing(value: Any) -> bool:
    return value is None or isinstance(value, Undefined)


def _is_there(value: Any) -> bool:
    return not _is_missing(value)


def _said(context: Context, say: Callable[..., str], value: Any, *how: Any) -> str:
    if isinstance(value, Undefined):
        str(value)  # raises, and says what is missing
    run = run_of(context)
    run.spend(_COST_OF_WORDS)
    said = say(run.reader, value, *how)
    return said.translate(_PLAIN_SPACES) if run.plain else said


def _several(value: Any) -> list[Any]:
    several = list(islice(value, MOST_VALUES + 1))
    if len(several) > MOST_VALUES:
        raise TooMuch(f"makes a list of more than {MOST_VALUES} values; shorten it")
    return several


def _room(size: int) -> None:
    if size > MOST_TEXT:
        raise TooMuch(f"makes a text of more than {MOST_TEXT} characters; shorten it")


def _in_row(number: Any) -> int:
    if type(number) is not int or not 1 <= number <= _MOST_IN_ROW:
        raise Unfit(f"expects a number from 1 to {_MOST_IN_ROW}")
    return number


_SINGLE = (str, int, float, type(None), list, tuple, Mapping, Undefined)


def _counting(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    passed = _PassArg.from_obj(function)

    @pass_context
    @wraps(function)
    def counting(context: Context, value: Any, *args: Any, **kwargs: Any) -> Any:
        size = len(value) // 10 if isinstance(value, str) else effort(value)
        # What `select` and its like are given beside a list may be gone through for each of its values.
        run_of(context).spend(5 + size + size * sum(map(weight, args)) // 10)
        match passed:
            case _PassArg.context:
                first: tuple[Any, ...] = (context,)
            case _PassArg.eval_context:
                first = (context.eval_ctx,)
            case _PassArg.environment:
                first = (context.environment,)
            case _:
                first = ()
        try:
            made = function(*first, value, *args, **kwargs)
            return kept(made if isinstance(made, _SINGLE) else _several(made))
        except Unfit as error:
            raise Misused(f'the filter "{name}" {error}') from None

    return counting


def _counting_test(function: Callable[..., Any]) -> Callable[..., Any]:
    """A test may go through all that it is given."""

    @pass_context
    @wraps(function)
    def counting(context: Context, value: Any, *args: Any) -> Any:
        run_of(context).spend(effort(value) + sum(map(effort, args)))
        return function(value, *args)

    return counting


_OWN: dict[str, Callable[..., Any]] = {
    "batch": _batch, "d": _default, "date": _date, "datetime": _datetime, "default": _default,
    "join": _join, "listed": _listed, "money": _money,
    "number": _number, "percent": _percent, "plural": _plural, "replace": _replace, "round": _round,
    "slice": _slice, "sum": _sum, "time": _time, "tojson": _tojson, "trim": _trim,
}  # fmt: skip
_GIVEN: dict[str, Callable[..., Any]] = {**{name: JINJA_FILTERS[name] for name in _OF_JINJA}, **_OWN}
FILTERS = {name: _counting(name, function) for name, function in _GIVEN.items()}
_KNOWN: dict[str, Any] = {**JINJA_TESTS, "defined": _is_there, "none": _is_missing, "undefined": _is_missing}
TESTS = {name: _counting_test(_KNOWN[name]) for name in _TESTS}
