"""What a condition depends on, and memberships that say what conditions say."""

from datetime import UTC, datetime

import pytest
from sqlalchemy import select

from journeyflow.audience.dependence import Dependence, dependence
from journeyflow.audience.ingest import record_customers, record_events
from journeyflow.audience.membership import Segment, differences, refresh
from journeyflow.audience.records import CustomerRow, EventRow
from journeyflow.conditions import (
    All,
    Any,
    Attribute,
    Condition,
    Consent,
    EventMatch,
    History,
    InSegment,
    Message,
    Not,
    Rfm,
    Trigger,
)
from journeyflow.conditions import Test as Comparison  # pytest would collect the name
from journeyflow.store.database import Store
from journeyflow.store.segments import segment_members

NOW = datetime(2031, 5, 7, 12, tzinfo=UTC)
ORDER = History(EventMatch("order.completed"))
GOLD = Attribute((Comparison("tier", "is", "gold"),))


@pytest.mark.parametrize(
    ("condition", "depends"),
    [
        (GOLD, Dependence(customers=True)),
        (Consent("sms"), Dependence(consents=True)),
        (Rfm((Comparison("class", "is", "loyal"),)), Dependence(rfm=True)),
        (Trigger((Comparison("total", "at_least", 5),)), Dependence()),
        (ORDER, Dependence(events=frozenset(["order.completed"]))),
        (
            History(EventMatch("order.completed"), within=60),
            Dependence(events=frozenset(["order.completed"]), time=True),
        ),
        (Message("hello", "opened"), Dependence(messages=True)),
        (Message("hello", "opened", within=60), Dependence(messages=True, time=True)),
        (
            All((Any((ORDER, GOLD)), Not(InSegment("read", Message("hello", "opened"))))),
            Dependence(events=frozenset(["order.completed"]), customers=True, messages=True),
        ),
    ],
)
def test_what_a_condition_depends_on(condition: Condition, depends: Dependence) -> None:
    assert dependence(condition) == depends


def segment(name: str, condition: Condition) -> Segment:
    return Segment(name, "", condition, dependence(condition))


BUYER, RICH = segment("buyer", ORDER), segment("rich", GOLD)


async def told(store: Store, **tiers: str) -> None:
    rows = [CustomerRow(key, attributes={"tier": tier}) for key, tier in tiers.items()]
    await record_customers(store, rows, NOW, "test")


async def test_several_segments_at_once_and_again_without_a_change(store: Store) -> None:
    await told(store, ann="gold", ben="silver", eve="gold")
    await record_events(store, [EventRow("e1", "ben", "order.completed", NOW)], NOW)
    async with store.writing() as connection:
        moves = await refresh(connection, [BUYER, RICH], [1, 2], NOW)
        assert [one.customer for one in moves["buyer"].joined] == [2]
        assert [one.customer for one in moves["rich"].joined] == [1], "nobody else was asked about"
        assert await refresh(connection, [BUYER, RICH], [1, 2], NOW) == {}
    await told(store, ann="silver", ben="gold")
    async with store.writing() as connection:
        moves = await refresh(connection, [BUYER, RICH], [1, 2, 3], NOW)
        assert "buyer" not in moves
        assert [one.customer for one in moves["rich"].joined] == [2, 3]
        [left] = moves["rich"].left
        row = (await connection.execute(select(segment_members).where(segment_members.c.id == left.id))).one()
        assert (row.segment, row.customer_id, row.left_at) == ("rich", 1, NOW)


async def test_differences_are_exactly_those_whom_a_refresh_would_change(store: Store) -> None:
    await told(store, ann="gold", ben="silver", eve="gold", kim="silver")
    async with store.writing() as connection:
        await refresh(connection, [RICH], [1, 2], NOW)
    await told(store, ann="silver", kim="gold")

    async def differing(low: int, high: int) -> list[int]:
        async with store.reading() as connection:
            return [row.id for row in await connection.execute(differences(RICH, low, high, NOW))]

    assert await differing(0, 100) == [1, 3, 4]
    assert await differing(1, 3) == [3]
