"""Classes by purchases: what is computed, who has moved, and what follows from it, on both stores."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import reduce
from itertools import count, product
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, event, insert, literal, select, true, union_all

from journeyflow.audience.rfm import FRESH, STALE, STANDING, class_by, standings
from journeyflow.engine.rfm import Computed, Figures, classes, compute
from journeyflow.policy import Purchases
from journeyflow.rfm import QUINTILES, RANKED
from journeyflow.store.customers import customers, events
from journeyflow.store.database import Store
from journeyflow.store.segments import rfm
from tests.engine.programmes import NOON, World, keys

BOUGHT = Purchases("order.completed", "total")
POLICY = """
    categories: {marketing: {}}
    purchases: {event: order.completed, value: total}
    senders: {email: {from: "Club <club@example.com>", postal_address: "Club, 1 Example Street"}}
"""
Orders = list[tuple[int, Any]]  # of one customer: seconds before now, and what was paid


def day(days: float, paid: Any = 10) -> tuple[int, Any]:
    return int(days * 86_400), paid


def by_hand(crowd: Sequence[Orders]) -> dict[int, tuple[int, int, int, str]]:
    """In plain Python: the quintiles and the class of each customer, by the number from 1."""
    past = {id: [order for order in orders if order[0] >= 0] for id, orders in enumerate(crowd, start=1)}
    past = {id: orders for id, orders in past.items() if orders}
    days = {id: min(ago for ago, _ in orders) // 86_400 for id, orders in past.items()}
    paid = {id: round(sum(p for _, p in orders if is_number(p)), 6) for id, orders in past.items()}
    lately = quintiles({id: -value for id, value in days.items()})
    often = quintiles({id: len(orders) for id, orders in past.items()})
    much = quintiles(paid)
    return {
        id: (
            lately[id],
            often[id],
            much[id],
            class_of(lately[id], often[id], much[id], once=len(past[id]) == 1, days=days[id]),
        )
        for id in past
    }


def is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def quintiles(values: dict[int, float]) -> dict[int, int]:
    counts = Counter(values.values())
    before = {value: sum(n for other, n in counts.items() if other < value) for value in counts}
    return {
        id: int((before[value] + counts[value] / 2) / len(values) * 5 + 1e-9) + 1
        for id, value in values.items()
    }


def class_of(recency: int, frequency: int, monetary: int, *, once: bool, days: int) -> str:
    """The table of docs/rfm.md."""
    worth = frequency + monetary
    if days < FRESH or (recency >= 4 and days < STALE):
        if once:
            return "new"
        if frequency == monetary == 5:
            return "champion"
        return "loyal" if worth >= 7 else "active"
    if recency >= 3 or (recency == 2 and not once and worth >= 7):
        return "slipping"
    return "lapsed"


orders = st.tuples(
    st.sampled_from(
        [-5, 0, 1, 86_399, 86_400, 29 * 86_400, 30 * 86_400, 90 * 86_400, 364 * 86_400, 365 * 86_400]
    ),
    st.sampled_from([0, 0.1, 0.2, 0.7, 5, 5.0, 19.99, 1000, -3, "10", True, None]),
)
crowds = st.lists(st.lists(orders, max_size=5), max_size=14)


@settings(max_examples=25, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(crowd=crowds)
async def test_sql_says_what_python_says(store: Store, crowd: list[Orders]) -> None:
    async with store.engine.connect() as connection:  # rolled back at the end: each example begins empty
        for table, rows in stored(crowd, NOON).items():
            if rows:
                await connection.execute(insert(table), rows)
        found = standings(BOUGHT, NOON)
        said = {
            row[0]: tuple(row[1:])
            for row in await connection.execute(select(*(found.c[n] for n in STANDING)))
        }
    assert said == by_hand(crowd)


def stored(crowd: list[Orders], now: datetime) -> dict[Any, list[dict[str, Any]]]:
    rows: dict[Any, list[dict[str, Any]]] = {customers: [], events: []}
    for id, found in enumerate(crowd, start=1):
        rows[customers].append(
            {"id": id, "key": str(id), "attributes": {}, "created_at": now, "updated_at": now}
        )
        for number, (ago, paid) in enumerate(found):
            event = {"key": f"{id}-{number}", "customer_id": id, "name": BOUGHT.event, "received_at": now}
            told = {} if paid is None else {"total": paid}
            rows[events].append(event | {"at": now - timedelta(seconds=ago), "properties": told})
        rows[events].append(event_of_no_purchase(id, now))
    return rows


def event_of_no_purchase(id: int, now: datetime) -> dict[str, Any]:
    event = {"key": f"{id}-other", "customer_id": id, "name": "order.refunded", "at": now}
    return event | {"received_at": now, "properties": {"total": 500}}


async def buy(world: World, *crowd: Orders) -> None:
    """Customers c0, c1 and so on, with what they have bought by now."""
    await world.customers(*keys(len(crowd)))
    for key, found in zip(keys(len(crowd)), crowd, strict=True):
        for ago, paid in found:
            await world.happen(BOUGHT.event, key, at=world.now - timedelta(seconds=ago), total=paid)


async def standing(world: World) -> dict[str, str]:
    query = select(customers.c.key, rfm.c["class"]).join_from(rfm, customers).order_by(customers.c.id)
    return {row[0]: row[1] for row in await world.rows(query)}


async def moves(world: World) -> list[tuple[str, str, str, str]]:
    query = select(customers.c.key, events.c.name, events.c.properties).join_from(events, customers)
    query = query.where(events.c.name.like("rfm.%")).order_by(events.c.id)
    return [(row[0], row[1], row[2]["from"], row[2]["to"]) for row in await world.rows(query)]


def differences(before: dict[str, str], after: dict[str, str]) -> list[tuple[str, str, str]]:
    return sorted((key, before[key], after[key]) for key in after if before[key] != after[key])


async def computed(world: World, limit: int = 2) -> Computed:
    return await compute(world.store, world.programme, world.now, limit)


LIVES: list[Orders] = [
    [day(500)],
    [day(450)],
    [day(400), day(420)],
    [day(3)],
    [day(20, 50), day(200, 50)],
    [day(10, 500), *(day(100 + n, 100) for n in range(8))],
]


@pytest.mark.parametrize(
    ("crowd", "expected"),
    [
        ([], {}),
        ([[day(2)]], {"c0": "new"}),
        ([[day(400)]], {"c0": "slipping"}),
        ([[day(2), day(9)]] * 3, {"c0": "active", "c1": "active", "c2": "active"}),
        ([[], [day(-1)]], {}),
        (
            LIVES,
            {"c0": "lapsed", "c1": "lapsed", "c2": "slipping", "c3": "new", "c4": "loyal", "c5": "champion"},
        ),
    ],
    ids=["nobody", "the first customer", "the only one, long ago", "all alike", "nothing yet", "a shop"],
)
async def test_few_customers_have_sensible_classes(
    sqlite_world: World, crowd: list[Orders], expected: dict[str, str]
) -> None:
    world = sqlite_world
    await world.apply(policy=POLICY)
    await buy(world, *crowd)
    done = await computed(world)
    assert await standing(world) == expected
    assert done == Computed(changed=len(expected)), "nobody has moved, since nobody was anywhere"


def test_every_standing_has_one_class_and_more_is_never_worse() -> None:
    ranked = RANKED.index
    for once, days in product((True, False), (FRESH, STALE)):
        for recency, frequency, monetary in product(range(1, 6), repeat=3):
            here = class_of(recency, frequency, monetary, once=once, days=days)
            for better in ((1, 0, 0), (0, 1, 0), (0, 0, 1)):
                up = zip((recency, frequency, monetary), better, strict=True)
                there = class_of(*(min(5, value + more) for value, more in up), once=once, days=days)
                assert ranked(there) >= ranked(here), (recency, frequency, monetary, once, days)


async def test_every_standing_is_classed_as_the_table_says(store: Store) -> None:
    """All 125, bought once or again, lately or not."""
    fifths = dict.fromkeys(QUINTILES, range(1, 6))
    possible = fifths | {"number": (1, 2), "days": (FRESH - 1, FRESH, STALE - 1, STALE)}
    names = list(possible)
    each = [
        union_all(*(select(literal(value).label(name)) for value in values)).subquery(name)
        for name, values in possible.items()
    ]
    together = reduce(lambda left, right: left.join(right, true()), each)
    scored = (
        select(*(one.c[name] for one, name in zip(each, names, strict=True))).select_from(together).subquery()
    )
    async with store.reading() as connection:
        found = (await connection.execute(select(*(scored.c[n] for n in names), class_by(scored)))).all()
    assert len(found) == 1_000
    for recency, frequency, monetary, number, days, name in found:
        assert name == class_of(recency, frequency, monetary, once=number == 1, days=days)


async def test_who_moves_is_told_of_once_and_the_others_are_left_alone(world: World) -> None:
    await world.apply(policy=POLICY)
    await buy(world, *LIVES, *[[day(600)]] * 20)
    await computed(world)
    rows, before = set(await world.rows(select(rfm))), await standing(world)
    assert await computed(world) == Computed(), "nothing is written where nothing differs"
    await world.happen(BOUGHT.event, "c0", total=2000)
    world.now += timedelta(days=1)
    done = await computed(world)
    assert await computed(world) == Computed()
    told = await moves(world)
    assert ("c0", "rfm.moved_up", "slipping", "champion") in told
    assert [(key, was, now) for key, _, was, now in told] == differences(before, await standing(world))
    assert (done.moved_up, done.moved_down) == (1, len(told) - 1)
    assert len(set(await world.rows(select(rfm))) - rows) == done.changed < len(rows)


async def test_the_event_of_a_move_is_routed_and_the_segment_follows(world: World) -> None:
    journey = """
    journey: greeting
    enter: {event: rfm.moved_up, where: {to: {is: loyal}}, when: {rfm: {class: {in: [loyal]}}}}
    steps: [{wait: 1 day}]
    """
    joining = """
    journey: joining
    enter: {segment: rfm-loyal}
    steps: [{wait: 1 day}]
    """
    await world.apply(journey, joining, policy=POLICY)
    await buy(world, *LIVES)
    await world.route()
    await computed(world)
    await world.route()
    assert [row.journey for row in await world.enrollments("c4")] == ["joining"], "of which no event tells"
    await world.happen(BOUGHT.event, "c0", total=2000)
    world.now += timedelta(minutes=1)
    await computed(world)
    await world.route()
    assert [row.journey for row in await world.enrollments("c0")] == ["greeting", "joining"]


async def test_who_has_no_purchases_left_has_no_class(world: World) -> None:
    await world.apply(policy=POLICY)
    await buy(world, *LIVES)
    await computed(world)
    async with world.store.writing() as connection:
        await connection.execute(delete(events).where(events.c.customer_id.in_([1, 2, 4])))
    done = await computed(world)
    assert done.gone == 3
    assert set(await standing(world)) == {"c2", "c4", "c5"}


async def test_nobody_moves_when_the_policy_takes_something_else_for_a_purchase(world: World) -> None:
    await world.apply(policy=POLICY)
    await buy(world, *LIVES)
    await computed(world)
    await world.happen("visit", "c0", "c0", "c0", spent=900)
    await world.happen("visit", "c5", at=world.now - timedelta(days=600), spent=1)
    world.now += timedelta(days=1)
    await world.apply(policy=POLICY.replace("order.completed, value: total", "visit, value: spent"))
    done = await computed(world)
    assert (done.moved_up, done.moved_down, done.gone) == (0, 0, 4)
    assert await standing(world) == {"c0": "loyal", "c5": "lapsed"}
    await world.happen("visit", "c5", spent=5000)
    world.now += timedelta(days=1)
    assert (await computed(world)).moved_up == 1, "from now on they do"


async def test_who_stays_the_same_when_the_policy_changes_moves_afterwards(world: World) -> None:
    await world.apply(policy=POLICY)
    await buy(world, [day(2), day(3)])
    await world.happen("visit", "c0", "c0", spent=900)
    await computed(world)
    world.now += timedelta(days=1)
    await world.apply(policy=POLICY.replace("order.completed, value: total", "visit, value: spent"))
    assert await computed(world) == Computed(changed=1)
    world.now += timedelta(days=400)
    await computed(world)
    assert await moves(world) == [("c0", "rfm.moved_down", "active", "slipping")]


async def test_nothing_is_computed_where_the_policy_does_not_say_what_a_purchase_is(
    sqlite_world: World,
) -> None:
    world = sqlite_world
    await world.apply()
    await buy(world, *LIVES)
    assert await computed(world) == Computed()
    assert await classes(world.store, world.programme, world.now) is None
    assert await standing(world) == {}


async def test_the_figures_show_each_class_by_its_middle(world: World) -> None:
    await world.apply(policy=POLICY)
    await buy(world, *LIVES)
    found = await classes(world.store, world.programme, world.now)
    assert found == [
        Figures("champion", 1, 10, 9, 1300),
        Figures("loyal", 1, 20, 2, 100),
        Figures("new", 1, 3, 1, 10),
        Figures("slipping", 1, 400, 2, 20),
        Figures("lapsed", 2, 450, 1, 10),
    ]


async def test_cut_short_and_run_again_it_tells_of_each_move_once(world: World) -> None:
    commits = 2
    await world.apply(policy=POLICY)
    await buy(world, *LIVES)
    await computed(world)
    before = await standing(world)
    await world.happen(BOUGHT.event, "c0", "c1", "c2", total=2000)
    world.now += timedelta(days=1)
    await cut_short(world, commits)
    assert len(await moves(world)) == commits
    world.now += timedelta(minutes=5)
    await computed(world, limit=1)
    told = [(key, was, now) for key, _, was, now in await moves(world)]
    after = await standing(world)
    assert sorted(told) == [
        (key, before[key], after[key]) for key in sorted(after) if before[key] != after[key]
    ]
    assert len(told) > commits


async def cut_short(world: World, commits: int) -> None:
    """As a worker that dies after so many transactions of one customer each."""
    left = count(commits, -1)

    def die(_connection: Any) -> None:
        if next(left) == 0:
            raise ConnectionAbortedError

    event.listen(world.store.engine.sync_engine, "commit", die)
    with pytest.raises(ConnectionAbortedError):
        await computed(world, limit=1)
    event.remove(world.store.engine.sync_engine, "commit", die)
