"""What conditions ask, each thing once, and what it is, on both stores."""

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert, select

from journeyflow.audience.conditions import Frame
from journeyflow.audience.facts import Seen, facts
from journeyflow.conditions import (
    All,
    Attribute,
    Condition,
    Consent,
    EventMatch,
    History,
    InSegment,
    Message,
    Not,
    Pick,
    Rfm,
    Trigger,
)
from journeyflow.conditions import Any as Either
from journeyflow.conditions import Test as Comparison
from journeyflow.store.customers import customers, events
from journeyflow.store.database import Store
from journeyflow.store.segments import rfm
from tests.engine.programmes import World

DAY = 86_400
BIG = EventMatch("ordered", (Comparison("total", "at_least", 100), Comparison("kind", "in", ("a", "b"))))
VISITS = History(EventMatch("visited"))
GOLD = Attribute((Comparison("tier", "is", "gold"),))


@pytest.fixture
def world(store: Store, tmp_path: Path) -> World:
    return World(store, tmp_path / "programme")


async def seen(world: World, *conditions: Condition, trigger: bool = True) -> Seen:
    """Of "ann", in by her first event."""
    brought = events.alias()
    frame = Frame(customers, world.now, brought if trigger else None, customers.c.created_at)
    asked = facts(conditions, frame)
    query = select(customers.c.id, *asked.columns).where(customers.c.key == "ann")
    [row] = await world.rows(query.join_from(customers, brought, brought.c.id == 1, isouter=True))
    return asked.seen(row[1:])


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        (GOLD, [["attribute tier", "gold"]]),
        (Attribute((Comparison("points", "at_least", 5),)), [["attribute points", 4.5]]),
        (Attribute((Comparison("tags", "contains", "x"),)), [["attribute tags", ["x", {"y": 1}]]]),
        (Attribute((Comparison("member", "is", True),)), [["attribute member", False]]),
        (Attribute((Comparison("odd' \"$.[0]", "exists", True),)), [["attribute odd' \"$.[0]", "ö"]]),
        (Attribute((Comparison("shoe", "exists", False),)), [["attribute shoe", None]]),
        (Attribute((Comparison("email", "exists", True),)), [["attribute email", "ann@example.com"]]),
        (Attribute((Comparison("country", "is", "SE"),)), [["attribute country", None]]),
        (Trigger((Comparison("total", "at_least", 1),)), [["trigger total", 100]]),
        (Trigger((Comparison("other", "is", "x"),)), [["trigger other", None]]),
        (Consent("email"), [["consent email", "granted"]]),
        (Consent("sms", "news"), [["consent sms news", "none"]]),
        (History(EventMatch("ordered")), [["event ordered, count", 3]]),
        (History(EventMatch("left")), [["event left, count", 0]]),
        (
            History(BIG, within=7 * DAY, count=(Comparison("count", "at_least", 2),)),
            [["event ordered where total at_least 100, kind in ['a', 'b'] within 7 days, count", 1]],
        ),
        (
            History(EventMatch("ordered"), since_entry=True, sum=(Comparison("total", "more_than", 1),)),
            [["event ordered since entry, sum of total", 0.8]],
        ),
        (
            History(
                EventMatch("ordered"),
                count=(Comparison("count", "is", 1),),
                sum=(Comparison("total", "at_most", 9),),
            ),
            [["event ordered, count", 3], ["event ordered, sum of total", 100.8]],
        ),
        (
            History(EventMatch("ordered"), within=7 * DAY, sum=(Comparison("points", "at_most", 9),)),
            [["event ordered within 7 days, sum of points", 2]],
        ),
        (
            History(
                EventMatch("ordered"),
                first=Pick(DAY),
                most_recent=Pick(where=(Comparison("total", "at_least", 1), Comparison("kind", "is", "b"))),
            ),
            [
                ["event ordered, first", "2031-05-05T12:00:00+00:00"],
                ["event ordered, most recent, total", 0.7],
                ["event ordered, most recent, kind", None],
            ],
        ),
        (InSegment("vip", GOLD), [["segment vip", True]]),
        (InSegment("vip", Not(GOLD)), [["segment vip", False]]),
        (
            Message("hello", "opened", "email", 7 * DAY),
            [["message email hello was opened within 7 days", False]],
        ),
        (Message("hello", "sent"), [["message hello was sent", False]]),
        (
            Rfm((Comparison("class", "is", "loyal"), Comparison("recency", "at_least", 4))),
            [["rfm class", "loyal"], ["rfm recency", 3]],
        ),
        (All(()), []),
        (
            All((GOLD, Not(Either((GOLD, Consent("email")))))),
            [["attribute tier", "gold"], ["consent email", "granted"]],
        ),
    ],
)
async def test_what_was_asked_and_what_it_was(world: World, condition: Condition, expected: Seen) -> None:
    await world.customers(
        "ann",
        consents={"email": "granted"},
        tier="gold",
        points=4.5,
        tags=["x", {"y": 1}],
        member=False,
        **{"odd' \"$.[0]": "ö"},
    )
    await world.happen("ordered", "ann", at=world.now - timedelta(days=2), total=100, kind="b")
    for total in (0.1, 0.7):
        world.now += timedelta(hours=1)
        await world.happen("ordered", "ann", total=total, points=1)
    standing = {"recency": 3, "frequency": 4, "monetary": 5, "class": "loyal", "at": world.now}
    async with world.store.writing() as connection:
        await connection.execute(insert(rfm).values(customer_id=1, **standing))
    assert _typed(await seen(world, condition)) == _typed(expected)


async def test_several_conditions_ask_the_same_once(world: World) -> None:
    await world.customers("ann", tier="gold", size=3)
    await world.happen("ordered", "ann", total=1)
    silver = Attribute((Comparison("tier", "is", "silver"), Comparison("size", "is", 3)))
    assert len(facts([GOLD, silver, VISITS, VISITS], Frame(customers, world.now)).columns) == 2
    assert await seen(world, GOLD, silver, Not(GOLD)) == [["attribute tier", "gold"], ["attribute size", 3]]


async def test_who_has_bought_nothing_has_no_class(world: World) -> None:
    await world.customers("ann")
    assert await seen(world, Rfm((Comparison("class", "is_not", "new"),))) == [["rfm class", None]]


async def test_who_came_in_without_an_event_has_no_trigger(world: World) -> None:
    await world.customers("ann")
    asked = Trigger((Comparison("total", "is", 1),))
    assert await seen(world, asked) == [["trigger total", None]]
    assert await seen(world, asked, trigger=False) == [["trigger total", None]]


def _typed(seen: Seen) -> Sequence[Any]:
    """1 and true and 1.0 are different things in JSON."""
    return [(asked, type(was), was) for asked, was in seen]
