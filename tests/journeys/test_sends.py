"""Sends as a journey meets them: held by quiet hours, held or dropped by caps, broken for one customer."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from sqlalchemy import func, select

from journeyflow.audience.ingest import record_customers
from journeyflow.audience.records import CustomerRow
from journeyflow.engine.programme import Programme
from journeyflow.engine.timeline import story
from journeyflow.store.ledger import messages
from journeyflow.store.passages import enrollments
from journeyflow.testing.travel import Trip
from tests.journeys.conftest import Apply, on_both_stores
from tests.journeys.moving import YEAR, skip_to
from tests.journeys.reading import ledger, local, states, templates
from tests.journeys.writing import POLICY

QUIET = POLICY + '    quiet_hours: [{channel: sms, from: "21:00", to: "08:00"}]\n'
ONE_A_DAY = POLICY + "    caps: [{channel: email, at_most: 1, per: 1 day}]\n"


def sends(*, category: str = "marketing", channel: str = "sms", if_capped: str = "skip") -> str:
    return f"""
    journey: sends
    category: {category}
    enter: {{event: began, again: always}}
    steps:
      - send: {{{channel}: hello, if_capped: {if_capped}}}
      - update: {{went_on: true}}
    """


async def reader(trip: Trip, *keys: str, **values: object) -> None:
    for number, key in enumerate(keys):
        consents = {"email": "granted", "sms": "granted"}
        address = {"email": f"{key}@example.com", "phone": f"+4670000000{number}"}
        await trip.customer(key, consents, **address, **values)


async def begin(trip: Trip, *keys: str) -> None:
    now = await trip.now()
    await trip.events((key, "began", now, {}) for key in keys)


@on_both_stores
async def test_quiet_hours_hold_the_member_until_they_end_where_the_customer_is(
    trip: Trip, apply: Apply
) -> None:
    await apply(sends(), policy=QUIET)
    await skip_to(trip, datetime(YEAR, 5, 7, 20, 0, tzinfo=UTC))  # 22:00 in Stockholm, 16:00 in New York
    await reader(trip, "ann", timezone="Europe/Stockholm")
    await reader(trip, "ben", timezone="America/New_York")
    await begin(trip, "ann", "ben")
    assert await ledger(trip, "ann") == [("hello", "held", "quiet-hours")]
    assert await ledger(trip, "ben") == [("hello", "sent", None)]
    await trip.skip(hours=9)
    assert await ledger(trip, "ann") == [("hello", "held", "quiet-hours")]
    await trip.skip(hours=1)
    [message] = await trip.messages("ann")
    assert local(message.sent_at, "Europe/Stockholm") == "Thu 08:00"
    assert local(message.at, "Europe/Stockholm") == "Thu 08:00", "when the gate let it through"
    assert await states(trip, "ann") == [("finished", None)]


async def test_a_category_may_be_exempt_from_quiet_hours_and_consent(trip: Trip, apply: Apply) -> None:
    await apply(sends(category="transactional"), policy=QUIET)
    await skip_to(trip, datetime(YEAR, 5, 7, 23, 0, tzinfo=UTC))
    await trip.customer("ann", {"sms": "denied"}, phone="+46700000009")
    await begin(trip, "ann")
    assert await ledger(trip, "ann") == [("hello", "sent", None)]


@pytest.mark.parametrize(
    ("if_capped", "state", "second"),
    [
        ("skip", ("finished", None), ("hello", "dropped", "cap")),
        ("exit", ("exited", "steps/0: cap"), ("hello", "dropped", "cap")),
        ("wait up to 1 hour", ("finished", None), ("hello", "dropped", "cap")),
        ("wait up to 2 days", ("active", None), ("hello", "held", "cap")),
    ],
)
async def test_what_a_full_cap_does(
    trip: Trip, apply: Apply, if_capped: str, state: tuple[str, str | None], second: tuple[str, str, str]
) -> None:
    await apply(sends(channel="email", if_capped=if_capped), policy=ONE_A_DAY)
    await reader(trip, "ann")
    await begin(trip, "ann")
    await begin(trip, "ann")
    assert await ledger(trip, "ann") == [("hello", "sent", None), second]
    assert (await states(trip, "ann"))[1] == state
    first, held = await trip.messages("ann")
    assert held.detail["messages"] == [first.id], "what has filled the cap"
    assert held.detail["cap"]["at_most"] == 1
    await trip.skip(days=2)
    waited = if_capped == "wait up to 2 days"
    assert await templates(trip, "ann") == ["hello"] * (2 if waited else 1)


async def test_who_waits_under_a_cap_goes_when_the_window_has_passed(trip: Trip, apply: Apply) -> None:
    await apply(sends(channel="email", if_capped="wait up to 2 days"), policy=ONE_A_DAY)
    await reader(trip, "ann")
    await begin(trip, "ann")
    await trip.skip(hours=6)
    await begin(trip, "ann")
    first, _ = await trip.messages("ann")
    assert (await trip.enrollments("ann"))[1].wake_at == first.sent_at + timedelta(days=1)
    await trip.skip(hours=17)
    assert await templates(trip, "ann") == ["hello"]
    await trip.skip(hours=1)
    assert await templates(trip, "ann") == ["hello", "hello"]


async def test_to_wait_as_long_as_the_window_is_long_enough(trip: Trip, apply: Apply) -> None:
    """The message in the way left a moment after it was let through, which is when its window begins."""
    first = sends(channel="email").replace("sends", "first")
    await apply(first, sends(channel="email", if_capped="wait up to 1 day"), policy=ONE_A_DAY)
    await reader(trip, "ann")
    await begin(trip, "ann")
    assert await ledger(trip, "ann") == [("hello", "sent", None), ("hello", "held", "cap")]
    await trip.skip(days=1, minutes=1)
    assert await templates(trip, "ann") == ["hello", "hello"]


async def test_waiting_under_a_cap_counts_from_when_the_customer_came_to_the_send(
    trip: Trip, apply: Apply
) -> None:
    """Quiet hours in between give nobody more time: 15 hours from 19:00 are over at 10:00."""
    await apply(sends(if_capped="wait up to 15 hours"), URGENT, policy=QUIET_AND_CAPPED)
    await skip_to(trip, datetime(YEAR, 5, 7, 19, 0, tzinfo=UTC))
    await reader(trip, "ann")
    await trip.event("ann", "urgent")
    await begin(trip, "ann")
    assert (await ledger(trip, "ann"))[1] == ("hello", "held", "cap")
    await skip_to(trip, datetime(YEAR, 5, 8, 6, 0, tzinfo=UTC))
    assert (await ledger(trip, "ann"))[1] == ("hello", "held", "quiet-hours")
    await trip.event("ann", "urgent")  # there is room again at 11:00
    await skip_to(trip, datetime(YEAR, 5, 8, 8, 0, tzinfo=UTC))
    assert (await ledger(trip, "ann"))[1] == ("hello", "dropped", "cap")
    assert local((await trip.messages("ann"))[1].at, "UTC") == "Thu 08:00", "when the gate gave up"


URGENT = """
    journey: urgent
    category: urgent
    enter: {event: urgent, again: always}
    steps: [{send: {sms: urgent}}]
