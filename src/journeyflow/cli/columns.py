"""The columns of a CSV file, and where in a record each one goes."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from difflib import get_close_matches
from typing import Any

from journeyflow.audience.records import CHANNELS, COLUMNS, CONSENT_FIELDS, RecordError
from journeyflow.cli.files import REJECT_FIELDS

_SAFE_INTEGER = 2**53  # from here on a float, and so some other program, confuses neighbours
_LONGEST_NAME = 200  # characters of a column that is quoted

_NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?")


@dataclass(frozen=True, slots=True)
class Layout:
    """The columns that there can be."""

    places: Mapping[str, tuple[str, ...]]
    prefix: str  # of a column that holds one member of `field`, typed by how it looks
    field: str
    required: tuple[str, ...]
    # Further prefixes of columns whose cells stay text: their field, and how the member's name begins there.
    texts: Mapping[str, tuple[str, str]]

    def expected(self) -> str:
        families = [*(f"{prefix}<topic>" for prefix in self.texts), f"{self.prefix}<name>"]
        return ", ".join([*self.places, *families])


@dataclass(frozen=True, slots=True)
class Choice:
    """What the caller says about the columns of one file."""

    renamed: Mapping[str, str] = field(default_factory=dict)  # column -> one of the layout
    ignored: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Place:
    """Where the cells of a column go."""

    field: str
    member: str | None  # of the object `field`
    is_typed: bool


CUSTOMERS = Layout(
    {
        **{name: (name,) for name in ("id", *COLUMNS)},
        **{f"consent_{channel}": ("consents", channel) for channel in CHANNELS},
        **{name: (name,) for name in CONSENT_FIELDS},
    },
    prefix="attr.",
    field="attributes",
    required=("id",),
    texts={f"consent_{channel}.": ("consents", f"{channel}.") for channel in CHANNELS},
)
EVENTS = Layout(
    {name: (name,) for name in ("id", "customer", "name", "at")},
    prefix="prop.",
    field="properties",
    required=("id", "customer", "name", "at"),
    texts={},
)


def placed(header: Sequence[str], layout: Layout, choice: Choice) -> list[Place | None]:
    """Of each column, in their order; None: its cells are left out. Raises RecordError."""
    left_out = choice.ignored.union(REJECT_FIELDS)
    _check_choice(header, choice)
    names = [None if name in left_out else choice.renamed.get(name, name) for name in header]
    places = [None if name is None else place(name, layout) for name in names]
    _check_known(
        [column for column, name, at in zip(header, names, places, strict=True) if name and not at], layout
    )
    told = [name for name in names if name is not None]
    for name in told:
        if told.count(name) > 1:
            raise RecordError(f"the column {_quoted(name)} is there twice; remove or rename one")
    for name in layout.required:
        if name not in told:
            raise RecordError(f'the column "{name}" is missing from the header; {_way_out(name)}')
    return places


def place(name: str, layout: Layout) -> Place | None:
    """None: there is no such column."""
    match layout.places.get(name):
        case (where,):
            return Place(where, None, False)
        case (where, member):
            return Place(where, member, False)
    families = {layout.prefix: (layout.field, ""), **layout.texts}
    for prefix, (where, stem) in families.items():
        if name.startswith(prefix) and name != prefix:
            return Place(where, stem + name.removeprefix(prefix), prefix == layout.prefix)
    return None


def nested(places: Sequence[Place | None], cells: Sequence[str]) -> dict[str, Any]:
    """A record in the form of a JSON line. An empty cell says nothing and is left out."""
    if len(cells) != len(places):
        raise RecordError(f"the line has {len(cells)} cells, the header has {len(places)}")
    record: dict[str, Any] = {}
    for at, text in zip(places, cells, strict=True):
        cell = text.strip()
        if not cell or at is None:
            continue
        value = typed(cell) if at.is_typed else cell
        if at.member is None:
            record[at.field] = value
        else:
            record.setdefault(at.field, {})[at.member] = value
    return record


def typed(text: str) -> str | int | float | bool:
    """A cell's value: true, false and plain numbers get their type, all else stays text.

    `007`, `+46` and numbers that a float cannot tell apart are names of something, not amounts.
    """
    if text in ("true", "false"):
        return text == "true"
    if not _NUMBER.fullmatch(text) or text == "-0":
        return text
    if "." not in text:
        return int(text) if len(text) < 20 and abs(int(text)) < _SAFE_INTEGER else text
    number = float(text)
    return number if Decimal(repr(number)) == Decimal(text) else text


def _check_choice(header: Sequence[str], choice: Choice) -> None:
    for option, names in (("--map", choice.renamed), ("--ignore", choice.ignored)):
        for name in names:
            if name not in header:
                raise RecordError(f"{option} names the column {_quoted(name)}, which is not in the header")


def _check_known(unknown: Sequence[str], layout: Layout) -> None:
    if not unknown:
        return
    columns = ", ".join(map(_quoted, unknown))
    what = f"is no column {columns}" if len(unknown) == 1 else f"are no columns {columns}"
    first = unknown[0][:_LONGEST_NAME]
    near = get_close_matches(first.lower(), layout.places, n=1)
    target = near[0] if near else f"{layout.prefix}{first}"
    raise RecordError(
        f"there {what}; expected {layout.expected()}. "
        f'Say what it is with --map "{first}={target}", or leave it out with --ignore "{first}"'
    )


def _way_out(name: str) -> str:
    return f'if another column holds it, give --map "COLUMN={name}"'


def _quoted(name: str) -> str:
    return f'"{name[:_LONGEST_NAME]}"'
