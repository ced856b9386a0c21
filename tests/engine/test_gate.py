"""The gate's rules, one by one, in their order, and under contention."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from journeyflow.audience.suppression import suppress
from journeyflow.delivery.channels.outbox import Outbox
from journeyflow.engine.travel import travel
from journeyflow.store.ledger import messages
from tests.engine.programmes import World, keys
from tests.journeys.writing import POLICY

QUIET = '    quiet_hours: [{channel: sms, from: "21:00", to: "08:00"}, {from: "23:00", to: "06:00"}]\n'


def sends(name: str = "sends", channel: str = "sms", category: str = "marketing", first: str = "") -> str:
    return f"""
    journey: {name}
    category: {category}
    enter: {{event: began-{name}, again: always}}
    steps:
      - update: {{{name}: true}}
      {first}
      - send: {{{channel}: {name}}}
    """


async def suppress_address(world: World, channel: str, address: str) -> None:
    async with world.store.writing() as connection:
        await suppress(connection, channel, [address], "bounced", world.now)


@pytest.mark.parametrize(
    ("category", "values", "consents", "expected"),
    [
        ("marketing", {}, {"sms": "granted"}, ("queued", None)),
        ("marketing", {}, {"sms": "denied"}, ("dropped", "consent")),
        ("marketing", {}, {"email": "granted"}, ("dropped", "consent")),
        ("marketing", {}, {}, ("dropped", "consent")),
        ("marketing", {"phone": None}, {"sms": "granted"}, ("dropped", "no-address")),
        ("marketing", {"phone": None}, {}, ("dropped", "no-address")),
        ("marketing", {"phone": "+46709999999"}, {"sms": "granted"}, ("dropped", "suppressed")),
        ("marketing", {"phone": "+46709999999"}, {}, ("dropped", "suppressed")),
        ("transactional", {}, {}, ("queued", None)),
        ("transactional", {"phone": "+46709999999"}, {}, ("dropped", "suppressed")),
        ("transactional", {"phone": None}, {}, ("dropped", "no-address")),
    ],
)
async def test_who_may_be_asked(
    world: World, category: str, values: dict[str, Any], consents: dict[str, str], expected: tuple[str, Any]
) -> None:
    await world.apply(sends(category=category))
    await suppress_address(world, "sms", "+46709999999")
    await suppress_address(world, "email", "+46700000000")  # the same address on another channel
    await world.customers("c0", consents=consents, **values)
    await world.enter("c0", name="began-sends")
    assert await world.ledger("c0") == [("sends", *expected)]


async def test_one_cohort_gets_each_its_own_verdict(world: World) -> None:
    await world.apply(sends())
    await world.customers("c0", "c2")
    await world.customers("c1", consents={})
    await world.enter("c0", "c1", "c2", name="began-sends")
    verdicts = [(await world.ledger(key))[0][1:] for key in ("c0", "c1", "c2")]
    assert verdicts == [("queued", None), ("dropped", "consent"), ("queued", None)]
    assert [row.state for row in await world.rows(select(messages))].count("queued") == 2


@pytest.mark.parametrize(
    ("zone", "now", "until"),
    [
        ("UTC", "20:59:59", None),
        ("UTC", "21:00", "2031-05-08T08:00"),
        ("UTC", "02:00", "2031-05-07T08:00"),
        ("UTC", "07:59:59", "2031-05-07T08:00"),
        ("UTC", "08:00", None),
        ("Asia/Tokyo", "12:00", "2031-05-07T23:00"),  # nine in the evening there
        ("America/New_York", "12:00", None),
        ("Mars/Olympus", "22:00", "2031-05-08T08:00"),  # counts as the programme's zone
    ],
)
async def test_quiet_hours(sqlite_world: World, zone: str, now: str, until: str | None) -> None:
    world = sqlite_world
    world.now = datetime.fromisoformat(f"2031-05-07T{now}+00:00")
    await world.apply(sends(), policy=POLICY + QUIET)
    await world.customers("c0", timezone=zone)
    await world.enter("c0", name="began-sends")
    expected = ("sends", "held", "quiet-hours") if until else ("sends", "queued", None)
    assert await world.ledger("c0") == [expected]
    [enrollment] = await world.enrollments("c0")
    assert enrollment.wake_at == (datetime.fromisoformat(f"{until}+00:00") if until else None)


async def test_quiet_hours_of_one_channel_leave_the_other_alone(sqlite_world: World) -> None:
    world = sqlite_world
    world.now = datetime(2031, 5, 7, 22, tzinfo=UTC)
    await world.apply(sends(channel="email"), policy=POLICY + QUIET)
    await world.customers("c0")
    await world.enter("c0", name="began-sends")
    assert await world.ledger("c0") == [("sends", "queued", None)]


async def test_consent_is_asked_before_quiet_hours_and_these_before_caps(sqlite_world: World) -> None:
    world = sqlite_world
    world.now = datetime(2031, 5, 7, 22, tzinfo=UTC)
    full = "    caps: [{at_most: 1, per: 1 day}]\n"
    await world.apply(sends(), sends("letter", "email"), policy=POLICY + QUIET + full)
    await world.customers("c0", consents={})
    await world.customers("c1")
    await world.enter("c1", name="began-letter")
    await world.enter("c0", "c1", name="began-sends")
    assert await world.ledger("c0") == [("sends", "dropped", "consent")]
    assert (await world.ledger("c1"))[1] == ("sends", "held", "quiet-hours")
    world.now = datetime(2031, 5, 8, 8, tzinfo=UTC)
    await world.travel(2, 1, step=1, size=2)
    assert (await world.ledger("c1"))[1] == ("sends", "dropped", "cap")


CAPS = """
    caps:
      - {channel: sms, at_most: 1, per: 7 days}
      - {category: marketing, at_most: 2, per: 1 day}
      - {category: marketing, at_most: 100, per: 30 days}