"""
QUIET_AND_CAPPED = (
    QUIET.replace("marketing: {}", "marketing: {}\n      urgent: {quiet_hours: exempt}")
    + "    caps: [{channel: sms, at_most: 1, per: 5 hours}]\n"
)


BROKEN = {
    "hello/email.html": "---\nsubject: Hello\n---\n<p>{{ customer.score + 1 }}</p>\n",
}


@on_both_stores
async def test_one_customer_whose_data_breaks_the_template_does_not_stop_the_others(
    trip: Trip, apply: Apply
) -> None:
    await apply(
        """
        journey: sends
        enter: {event: began}
        steps: [{send: {email: hello}}, {wait: 1 day}, {send: {email: later}}]
        """,
        templates=BROKEN,
    )
    keys = [f"c{number}" for number in range(500)]
    rows = [
        CustomerRow(key, {"email": f"{key}@example.com"}, {"score": 7}, {"email": "granted"}) for key in keys
    ]
    await record_customers(trip.store, rows, await trip.now(), "test")
    await trip.customer("c123", score="secret-value")
    await begin(trip, *keys)
    assert await counted(trip, messages.c.state) == {"sent": 499, "failed": 1}
    assert await counted(trip, enrollments.c.state) == {"active": 499, "failed": 1}
    told = await story(trip.store, Programme(), "c123")
    assert told is not None
    ending = next(moment.text for moment in told.moments if moment.text.startswith("failed"))
    assert 'template "hello" (email)' in ending
    assert "TypeError" in ending
    assert "secret-value" not in str(told)
    await trip.skip(days=1)
    assert await counted(trip, enrollments.c.state) == {"finished": 499, "failed": 1}
    assert await counted(trip, messages.c.state) == {"sent": 998, "failed": 1}


async def counted(trip: Trip, column: object) -> dict[str, int]:
    async with trip.store.reading() as connection:
        rows = await connection.execute(select(column, func.count()).group_by(column))  # type: ignore[call-overload]
        return {row[0]: row[1] for row in rows}


EVERY_DAY = """
    journey: every-day
    enter: {{event: began}}
    steps:
      - wait: {{until: "10:00"}}
      - send: {{email: hello}}
      - wait: {wait}
      - send: {{email: hello}}
      - wait: {wait}
      - send: {{email: hello}}
"""


@pytest.mark.parametrize("wait", ["1 day", '{until: "10:00"}'])
async def test_one_a_day_fits_under_a_cap_of_one_a_day(trip: Trip, apply: Apply, wait: str) -> None:
    """Each left some milliseconds after its leg; the next waits for them, and the cap holds exactly."""
    await apply(EVERY_DAY.format(wait=wait), policy=ONE_A_DAY)
    await reader(trip, "ann")
    await begin(trip, "ann")
    await trip.skip(days=4)
    assert await ledger(trip, "ann") == [("hello", "sent", None)] * 3
    times = [message.sent_at for message in await trip.messages("ann")]
    assert all(later - earlier >= timedelta(days=1) for earlier, later in pairwise(times))


async def test_the_journey_of_the_higher_priority_gets_the_last_place(trip: Trip, apply: Apply) -> None:
    low, high = (
        sends(channel="email").replace("journey: sends", f"journey: {name}\n    priority: {priority}")
        for name, priority in (("a-low", 10), ("b-high", 90))
    )
    await apply(low, high, policy=ONE_A_DAY)
    await reader(trip, "ann", "ben")
    for key in ("ann", "ben"):
        await begin(trip, key)
        got = {row.journey: row.id for row in await trip.enrollments(key)}
        state = {message.enrollment_id: message.state for message in await trip.messages(key)}
        assert (state[got["b-high"]], state[got["a-low"]]) == ("sent", "dropped")
