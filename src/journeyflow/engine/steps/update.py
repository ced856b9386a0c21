"""An update changes attributes of the members' customers."""

from typing import Any

from sqlalchemy import bindparam, select, update

from journeyflow.engine.leg import Leg
from journeyflow.members import Mask
from journeyflow.plan import Change, Update
from journeyflow.store.customers import customers
from journeyflow.store.database import locked

_COLUMNS = ("email", "phone", "timezone", "locale")  # attributes that are columns of their own


async def run(leg: Leg, number: int, step: Update, members: Mask) -> None:
    before = await _values(leg, members)
    changed: list[dict[str, Any]] = []
    broken = 0
    for member in leg.chosen(members):
        after = _changed(before[member.customer], step.changes)
        if after is None:
            broken |= 1 << member.position
        else:
            changed.append(_row(member.customer, after))
    if changed:
        await leg.connection.execute(_statement().values(updated_at=leg.now), changed)
    leg.fail(broken, f"{step.path}: the attribute to add to is not a number")
    leg.note(number, "update", members & ~broken)
    leg.go(members & ~broken, step.next)


async def _values(leg: Leg, members: Mask) -> dict[int, dict[str, Any]]:
    ids = [member.customer for member in leg.chosen(members)]
    query = select(customers).where(customers.c.id.in_(ids)).order_by(customers.c.id)
    rows = await leg.connection.execute(locked(leg.connection, query, of=customers))
    return {row.id: row.attributes | {name: getattr(row, name) for name in _COLUMNS} for row in rows}


def _changed(values: dict[str, Any], changes: tuple[Change, ...]) -> dict[str, Any] | None:
    """The values after all changes; None when one of them cannot be made."""
    after = dict(values)
    for change in changes:
        if change.do == "set":
            after[change.attribute] = change.value
            continue
        old = after.get(change.attribute, 0)
        if (
            isinstance(old, bool)
            or not isinstance(old, int | float)
            or not isinstance(change.value, int | float)
        ):
            return None
        after[change.attribute] = old + change.value
    return after


def _row(customer: int, values: dict[str, Any]) -> dict[str, Any]:
    row = {f"new_{name}": values.pop(name) for name in _COLUMNS}
    attributes = {name: value for name, value in values.items() if value is not None}
    return {"customer": customer, "new_attributes": attributes, **row}


def _statement() -> Any:
    columns: dict[str, Any] = {name: bindparam(f"new_{name}") for name in (*_COLUMNS, "attributes")}
    return update(customers).where(customers.c.id == bindparam("customer")).values(**columns)