"""


async def send_now(world: World, folder: Path, name: str, channel: str, key: str = "c0") -> str:
    """One passage through the journey `name`: what the gate said. What it let through is delivered."""
    await world.enter(key, name=f"began-{name}")
    [*_, last] = await world.messages(key)
    if last.state == "queued":
        await world.deliver(Outbox(folder), cohort=last.enrollment_id // 1000, name=channel)
    return f"{last.state} {last.reason}"


async def test_windows_roll_to_the_second(world: World, tmp_path: Path) -> None:
    await world.apply(sends("a", "email"), policy=POLICY + CAPS)
    await world.customers("c0")
    began = world.now
    said = []
    for after in (
        timedelta(0),
        timedelta(hours=3),
        timedelta(hours=24) - timedelta(seconds=61),  # a last minute is waited for
        timedelta(hours=24),
        timedelta(hours=26),
        timedelta(hours=27),
    ):
        world.now = began + after
        said.append(await send_now(world, tmp_path, "a", "email"))
    assert said == ["queued None", "queued None", "dropped cap", "queued None", "dropped cap", "queued None"]


async def test_several_caps_and_what_filled_them(world: World, tmp_path: Path) -> None:
    journeys = sends("a", "email"), sends("b", "sms"), sends("paid", "sms", category="transactional")
    await world.apply(*journeys, policy=POLICY + CAPS)
    await world.customers("c0", "c1")
    assert await send_now(world, tmp_path, "paid", "sms") == "queued None", "exempt"
    assert await send_now(world, tmp_path, "b", "sms") == "queued None", "and does not count"
    assert await send_now(world, tmp_path, "b", "sms") == "dropped cap"
    assert await send_now(world, tmp_path, "a", "email") == "queued None"
    assert await send_now(world, tmp_path, "a", "email") == "dropped cap"
    assert await send_now(world, tmp_path, "paid", "sms") == "queued None"
    assert await send_now(world, tmp_path, "b", "sms", key="c1") == "queued None", (
        "each has caps of their own"
    )
    _, b, b_again, a, a_again, _ = await world.messages("c0")
    rule = {"channel": "sms", "at_most": 1, "per": 7 * 86_400}
    assert b_again.detail["cap"] == rule
    assert b_again.detail["messages"] == [b.id]
    assert a_again.detail["cap"]["category"] == "marketing"
    assert a_again.detail["messages"] == [b.id, a.id]
    assert datetime.fromisoformat(a_again.detail["room_at"]) == world.now + timedelta(days=1)


async def test_what_did_not_leave_takes_no_room_and_what_is_about_to_leave_does(sqlite_world: World) -> None:
    world = sqlite_world
    await world.apply(sends("a", "email"), policy=POLICY + "    caps: [{at_most: 1, per: 1 day}]\n")
    await world.customers("c0")
    await world.enter("c0", name="began-a")
    for state, expected in [
        ("failed", "queued"),
        ("cancelled", "queued"),
        ("dropped", "queued"),
        ("queued", "dropped"),
        ("sending", "dropped"),
        ("unknown", "dropped"),
        ("sent", "dropped"),
    ]:
        async with world.store.writing() as connection:
            await connection.execute(messages.delete().where(messages.c.id > 1))
            await connection.execute(messages.update().values(state=state))
        await world.enter("c0", name="began-a")
        assert (await world.messages("c0"))[-1].state == expected, state


async def test_two_cohorts_that_ask_for_the_last_place_at_once_never_both_get_it(world: World) -> None:
    wait = "- wait: 1 hour"
    journeys = [sends(name, "email", first=wait) for name in ("a", "b", "d", "e")]
    await world.apply(*journeys, policy=POLICY + "    caps: [{at_most: 2, per: 1 day}]\n")
    await world.customers(*keys(60))
    for name in ("a", "b", "d", "e"):
        await world.enter(*keys(60), name=f"began-{name}")
    world.now += timedelta(hours=1)
    await asyncio.gather(
        *(travel(world.store, world.programme, world.leg(cohort, 1, 1, 60)) for cohort in (1, 2, 3, 4))
    )
    taken = select(messages.c.customer_id, func.count()).where(messages.c.state == "queued")
    rows = await world.rows(taken.group_by(messages.c.customer_id))
    assert [row[1] for row in rows] == [2] * 60
