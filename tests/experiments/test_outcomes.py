"""What came of each arm, on both stores, against the same in plain Python over made-up lives."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from random import Random
from typing import Any

import pytest
from sqlalchemy import insert

from journeyflow import conditions
from journeyflow.conditions import EventMatch
from journeyflow.experiments.outcomes import Run, at_its_look, by_day, exposed_from, is_over, outcomes
from journeyflow.experiments.verdict import Counts
from journeyflow.plan import Decide, Metric
from journeyflow.store.customers import consent_log, customers, events
from journeyflow.store.database import Store
from journeyflow.store.experiments import exposures
from tests.engine.programmes import NOON

DAY, SECOND = timedelta(days=1), timedelta(seconds=1)
WEEK = 7 * 86_400
RATE = Metric(EventMatch("order.completed", (conditions.Test("total", "at_least", 20),)), WEEK)
VALUE = Metric(EventMatch("order.completed"), WEEK, value="total", most=60.0)
SHARES = {"": 1_000, "now": 4_500, "later": 4_500}


@dataclass(frozen=True, slots=True)
class Life:
    """Of one customer; times are from exposure."""

    arm: str
    exposed: datetime
    orders: tuple[tuple[timedelta, Any], ...]
    denials: tuple[timedelta, ...]
    complaints: tuple[timedelta, ...]


def lives(number: int, seed: int) -> list[Life]:
    """Much of it lies at the edges: at exposure, a second beside the end of the time, in the future."""
    chance = Random(seed)
    spans = [SECOND * n for n in (-86_400, 0, 1, WEEK - 1, WEEK, WEEK + 1, 3 * WEEK)]
    days = [DAY * n for n in range(1, 20)] + [timedelta(seconds=WEEK), timedelta(seconds=WEEK - 1), -DAY]
    totals = [5, 20, 30.5, 900, None, "20"]

    def some(most: int) -> tuple[timedelta, ...]:
        return tuple(chance.choices(spans, k=chance.randrange(most)))

    return [
        Life(
            chance.choice(list(SHARES)),
            NOON - chance.choice(days),
            tuple((span, chance.choice(totals)) for span in some(4)),
            some(3),
            some(3),
        )
        for _ in range(number)
    ]


def oracle(people: list[Life], metric: Metric, now: datetime) -> list[Counts]:
    found = []
    for arm, share in SHARES.items():
        exposed = [one for one in people if one.arm == arm and one.exposed <= now]
        matured = [one for one in exposed if one.exposed + timedelta(seconds=metric.within) <= now]
        values = [value for one in matured if (value := _value(one, metric)) is not None]
        harm = [sum(any(map(_in_time, spans)) for spans in all) for all in _harm(matured)]
        sums = (sum(values), sum(value * value for value in values))
        found.append(Counts(arm, share, len(exposed), len(matured), len(values), *sums, *harm))
    return found


def _harm(matured: list[Life]) -> list[list[tuple[timedelta, ...]]]:
    return [[one.denials for one in matured], [one.complaints for one in matured]]


def _in_time(span: timedelta) -> bool:
    return timedelta() < span <= timedelta(seconds=WEEK)


def _value(one: Life, metric: Metric) -> float | None:
    """None: they did not convert."""
    totals = [total for span, total in one.orders if _in_time(span)]
    numbers = [total for total in totals if isinstance(total, int | float)]
    if metric is RATE:
        return 0.0 if any(total >= 20 for total in numbers) else None
    return min(60.0, float(sum(numbers))) if totals else None


async def told(store: Store, people: list[Life]) -> None:
    numbered = list(enumerate(people, start=1))
    rows = {
        customers: [_customer(number) for number, _ in numbered],
        exposures: [row for number, one in numbered for row in _exposed(number, one)],
        events: [row for number, one in numbered for row in _events(number, one)],
        consent_log: [
            _denial(number, one.exposed + span) for number, one in numbered for span in one.denials
        ],
    }
    async with store.writing() as connection:
        for table, values in rows.items():
            if values:
                await connection.execute(insert(table), values)


def _customer(number: int) -> dict[str, Any]:
    return {"id": number, "key": str(number), "attributes": {}, "created_at": NOON, "updated_at": NOON}


def _exposed(number: int, one: Life) -> list[dict[str, Any]]:
    """The other generation and the other experiment are never counted."""
    base = {"customer_id": number, "arm": one.arm, "share": 100, "at": one.exposed}
    runs = (("timing", 1), ("timing", 2), ("other", 1))
    return [base | {"experiment": name, "generation": generation} for name, generation in runs]


def _events(number: int, one: Life) -> list[dict[str, Any]]:
    orders = [
        ("order.completed", span, {} if total is None else {"total": total}) for span, total in one.orders
    ]
    complaints = [("email.complained", span, dict[str, Any]()) for span in one.complaints]
    return [
        {"key": str(number), "customer_id": number, "name": name, "properties": properties}
        | dict.fromkeys(("at", "received_at", "routed_at"), one.exposed + span)
        for name, span, properties in orders + complaints
    ]


def _denial(number: int, at: datetime) -> dict[str, Any]:
    said = {"channel": "sms", "topic": "", "state": "denied", "source": "sms", "actor": "customer"}
    return said | {"customer_id": number, "at": at}


async def test_figures_are_those_of_plain_counting(store: Store) -> None:
    people = lives(250, seed=1)
    await told(store, people)
    for metric in (RATE, VALUE):
        for now in (NOON, NOON - 5 * DAY):
            async with store.reading() as connection:
                found = await outcomes(connection, Run("timing", 1, SHARES, metric), now)
            for one, expected in zip(found, oracle(people, metric, now), strict=True):
                assert replace(one, total=0, squares=0) == replace(expected, total=0, squares=0)
                assert (one.total, one.squares) == pytest.approx((expected.total, expected.squares))


async def test_what_few_spend_beyond_all_others_counts_as_the_most_of_the_others(store: Store) -> None:
    begun = NOON - 10 * DAY
    few = [Life("now", begun, ((DAY, 1_000_000 if n < 2 else 50),), (), ()) for n in range(20)]
    await told(store, [*few, *(Life("later", begun, (), (), ()) for _ in range(1_990))])
    run = Run("timing", 1, SHARES, replace(VALUE, most=None))
    async with store.reading() as connection:
        now = {one.arm: one for one in await outcomes(connection, run, NOON)}["now"]
    assert (now.converted, now.total) == (20, 20 * 50)


async def test_a_fixed_test_is_about_those_who_came_in_the_time_agreed_on(store: Store) -> None:
    people = [Life("now", NOON - DAY * days, ((DAY, 30),), (), ()) for days in (40, 30, 15, 8)]
    await told(store, people)
    decide = Decide("fixed", stop_after=20 * 86_400)
    run = Run("timing", 1, SHARES, RATE)
    async with store.reading() as connection:
        span = await exposed_from(connection, run, NOON)
        days = await by_day(connection, at_its_look(run, decide, span.first), NOON)
    assert span.first == NOON - 40 * DAY
    assert [(one.day, one.exposed) for one in days] == [((NOON - DAY * n).date(), 1) for n in (40, 30)]
    assert is_over(RATE, decide, span.first, NOON - 13 * DAY)
    assert not is_over(RATE, decide, span.first, NOON - 13 * DAY - SECOND)
