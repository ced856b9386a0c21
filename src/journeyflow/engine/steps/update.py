"""An update changes attributes of the members' customers."""

from collections import defaultdict
from dataclasses import dataclass
from typing import Any

from sqlalchemy import bindparam, select, update

from journeyflow.audience.conditions import COLUMNS
from journeyflow.engine.leg import Leg
from journeyflow.members import Mask
from journeyflow.plan import Change, Update
from journeyflow.store.customers import customers
from journeyflow.store.database import locked
from journeyflow.store.segments import touch


async def run(leg: Leg, number: int, step: Update, members: Mask) -> None:
    before = await _values(leg, members)
    changed: list[dict[str, Any]] = []
    broken: dict[str, Mask] = defaultdict(int)
    for member in leg.chosen(members):
        after = _changed(before[member.customer], step.changes)
        if isinstance(after, _Refused):
            broken[after.reason] |= 1 << member.position
        else:
            changed.append(_row(member.customer, after))
    if changed:
        await leg.connection.execute(_statement().values(updated_at=leg.now), changed)
        await touch(leg.connection, [row["customer"] for row in changed], "customer")
    for reason, failing in broken.items():
        leg.fail(failing, f"{step.path}: {reason}")
        members &= ~failing
    leg.note(number, "update", members)
    leg.go(members, step.next)


async def _values(leg: Leg, members: Mask) -> dict[int, dict[str, Any]]:
    ids = [member.customer for member in leg.chosen(members)]
    query = select(customers).where(customers.c.id.in_(ids)).order_by(customers.c.id)
    rows = await leg.connection.execute(locked(leg.connection, query, of=customers))
    return {row.id: row.attributes | {name: getattr(row, name) for name in COLUMNS} for row in rows}


@dataclass(frozen=True, slots=True)
class _Refused:
    reason: str


def _changed(values: dict[str, Any], changes: tuple[Change, ...]) -> dict[str, Any] | _Refused:
    """The values after all changes, unless one of them cannot be made."""
    after = dict(values)
    for change in changes:
        new = _new(change, after.get(change.attribute))
        if isinstance(new, _Refused):
            return new
        if change.attribute in COLUMNS and not isinstance(new, str | None):
            return _Refused(f"the attribute {change.attribute} has to be a text")
        after[change.attribute] = new
    return after


def _new(change: Change, old: Any) -> Any:
    """What the change makes of the value, or _Refused; a missing one counts as 0 or as an empty list."""
    match change.do:
        case "set":
            return change.value
        case "add":
            terms = [0 if old is None else old, change.value]
            is_sum = all(map(_is_number, terms))
            return sum(terms) if is_sum else _Refused("the attribute to add to is not a number")
        case "append" | "remove" if not isinstance(old, list | None):
            return _Refused(f"the attribute to {change.do} {_PREPOSITIONS[change.do]} is not a list")
        case "append":
            listed = old or []
            return listed if any(_same(item, change.value) for item in listed) else [*listed, change.value]
        case "remove":
            return old and [item for item in old if not _same(item, change.value)]


_PREPOSITIONS = {"append": "to", "remove": "from"}


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _same(item: object, value: object) -> bool:
    """As conditions compare: 1 is 1.0, but true is not 1."""
    return item == value and isinstance(item, bool) == isinstance(value, bool)


def _row(customer: int, values: dict[str, Any]) -> dict[str, Any]:
    row = {f"new_{name}": values.pop(name) for name in COLUMNS}
    attributes = {name: value for name, value in values.items() if value is not None}
    return {"customer": customer, "new_attributes": attributes, **row}


def _statement() -> Any:
    columns: dict[str, Any] = {name: bindparam(f"new_{name}") for name in (*COLUMNS, "attributes")}
    return update(customers).where(customers.c.id == bindparam("customer")).values(**columns)
