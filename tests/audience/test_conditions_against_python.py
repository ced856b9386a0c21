"""Arbitrary conditions over arbitrary customers: the SQL says what a small evaluator in Python says."""

from datetime import UTC, datetime, timedelta
from typing import Any as Anything
from typing import get_args

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Select, Table, and_, insert, select

from journeyflow.audience.conditions import COLUMNS, Frame, Range, holds
from journeyflow.conditions import (
    All,
    Any,
    Attribute,
    Condition,
    Consent,
    EventMatch,
    History,
    InSegment,
    Not,
    Operator,
    Pick,
    Rfm,
    Trigger,
)
from journeyflow.conditions import Test as Comparison
from journeyflow.rfm import QUINTILES, RANKED
from journeyflow.store.customers import consents, customers, events
from journeyflow.store.database import Store
from journeyflow.store.segments import rfm
from tests.audience.evaluator import Person, evaluate

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
NAMES = ["a", "b", "a.b", '"', "%s", "ö"]
CHANNELS = ["email", "sms"]

texts = st.sampled_from(["", "a", "A", "ab", "5", "true", "null", "[1]", "%", "_", "é", "😀", "a\\b", '"'])
numbers = st.one_of(
    st.integers(-3, 3),
    st.sampled_from([0.5, -0.1, 0.1, 2.0, 1e20, 2**40]),
    st.floats(-1000, 1000, allow_nan=False).map(lambda value: round(value, 3)),
)
dates = st.sampled_from(
    """2026-04-30|2026-05-01|2024-02-29|2025-02-29|2026-13-01|2026-05-01T12:00|2026-05-01T25:00
    |2026-05-01 11:59:59|2026-05-01T12:00:00Z|2026-05-01T12:00:00+02:00|2026-05-01T23:30:00-05:30
    |2026-05-01T12:00:00.25Z|2026-05-01T12:00:60Z|2026-05-01T12:00:00+15|2026-05-01x|2026-5-1
    |0000-01-01|now|12:00|20260501""".replace("\n    ", "").split("|")
)
moments = st.sampled_from(
    ["2026-04-30", "2026-05-01", "2026-05-01T12:00:00", "2026-05-01T10:00:00Z", "2026-05-01T12:00:00+02:00"]
)
scalars = st.one_of(texts, numbers, st.booleans())
values = st.one_of(scalars, dates, st.none(), st.lists(scalars, max_size=3), st.just({"a": 1}))
objects = st.dictionaries(st.sampled_from(NAMES), values, max_size=4)


@st.composite
def comparisons(draw: st.DrawFn, names: list[str] = NAMES) -> Comparison:
    op = draw(st.sampled_from(get_args(Operator)))
    value: Anything = draw(
        {
            "in": st.lists(scalars, max_size=3).map(tuple),
            "not_in": st.lists(scalars, max_size=3).map(tuple),
            "exists": st.booleans(),
            "before": moments,
            "after": moments,
            "is": scalars,
            "is_not": scalars,
            "contains": scalars,
        }.get(op, st.one_of(texts, numbers))
    )
    return Comparison(draw(st.sampled_from(names)), op, value)


def several(names: list[str] = NAMES) -> st.SearchStrategy[tuple[Comparison, ...]]:
    return st.lists(comparisons(names), max_size=2).map(tuple)


