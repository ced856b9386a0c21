"""Names and values are compared and never interpreted: not as SQL, as a path into JSON, or as a pattern.

Every hostile text stands in every place of every kind of condition, and the answer is that of plain Python.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any as Anything

import pytest
from sqlalchemy import delete, func, insert, inspect, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from journeyflow.audience.conditions import Frame
from journeyflow.audience.facts import facts
from journeyflow.audience.ingest import record_customers, record_events
from journeyflow.audience.records import RecordError, parse_customer, parse_event
from journeyflow.conditions import (
    Attribute,
    Condition,
    Consent,
    EventMatch,
    History,
    Message,
    Not,
    Trigger,
)
from journeyflow.conditions import Test as Comparison  # pytest would collect the name
from journeyflow.engine.refreshing import refresh_all
from journeyflow.language.problems import ProgrammeError
from journeyflow.language.programme import load_file
from journeyflow.store.customers import customers
from journeyflow.store.database import Store
from journeyflow.store.segments import segment_members, segments
from journeyflow.store.types import metadata
from tests.audience.evaluator import Person, evaluate
from tests.audience.hostile import HOSTILE
from tests.audience.test_conditions_against_python import NOW, query, stored
from tests.engine.programmes import World


def operands(text: str) -> list[tuple[Anything, Anything]]:
    """Each operator, with a value that is hostile itself wherever the operator takes a text."""
    return [
        ("is", text), ("is_not", text), ("in", (text, 7, True)), ("not_in", (text, "x")),
        ("at_least", text), ("at_most", text), ("more_than", 6), ("less_than", text),
        ("exists", True), ("exists", False), ("contains", text), ("contains", text[:1]),
        ("before", "2026-05-02"), ("after", "2026-04-30T00:00:00Z"),
    ]  # fmt: skip


def asked_by_name(name: str) -> Iterator[Condition]:
    for test in (Comparison(name, op, value) for op, value in operands(name)):
        yield Attribute((test,))
        yield Trigger((test,))
        yield History(EventMatch("order", (test,)))
    yield Not(History(EventMatch(name)))
    yield History(EventMatch(name), within=60, count=(Comparison("count", "is", 1),))
    yield History(EventMatch("order"), sum=(Comparison(name, "at_least", 7),))
    yield Consent("email", name)
    yield Consent(name)
    yield Consent(name, name)


def asked_by_value(value: str) -> Iterator[Condition]:
    for test in (Comparison("a", op, operand) for op, operand in operands(value)):
        yield Attribute((test,))
        yield Attribute((replace(test, name="email"),))
        yield History(EventMatch("order", (test,)))


def of(values: dict[str, Anything], number: int = 0) -> Person:
    """Somebody who has, did and said what is hostile, and whose event and attributes hold `values`."""
    name = HOSTILE[number]
    return Person(
        attributes=values,
        columns={"email": name},
        events=[("order", NOW, values), (name, NOW, {}), (name, NOW - timedelta(days=1), {})],
        consents={("email", name): "granted", (HOSTILE[-1 - number], ""): "granted"},
        trigger=values,
        since=NOW,
    )


DECOYS = {  # what a path or a pattern would find
    "a": {"b": {"c": "x"}, "0": 7}, "c": ["x"], "": "x", "b": 7, "ab": "x", "A": "x", "x": "x", "xx": 7,
}  # fmt: skip
NAMED = [
    of({name: name for name in HOSTILE}),
    of(dict.fromkeys(HOSTILE, 7), 1),
    of(dict.fromkeys(HOSTILE, True), 2),
    of(dict.fromkeys(HOSTILE, HOSTILE), 3),
    of({name: {"a": "x"} for name in HOSTILE}, 4),
    of(dict.fromkeys(HOSTILE, "2026-05-01T10:00:00Z"), 5),
    of(dict.fromkeys(HOSTILE), 6),
    of({name: HOSTILE[number - 1] for number, name in enumerate(HOSTILE)}, 7),
    of(DECOYS, 8),
]
VALUED = [
    of({"a": [value, "x"] if number % 3 == 0 else value}, number) for number, value in enumerate(HOSTILE)
]


@pytest.mark.parametrize("place", ["name", "value"])
async def test_a_hostile_text_is_a_text_in_every_place(store: Store, place: str) -> None:
    ask, crowd = {"name": (asked_by_name, NAMED), "value": (asked_by_value, VALUED)}[place]
    async with store.writing() as connection:
        await fill(connection, crowd)
    wrong: list[tuple[Condition, Anything]] = []
    async with store.reading() as connection:
        for text in HOSTILE:
            asked = list(ask(text))
            answers = (await connection.execute(query(asked))).all()
            for number, condition in enumerate(asked):
                said = [row[number] for row in answers]
                expected = [evaluate(condition, person, NOW) for person in crowd]
                wrong += [(condition, said)] if said != expected else []
    assert not wrong
    await assert_whole(store, len(crowd))


async def test_why_shows_what_a_hostile_name_holds_and_nothing_else(store: Store) -> None:
    asked = [Attribute((Comparison(name, "exists", True),)) for name in HOSTILE]
    asked_too = [History(EventMatch("order"), sum=(Comparison(name, "is", 0),)) for name in HOSTILE]
    async with store.writing() as connection:
        await fill(connection, [of({name: name for name in HOSTILE}), of(dict.fromkeys(HOSTILE, 7), 1)])
        frame = Frame(customers, NOW)
        found = facts([*asked, *asked_too], frame)
        rows = (await connection.execute(select(*found.columns).order_by(customers.c.id))).all()
    seen = [dict(found.seen(row)) for row in rows]
    for name in HOSTILE:
        assert [one[f"attribute {name}"] for one in seen] == [name, 7]
        assert [one[f"event order, sum of {name}"] for one in seen] == [0, 7]


LARGE = [1e308, -1e308, 5e-324, 2**63 - 1, -(2**63) + 1, 0.1]


@pytest.mark.parametrize("numbers", [[1e308, 1e308], [-1e308, -1e308], [1e308, 1e308, -1e308, -1e308], LARGE])
async def test_no_number_is_too_large_to_be_added_and_told(store: Store, numbers: list[float]) -> None:
    """SQLite adds doubles, PostgreSQL exactly, so only what is above or below all doubles may differ."""
    person = replace(of({}), events=[("order", NOW, {"total": number}) for number in numbers])
    sums = [
        History(EventMatch("order"), sum=(Comparison("total", op, 100),)) for op in ("more_than", "at_most")
    ]
    async with store.writing() as connection:
        await fill(connection, [person])
        [row] = (await connection.execute(query(list(sums)))).all()
        found = facts(sums, Frame(customers, NOW))
        [values] = (await connection.execute(select(*found.columns))).all()
    assert [type(one) for one in row] == [bool, bool]
    json.dumps(found.seen(values), allow_nan=False)


async def test_a_message_is_asked_for_by_hostile_names(store: Store) -> None:
    asked: Sequence[Condition] = [Message(name, "opened", channel=name, within=60) for name in HOSTILE]
    async with store.writing() as connection:
        await fill(connection, [of({})])
        [row] = (await connection.execute(query(list(asked)))).all()
    assert not any(row)
    await assert_whole(store, 1)


async def fill(connection: AsyncConnection, crowd: list[Person]) -> None:
    for table, rows in stored(crowd).items():
        if rows:
            await connection.execute(insert(table), rows)


async def assert_whole(store: Store, people: int) -> None:
    """All tables are there, and nobody is gone."""
    async with store.reading() as connection:
        names = await connection.run_sync(lambda sync: inspect(sync).get_table_names())
        assert set(names) >= {table.name for table in metadata.sorted_tables}
        assert (await connection.execute(select(func.count()).select_from(customers))).scalar_one() == people


LONG = "x" * 201
REFUSED = [  # the segment, the word that is marked, and its code
    (r'a: {attribute: "a\0b", is: 1}', r'"a\0b"', "JF003"),
    (r'a: {attribute: x, is: "a\0b"}', r'"a\0b"', "JF003"),
    (r'a: {attribute: x, contains: "\ud800"}', "d800", "JF001"),
    (r'a: {attribute: "a\nb", is: 1}', r'"a\nb"', "JF111"),
    (f"a: {{attribute: {LONG}, is: 1}}", LONG, "JF111"),
    ("a: {attribute: '', is: 1}", "''", "JF111"),
    ("a: {attribute: {$ne: 1}, is: 1}", "{$ne", "JF104"),
    ("a: {attribute: x, is: {$ne: 1}}", "{$ne", "JF104"),
    ('a: {attribute: x, "= 1 OR 1": 1}', '"= 1', "JF101"),
    ("a: {attribute: x, is: 1e400}", "1e400", "JF110"),
    ("a: {attribute: x, at_least: .nan}", ".nan", "JF110"),
    ("a: {attribute: x, at_least: '1 OR 1=1'}", "'1", "JF113"),
    ('a: {attribute: x, before: "2026-01-01\' OR 1=1"}', '"2026', "JF109"),
    ("a: {attribute: x, exists: 1 OR 1=1}", "1 OR", "JF106"),
    ('a: {event: order, within: "1 day\' OR 1=1"}', '"1 day', "JF107"),
    ('a: {event: order, count: {at_least: "1) OR (1=1"}}', '"1)', "JF110"),
    ('a: {event: order, count: {"at_least) OR (1=1": 1}}', '"at_', "JF101"),
    (r'a: {event: order, where: {"a\0b": {is: 1}}}', r'"a\0b"', "JF003"),
    (f"a: {{event: order, where: {{{LONG}: {{is: 1}}}}}}", LONG, "JF111"),
    (r'a: {event: order, sum: {property: "a\nb", at_least: 1}}', r'"a\nb"', "JF111"),
    ("a: {event: journeyflow.enroll}", "journeyflow", "JF126"),
    ('a: {segment: "b\'; DROP TABLE segments; --"}', '"b', "JF111"),
    ("a: {segment: ../policy}", "..", "JF111"),
    ('a: {consent: "email\' OR 1=1"}', '"email', "JF111"),
    (r'a: {consent: {channel: email, topic: "a\nb"}}', r'"a\nb"', "JF111"),
    ('a: {message: {template: "../x", was: opened}}', '"..', "JF111"),
    ('a: {message: {template: x, was: "sent\' OR 1=1"}}', '"sent', "JF106"),
    ('"a\'; DROP TABLE segments; --": {event: order}', '"a', "JF111"),
    ('a: {"1=1": 1}', '"1=1', "JF112"),
]


@pytest.mark.parametrize(("text", "word", "code"), REFUSED, ids=[text[:50] for text, _, _ in REFUSED])
def test_what_no_condition_can_hold_is_refused_with_its_place(
    text: str, word: str, code: str, tmp_path: Path
) -> None:
    (tmp_path / "segments.yaml").write_text(text)
    with pytest.raises(ProgrammeError) as raised:
        load_file(tmp_path / "segments.yaml")
    [problem] = raised.value.problems
    assert (problem.code, problem.line, problem.column) == (code, 1, text.index(word) + 1)


@pytest.mark.parametrize("text", ["a\0b", "\ud800", "x" * 10_001])
def test_what_no_database_can_hold_is_refused_where_it_comes_in_and_not_repeated(text: str) -> None:
    for place in ({text: 1}, {"a": text}, {"a": [text]}):
        with pytest.raises(RecordError) as raised:
            parse_customer({"id": "ann", "attributes": place})
        assert text not in str(raised.value)
        with pytest.raises(RecordError) as raised:
            parse_event({"id": "1", "customer": "ann", "name": "order", "at": AT, "properties": place})
        assert text not in str(raised.value)


AT = "2026-05-01T12:00:00Z"
# As the language has them: without space around, which it takes off.
WRITTEN = [text for text in HOSTILE if text == text.strip()]


async def test_hostile_segments_have_the_members_that_they_name(store: Store, tmp_path: Path) -> None:
    """From the file on, with customers and events as programs send them: followed, and asked again."""
    world = World(store, tmp_path / "programme", NOW)
    await world.apply(segments="\n".join(map(segment, range(len(WRITTEN)))))
    people = [{"id": f"has-{n}", "attributes": {name: name}} for n, name in enumerate(WRITTEN)]
    people += [{"id": f"did-{n}"} for n in range(len(WRITTEN))]
    people += [{"id": "decoy", "attributes": {"a": ["x"], "b": 7, "x": "x", "ab": "x"}}]
    await record_customers(store, [parse_customer(person) for person in people], NOW, "test")
    done = [
        {"id": f"e{n}", "customer": f"did-{n}", "name": name, "at": AT, "properties": {name: [name]}}
        for n, name in enumerate(WRITTEN)
    ]
    await record_events(store, [parse_event(event) for event in done], NOW)
    expected = {(f"s{n}", f"{who}-{n}") for n in range(len(WRITTEN)) for who in ("has", "did")}
    while await world.route():
        pass
    assert await members(world) == expected
    async with store.writing() as connection:
        await connection.execute(delete(segment_members))
        await connection.execute(update(segments).values(refreshed_at=None))
    await refresh_all(store, world.programme, lambda: NOW)
    assert await members(world) == expected


def segment(number: int) -> str:
    text = json.dumps(WRITTEN[number], ensure_ascii=False)
    did = f"{{event: {text}, where: {{{text}: {{contains: {text}}}}}}}"
    return f"s{number}: {{any: [{{attribute: {text}, is: {text}}}, {did}]}}"


async def members(world: World) -> set[tuple[str, str]]:
    theirs = customers.c.id == segment_members.c.customer_id
    query = select(segment_members.c.segment, customers.c.key).join_from(segment_members, customers, theirs)
    return {(row.segment, row.key) for row in await world.rows(query)}
