"""What each condition means, on both databases: condition, customer, events -> does it hold?"""

from datetime import datetime, timedelta
from typing import Any as Anything

import pytest
from sqlalchemy import insert, select

from journeyflow.audience.conditions import Frame, holds, matches
from journeyflow.conditions import ALWAYS, All, Consent, EventMatch, Not
from journeyflow.conditions import Test as Comparison  # pytest would collect the name
from journeyflow.errors import PlanError
from journeyflow.store.customers import consents, customers, events
from journeyflow.store.database import Store
from tests.audience.cases import DAY, ENTRY, GROUPS, NOW, Case, attribute, bought, count, total, trigger


@pytest.mark.parametrize("cases", GROUPS.values(), ids=GROUPS.keys())
async def test_conditions(store: Store, cases: list[Case]) -> None:
    await fill(store, cases)
    wrong = []
    for number, case in enumerate(cases, start=1):
        frame = Frame(customers, NOW, TRIGGERS, SINCE)
        query = select(holds(case.condition, frame)).select_from(PEOPLE).where(customers.c.id == number)
        async with store.reading() as connection:
            found = (await connection.execute(query)).scalar_one()
        if found is not case.expected:
            wrong.append(f"{case.id}: {found}")
    assert not wrong


TRIGGERS = events.alias("triggers")
_ENTRIES = events.alias("entries")
SINCE = _ENTRIES.c.at  # stands for a column of another table, as `enrollments.since` does
PEOPLE = customers.join(
    _ENTRIES, (_ENTRIES.c.customer_id == customers.c.id) & (_ENTRIES.c.name == "entry")
).outerjoin(TRIGGERS, (TRIGGERS.c.customer_id == customers.c.id) & (TRIGGERS.c.name == "trigger"))


async def fill(store: Store, cases: list[Case]) -> None:
    """Customer number n, from 1, is the one of the nth case."""
    rows: dict[Anything, list[dict[str, Anything]]] = {customers: [], events: [], consents: []}
    for number, case in enumerate(cases, start=1):
        columns = dict.fromkeys(("email", "phone", "timezone", "locale")) | case.columns
        rows[customers].append(
            {
                "id": number,
                "key": f"c{number}",
                "attributes": case.attributes,
                "created_at": NOW,
                "updated_at": NOW,
            }
            | columns
        )
        happened = [("entry", ENTRY, {})]
        happened += [("order", NOW - timedelta(seconds=ago), properties) for ago, properties in case.orders]
        happened += [("trigger", ENTRY, case.trigger)] if case.trigger is not None else []
        rows[events] += [event(number, position, *it) for position, it in enumerate(happened)]
        rows[consents] += [
            {"customer_id": number, "channel": channel, "topic": topic, "state": state, "at": NOW}
            for channel, topic, state in case.consents
        ]
    async with store.writing() as connection:
        for table, values in rows.items():
            if values:
                await connection.execute(insert(table), values)


def event(
    customer: int, position: int, name: str, at: datetime, properties: dict[str, Anything]
) -> dict[str, Anything]:
    key = f"{customer}-{position}"
    return {
        "key": key,
        "customer_id": customer,
        "name": name,
        "at": at,
        "received_at": NOW,
        "properties": properties,
    }


async def test_matches_looks_at_name_and_properties(store: Store) -> None:
    await fill(store, [Case("", ALWAYS, True, orders=((5, {"total": 10}), (6, {"total": "10"}), (7, {})))])
    match = EventMatch("order", (Comparison("total", "at_least", 10),))
    row = events.alias()
    async with store.reading() as connection:
        found = (await connection.scalars(select(row.c.at).where(matches(match, row)))).all()
    assert found == [NOW - timedelta(seconds=5)]


async def test_a_condition_selects_many_customers_of_an_alias_at_once(store: Store) -> None:
    await fill(store, [Case("", ALWAYS, True, {"a": number}) for number in range(6)])
    people = customers.alias()
    condition = All((attribute("a", "at_least", 2), Not(bought())))
    query = select(people.c.id).where(holds(condition, Frame(people, NOW))).order_by(people.c.id)
    async with store.reading() as connection:
        assert (await connection.scalars(query)).all() == [3, 4, 5, 6]


def test_the_same_condition_at_another_time_is_the_same_statement() -> None:
    condition = All(
        (
            bought(
                within=DAY, where=total("at_least", 5), count=count("at_least", 2), sum=total("at_most", 9)
            ),
            attribute("a", "before", "2026-01-01T00:00:00Z"),
            attribute("a", "contains", 1),
            attribute("email", "in", ("a", "b")),
            Not(Consent("email", "news")),
            trigger("a", "less_than", "x"),
        )
    )
    frames = [Frame(customers, at, events.alias("trigger")) for at in (NOW, ENTRY)]
    keys = [select(holds(condition, frame))._generate_cache_key() for frame in frames]
    assert keys[0] is not None
    assert keys[0] == keys[1]
    other = select(holds(attribute("a", "contains", "x"), frames[0]))._generate_cache_key()
    assert other != select(holds(attribute("a", "contains", 1), frames[0]))._generate_cache_key()


@pytest.mark.parametrize(
    ("op", "value"),
    [
        ("is", ("a",)),
        ("in", "a"),
        ("contains", ("a",)),
        ("at_least", True),
        ("at_most", ("a",)),
        ("before", "soon"),
        ("after", 5),
        ("before", "2026-02-30"),
    ],
)
def test_what_the_checker_should_have_refused_is_an_error(op: str, value: Anything) -> None:
    with pytest.raises(PlanError, match=f'^tier: "{op}" takes '):
        holds(attribute("tier", op, value), Frame(customers, NOW))


def test_since_entry_needs_an_entry() -> None:
    with pytest.raises(PlanError, match="since: entry"):
        holds(bought(since_entry=True), Frame(customers, NOW))
