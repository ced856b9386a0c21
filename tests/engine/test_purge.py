"""Retention: what is over goes, what is needed stays, and nobody's journey notices."""

from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import delete, insert, select, update

from journeyflow.audience.consent import Basis, Choice, decide
from journeyflow.engine import purge as purging
from journeyflow.engine.purge import purge
from journeyflow.store.audit import audit_log, note
from journeyflow.store.customers import consent_log, events, received_sms
from journeyflow.store.ledger import messages
from journeyflow.store.passages import cohorts, enrollments, legs, observations, starts
from journeyflow.store.short_links import number_of_test, short_links
from tests.engine.programmes import World
from tests.journeys.writing import POLICY

DAY = timedelta(days=1)
SHORT = """
    journey: short
    enter: {event: began, again: always}
    steps: [{send: {email: hello}}]
"""
LONGER = SHORT.replace("}}]", "}}, {wait: 90 days}]")
ONCE = SHORT.replace("again: always", "again: never").replace("short", "once")
RARELY = SHORT.replace("again: always", "again: after 60 days").replace("short", "rarely")
LONG = """
    journey: long
    enter: {event: began}
    steps:
      - wait: 90 days
      - send: {email: hello}
"""
ALL = Counter(messages=2, events=2, passages=2, enrollments=2, trails=1, audit_log=1)  # of SHORT, for two
KEPT = ("events", "messages", "enrollments", "consent_log", "audit_log")


def retaining(*names: str, **times: str) -> str:
    """For a day, if nothing else is said."""
    kept = {**dict.fromkeys(names, "1 day"), **times}
    return POLICY + "    retention: {" + ", ".join(f"{name}: {time}" for name, time in kept.items()) + "}\n"


async def purged(world: World, days: int = 30, **arguments: Any) -> Counter[str]:
    """As things are so many days later; everything that was queued has been sent by then."""
    async with world.store.writing() as connection:
        queued = messages.c.state == "queued"
        await connection.execute(update(messages).where(queued).values(state="sent", sent_at=world.now))
        await connection.execute(delete(starts))
    world.now += days * DAY
    return await purge(world.store, world.programme, world.now, **arguments)


async def begun(world: World, *journeys: str, policy: str = retaining(*KEPT)) -> None:
    await world.apply(*journeys, policy=policy)
    await world.customers("ann", "bea")
    await world.enter("ann", "bea")


async def test_without_a_time_everything_stays(world: World) -> None:
    await begun(world, SHORT, LONG, policy=POLICY)
    assert await purged(world, days=10_000) == {}


async def test_what_nobody_needs_goes_and_what_is_young_stays(world: World) -> None:
    await begun(world, SHORT)
    assert await purged(world, days=1) == {}, "to the second"
    gone = await purged(world)
    assert gone == ALL
    for table in (events, messages, enrollments, legs):
        assert await world.rows(select(table)) == [], table.name
    assert len(await world.rows(select(cohorts))) == 1, "its workflow may be asleep"


async def test_short_links_go_with_their_messages(world: World) -> None:
    await begun(world, SHORT)
    async with world.store.writing() as connection:
        ids = (await connection.execute(select(messages.c.id))).scalars().all()
        rows = [{"message_id": id, "number": 0, "target": "https://shop.example/"} for id in ids]
        await connection.execute(insert(short_links), rows)
    await purged(world, days=1)
    assert len(await world.rows(select(short_links))) == 2
    await purged(world)
    assert await world.rows(select(short_links)) == []


async def test_short_links_of_tests_go_after_a_day(world: World) -> None:
    """Nobody's message has them, so that neither retention nor erasing would find them."""
    await begun(world, SHORT)
    rows = [
        {"message_id": number, "number": 0, "target": f"https://shop.example/{age}"}
        for age, number in [
            ("a message's", 1),
            ("old", number_of_test(world.now - DAY - timedelta(seconds=1))),
            ("young", number_of_test(world.now - DAY)),
        ]
    ]
    async with world.store.writing() as connection:
        await connection.execute(insert(short_links), rows)
    assert (await purge(world.store, world.programme, world.now))["short_links"] == 1
    left = await world.rows(select(short_links.c.target).order_by(short_links.c.id))
    assert [row.target.rpartition("/")[2] for row in left] == ["a message's", "young"]


async def test_a_second_time_there_is_nothing_to_do(world: World) -> None:
    await begun(world, SHORT, ONCE)
    await purged(world)
    assert await purged(world, days=0) == {}