count_ops = st.sampled_from(["is", "is_not", "at_least", "at_most"])
counts = st.builds(Comparison, st.just("count"), count_ops, st.integers(0, 3))
sum_ops = st.sampled_from(["is", "at_least", "at_most", "more_than", "less_than"])
sums = st.builds(Comparison, st.sampled_from(NAMES), sum_ops, numbers)
picks = st.builds(Pick, within=st.sampled_from([None, 3600, 86_400]), where=several())
histories = st.builds(
    History,
    st.builds(EventMatch, st.sampled_from(["order", "review"]), several()),
    within=st.sampled_from([None, 1, 3600, 86_400]),
    since_entry=st.booleans(),
    count=st.lists(counts, max_size=2).map(tuple),
    sum=st.lists(sums, max_size=2).map(tuple),
    first=st.one_of(st.none(), picks),
    most_recent=st.one_of(st.none(), picks),
)
standings = st.fixed_dictionaries(
    {name: st.integers(1, 5) for name in QUINTILES} | {"class": st.sampled_from(RANKED)}
)
of_class = st.one_of(
    st.builds(Comparison, st.just("class"), st.sampled_from(["is", "is_not"]), st.sampled_from(RANKED)),
    st.builds(
        Comparison,
        st.just("class"),
        st.sampled_from(["in", "not_in"]),
        st.lists(st.sampled_from(RANKED), max_size=3).map(tuple),
    ),
)
of_fifths = st.builds(Comparison, st.sampled_from(QUINTILES), count_ops, st.integers(1, 5))
leaves = st.one_of(
    st.builds(Rfm, st.lists(st.one_of(of_class, of_fifths), max_size=2).map(tuple)),
    st.builds(Attribute, several([*NAMES, *COLUMNS])),
    st.builds(Trigger, several()),
    st.builds(Consent, st.sampled_from(CHANNELS), st.sampled_from(["", "news"])),
    histories,
)
conditions: st.SearchStrategy[Condition] = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.builds(All, st.lists(inner, max_size=3).map(tuple)),
        st.builds(Any, st.lists(inner, max_size=3).map(tuple)),
        st.builds(Not, inner),
        st.builds(InSegment, st.just("s"), inner),
    ),
    max_leaves=5,
)
times = st.sampled_from([-1, 0, 1, 2, 3599, 3600, 3601, 86_400, 90_000]).map(
    lambda ago: NOW - timedelta(seconds=ago)
)
topics = st.tuples(st.sampled_from(CHANNELS), st.sampled_from(["", "news"]))
people = st.builds(
    Person,
    attributes=objects,
    columns=st.fixed_dictionaries({name: st.one_of(st.none(), texts, dates) for name in COLUMNS}),
    events=st.lists(st.tuples(st.sampled_from(["order", "review"]), times, objects), max_size=4),
    consents=st.dictionaries(topics, st.sampled_from(["granted", "denied"])),
    trigger=st.one_of(st.none(), objects),
    since=times,
    rfm=st.one_of(st.none(), standings),
)


@settings(max_examples=80, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(asked=st.lists(conditions, min_size=1, max_size=6), crowd=st.lists(people, min_size=1, max_size=10))
async def test_sql_says_what_python_says(store: Store, asked: list[Condition], crowd: list[Person]) -> None:
    async with store.engine.connect() as connection:  # rolled back at the end: each example begins empty
        for table, rows in stored(crowd).items():
            if rows:
                await connection.execute(insert(table), rows)
        said = [tuple(row) for row in await connection.execute(query(asked))]
        of_all = [tuple(row) for row in await connection.execute(query(asked, Range(0, len(crowd))))]
    assert said == [tuple(evaluate(condition, person, NOW) for condition in asked) for person in crowd]
    assert of_all == said


def query(asked: list[Condition], everybody: Range | None = None) -> Select[Anything]:
    entries, triggers = events.alias(), events.alias()
    frame = Frame(customers, NOW, triggers, entries.c.at, everybody)
    columns = [holds(condition, frame).label(f"asked_{number}") for number, condition in enumerate(asked)]
    return (
        select(*columns)
        .select_from(everybody.joined(customers, customers.c.id) if everybody else customers)
        .join(entries, and_(entries.c.customer_id == customers.c.id, entries.c.name == "entry"))
        .outerjoin(triggers, and_(triggers.c.customer_id == customers.c.id, triggers.c.name == "trigger"))
        .order_by(customers.c.id)
    )


def stored(crowd: list[Person]) -> dict[Table, list[dict[str, Anything]]]:
    """Customer number n, from 1, is the nth person."""
    rows: dict[Table, list[dict[str, Anything]]] = {customers: [], events: [], consents: [], rfm: []}
    for number, person in enumerate(crowd, start=1):
        rows[customers].append(
            {"id": number, "key": str(number), "created_at": NOW, "updated_at": NOW} | person.row
        )
        happened = [*person.events, ("entry", person.since, {})]
        happened += [("trigger", NOW, person.trigger)] if person.trigger is not None else []
        for position, (name, at, properties) in enumerate(happened):
            event = {"key": f"{number}-{position}", "customer_id": number, "name": name, "at": at}
            rows[events].append(event | {"received_at": NOW, "properties": properties})
        if person.rfm is not None:
            rows[rfm].append({"customer_id": number, "at": NOW} | person.rfm)
        for (channel, topic), state in person.consents.items():
            consent = {"customer_id": number, "channel": channel, "topic": topic}
            rows[consents].append(consent | {"state": state, "at": NOW})
    return rows