async def test_the_audit_log_counts_each_batch(world: World) -> None:
    await begun(world, SHORT)
    gone = await purged(world, limit=1)
    query = select(audit_log).where(audit_log.c.action == "purge").order_by(audit_log.c.id)
    noted = Counter[str]()
    for row in await world.rows(query):
        assert (row.actor, row.at, row.detail) == ("journeyflow", world.now, {"rows": 1})
        noted[row.subject] += 1
    assert noted == gone == ALL


async def test_one_that_was_cut_short_goes_on_where_it_was(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await begun(world, SHORT)
    noted = 0

    async def failing(*arguments: Any, **detail: Any) -> None:
        nonlocal noted
        noted += 1
        if noted == 4:
            raise ConnectionError
        await note(*arguments, **detail)

    with monkeypatch.context() as patch:
        patch.setattr(purging, "note", failing)
        with pytest.raises(ConnectionError):
            await purged(world, limit=1)
    left = await purged(world, days=0, limit=1)
    assert left == ALL - Counter(messages=2, events=1)


async def test_events_that_are_not_routed_stay(world: World) -> None:
    await begun(world, SHORT)
    await world.happen("began", "ann")
    assert (await purged(world))["events"] == 2
    assert len(await world.rows(select(events))) == 1


async def test_the_ids_of_texts_that_came_in_go_with_events(world: World) -> None:
    await begun(world, SHORT, policy=retaining("events"))
    async with world.store.writing() as connection:
        rows = [
            {"id": name, "at": world.now + days * DAY} for name, days in (("SM1", 0), ("SM2", 0), ("SM3", 29))
        ]
        await connection.execute(insert(received_sms), rows)
    assert (await purged(world, limit=1))["received_sms"] == 2
    assert [row.id for row in await world.rows(select(received_sms))] == ["SM3"]


async def test_an_event_that_could_still_bring_somebody_in_stays(world: World) -> None:
    policy = retaining(events="1 hour").replace("locale: en}", "locale: en, max_event_age: 3 days}")
    await begun(world, SHORT, policy=policy)
    assert await purged(world, days=2) == {}
    assert await purged(world, days=2) == {"events": 2}


async def test_an_open_passage_keeps_what_it_has_seen(world: World) -> None:
    await world.apply(LONG, policy=retaining(*KEPT))
    await world.customers("ann")
    await world.happen("looked", "ann")
    await world.route()
    world.now += DAY
    await world.enter("ann")
    world.now += DAY
    await world.happen("ordered", "ann")
    await world.route()
    assert (await purged(world))["events"] == 1
    names = [row.name for row in await world.rows(select(events.c.name).order_by(events.c.id))]
    assert names == ["began", "ordered"], "what brought her in, and what came since"


async def test_an_open_passage_keeps_what_its_conditions_look_back_at(world: World) -> None:
    branch = "{when: {event: looked, within: 100 days}, then: [{send: {email: looked}}]}"
    asking = LONG + f"      - branch: [{branch}]\n"
    await world.apply(asking, policy=retaining(*KEPT))
    await world.customers("ann")
    await world.happen("looked", "ann", at=world.now - 90 * DAY)
    await world.happen("looked", "ann", at=world.now - 40 * DAY)
    await world.route()
    await world.enter("ann")
    assert (await purged(world, days=30))["events"] == 1, "that of 120 days ago"


async def test_a_message_that_has_yet_to_leave_keeps_what_it_tells_of(world: World) -> None:
    await begun(world, SHORT)
    async with world.store.writing() as connection:
        await connection.execute(delete(starts))
    world.now += 30 * DAY
    assert await purge(world.store, world.programme, world.now) == {"audit_log": 1}
    assert [row.state for row in await world.messages("ann")] == ["queued"]


@pytest.mark.parametrize(("per", "stay"), [("31 days", True), ("29 days", False), ("calendar month", True)])
async def test_messages_stay_as_long_as_a_cap_counts_them(world: World, per: str, stay: bool) -> None:
    policy = retaining(*KEPT) + "    caps: [{at_most: 3, per: " + per + "}]\n"
    await begun(world, SHORT, policy=policy)
    assert (await purged(world))["messages"] == (0 if stay else 2)


async def test_messages_of_an_open_passage_stay(world: World) -> None:
    await begun(world, LONGER)
    assert await purged(world) == {"audit_log": 1}


async def test_messages_that_another_passage_asks_about_stay(world: World) -> None:
    branch = (
        "{when: {message: {template: hello, was: sent, within: 40 days}}, then: [{send: {email: again}}]}"
    )
    asking = LONG.replace("send: {email: hello}", f"branch: [{branch}]")
    await begun(world, SHORT, asking)
    assert (await purged(world, days=30))["messages"] == 0
    assert (await purged(world, days=11))["messages"] == 2


async def test_a_passage_stays_as_long_as_again_asks_for_it(world: World) -> None:
    """But tells no more than that it was there."""
    await begun(world, ONCE, RARELY, SHORT)
    gone = await purged(world)
    assert (gone["enrollments"], gone["passages"]) == (2, 6)
    left = await world.rows(select(enrollments).order_by(enrollments.c.id))
    assert Counter(row.journey for row in left) == {"once": 2, "rarely": 2}
    assert {(row.event_id, row.woken_by, row.goal_value) for row in left} == {(None, None, None)}
    await world.enter("ann")
    inside = Counter(row.journey for row in await world.enrollments("ann"))
    assert inside == {"once": 1, "rarely": 1, "short": 1}
    assert (await purged(world, days=31))["enrollments"] == 3
    await world.enter("ann")
    inside = Counter(row.journey for row in await world.enrollments("ann"))
    assert inside == {"once": 1, "rarely": 1, "short": 1}


async def test_what_is_personal_in_a_passage_that_stays_goes(world: World) -> None:
    await begun(world, ONCE, policy=retaining("enrollments"))
    async with world.store.writing() as connection:
        for row in (await connection.execute(select(enrollments.c.id))).all():
            fact = {"enrollment_id": row.id, "step": 0, "at": world.now, "facts": [["tier", "gold"]]}
            await connection.execute(insert(observations).values(**fact))
        await connection.execute(update(enrollments).values(goal_value=99.0))
    assert await purged(world) == {"passages": 2, "trails": 1}
    assert await world.rows(select(observations)) == []
    (ann,) = await world.enrollments("ann")
    assert (ann.event_id, ann.woken_by, ann.goal_value, ann.state) == (None, None, None, "finished")
    assert len(await world.rows(select(messages))) == 2, "they have no time of their own"


async def test_whoever_is_still_in_a_segment_is_not_brought_in_again(world: World) -> None:
    journey = SHORT.replace("event: began", "segment: gold").replace("short", "golden")
    segments = "gold: {attribute: tier, is: gold}\n"
    await world.apply(journey, policy=retaining(*KEPT), segments=segments)
    await world.customers("ann", tier="gold")
    assert (await world.refresh()).entered == 1
    assert (await purged(world))["enrollments"] == 0
    assert (await world.refresh()).entered == 0
    await world.customers("ann", tier="silver")
    await world.route()
    assert (await purged(world))["enrollments"] == 1


async def test_a_leg_that_comes_after_the_trail_has_gone(world: World) -> None:
    await begun(world, LONG + "    exit: [{event: stopped}]\n")
    await world.happen("stopped", "ann", "bea")
    await world.route()
    assert (await purged(world, days=60))["trails"] == 1
    world.now += 30 * DAY
    outcome = await world.travel(1, 1, 0, size=2)
    assert (outcome.resting, outcome.channels) == ([], [])


async def test_the_last_decision_about_consent_stays(world: World) -> None:
    await world.apply(SHORT, policy=retaining("consent_log"))
    for state in ("granted", "denied", "granted"):
        await world.customers("ann", consents={"email": state, "sms": "granted"})
        world.now += DAY
    before = await world.rows(select(consent_log).order_by(consent_log.c.id))
    gone = await purged(world)
    after = await world.rows(select(consent_log).order_by(consent_log.c.id))
    assert gone["consent_log"] == len(before) - len(after) > 0
    last = {(row.channel, row.topic): row for row in before}
    assert after == sorted(last.values(), key=lambda row: row.id)


async def test_what_a_double_opt_in_confirmed_stays_with_its_grant(world: World) -> None:
    await world.apply(SHORT, policy=retaining("consent_log") + "    double_opt_in: [email]\n")
    await world.customers("ann", consents={})
    for wording, state, confirmed in (
        ("old", "granted", False),
        ("", "denied", False),
        ("new", "granted", False),
        ("", "granted", True),
    ):
        async with world.store.writing() as connection:
            policy = await world.programme.policy(connection)
            basis = Basis("page", "customer", wording)
            await decide(connection, policy, 1, [Choice("email", "", state)], basis, world.now, confirmed)
        world.now += DAY
    await purged(world)
    kept = await world.rows(select(consent_log.c.state, consent_log.c.wording).order_by(consent_log.c.id))
    assert kept == [("pending", "new"), ("granted", "")]
