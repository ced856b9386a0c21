"""Caps of every scope and window, and who gets the last place."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from textwrap import indent

import pytest

from journeyflow.delivery.channels.outbox import Outbox
from journeyflow.delivery.pauses import TryAgain
from tests.engine.programmes import World
from tests.engine.test_gate import send_now, sends
from tests.journeys.writing import POLICY


def policy(*caps: str) -> str:
    listed = indent("\n".join(f"- {{{cap}}}" for cap in caps), 6 * " ")
    topics = "    topics: {news: News, shop: Shop}\n"
    return f"{POLICY}{topics}    caps:\n{listed}\n"


@pytest.mark.parametrize(
    ("period", "moments"),
    [
        # In Stockholm: the day ends at 22:00 UTC in summer.
        (
            "day",
            [("08-07T10:00", True), ("08-07T21:57", False), ("08-07T22:00", True), ("08-08T21:00", False)],
        ),
        # Weeks begin on Monday; the 11th is one.
        ("week", [("08-04T00:00", True), ("08-10T21:57", False), ("08-10T22:00", True)]),
        ("month", [("08-01T00:00", True), ("08-31T21:57", False), ("08-31T22:00", True)]),
        # The clocks are put back on 26 October: that day has 25 hours.
        (
            "day",
            [("10-25T21:57", True), ("10-25T22:00", True), ("10-26T22:57", False), ("10-26T23:00", True)],
        ),
    ],
)
async def test_calendar_windows_begin_at_midnight_where_the_customer_is(
    sqlite_world: World, tmp_path: Path, period: str, moments: list[tuple[str, bool]]
) -> None:
    world = sqlite_world
    await world.apply(sends("a", "email"), policy=policy(f"at_most: 1, per: calendar {period}"))
    await world.customers("c0", timezone="Europe/Stockholm")
    said = []
    for moment, _ in moments:
        world.now = datetime.fromisoformat(f"2031-{moment}").replace(tzinfo=UTC)
        said.append((moment, await send_now(world, tmp_path, "a", "email") == "queued None"))
    assert said == moments


async def test_room_comes_with_the_next_midnight(sqlite_world: World, tmp_path: Path) -> None:
    world = sqlite_world
    await world.apply(sends("a", "email"), policy=policy("at_most: 1, per: calendar month"))
    await world.customers("c0", timezone="America/New_York")
    await send_now(world, tmp_path, "a", "email")
    await send_now(world, tmp_path, "a", "email")
    [first, second] = await world.messages("c0")
    assert second.detail == {
        "cap": {"at_most": 1, "per": "month"},
        "messages": [first.id],
        "room_at": "2031-06-01T04:00:00+00:00",
    }


async def test_scopes(sqlite_world: World, tmp_path: Path) -> None:
    world = sqlite_world
    journeys = (
        about("news", "news"),
        about("more-news", "news"),
        about("shop", "shop"),
        sends("free", "email"),
    )
    caps = policy(
        "topic: news, at_most: 1, per: 1 day",
        "journey: shop, at_most: 2, per: 1 day",
        "country: US, at_most: 3, per: 1 day",
    )
    await world.apply(*journeys, sends("free", "email"), policy=caps)
    await world.customers("c0", country="SE")
    await world.customers("c1", timezone="US/Eastern")
    said = {}
    for key in ("c0", "c1"):
        order = ["news", "more-news", "shop", "shop", "shop", "free", "free"]
        said[key] = [(await send_now(world, tmp_path, name, "email", key)).split()[0] for name in order]
    assert said["c0"] == ["queued", "dropped", "queued", "queued", "dropped", "queued", "queued"]
    assert said["c1"] == ["queued", "dropped", "queued", "queued", "dropped", "dropped", "dropped"]


def about(name: str, topic: str) -> str:
    return sends(name, "email").replace("    category:", f"    topic: {topic}\n    category:")


def ranked(name: str, priority: int, if_capped: str = "skip") -> str:
    text = sends(name, "email").replace("    category:", f"    priority: {priority}\n    category:")
    return text.replace(f"{{email: {name}}}", f"{{email: {name}, if_capped: {if_capped}}}")


ONE_A_DAY = policy("at_most: 1, per: 1 day")


async def test_the_higher_priority_takes_a_place_that_is_only_queued(world: World, tmp_path: Path) -> None:
    await world.apply(ranked("low", 20), ranked("high", 80), ranked("middle", 50), policy=ONE_A_DAY)
    await world.customers("c0")
    for name in ("low", "high", "middle"):
        await world.enter("c0", name=f"began-{name}")
    low, high, middle = await world.messages("c0")
    assert [(row.template, row.state) for row in (low, high, middle)] == [
        ("low", "outranked"),
        ("high", "queued"),
        ("middle", "dropped"),
    ]
    assert low.detail["outranked_by"] == [high.enrollment_id, high.step]
    assert low.detail["messages"] == [], "not itself"
    outbox = Outbox(tmp_path)
    for cohort in (1, 2):
        await world.deliver(outbox, cohort=cohort)
    assert (await world.ledger("c0"))[:2] == [("low", "cancelled", "cap"), ("high", "sent", None)]


async def test_equal_priority_keeps_its_place(world: World) -> None:
    await world.apply(ranked("first", 50), ranked("second", 50), policy=ONE_A_DAY)
    await world.customers("c0")
    await world.enter("c0", name="began-first")
    await world.enter("c0", name="began-second")
    assert [state for _, state, _ in await world.ledger("c0")] == ["queued", "dropped"]


async def test_what_is_on_its_way_keeps_its_place(world: World, tmp_path: Path) -> None:
    await world.apply(ranked("low", 20), ranked("high", 80), policy=ONE_A_DAY)
    await world.customers("c0")
    await send_now(world, tmp_path, "low", "email")
    await world.enter("c0", name="began-high")
    assert [state for _, state, _ in await world.ledger("c0")] == ["sent", "dropped"]


async def test_an_outranked_message_that_may_wait_goes_later(world: World, tmp_path: Path) -> None:
    patient = ranked("low", 20, "wait up to 2 days")
    await world.apply(patient, ranked("high", 80), policy=ONE_A_DAY)
    await world.customers("c0")
    await world.enter("c0", name="began-low")
    await world.enter("c0", name="began-high")
    outbox = Outbox(tmp_path)
    await world.deliver(outbox, cohort=2)
    with pytest.raises(TryAgain) as again:
        await world.deliver(outbox, cohort=1)
    assert again.value.after == timedelta(days=1)
    assert (await world.ledger("c0"))[0] == ("low", "outranked", "cap")
    world.now += timedelta(days=1)
    assert (await world.messages("c0"))[0].detail["messages"] == [2]
    await world.deliver(outbox, cohort=1)
    assert [state for _, state, _ in await world.ledger("c0")] == ["sent", "sent"]
    assert (await world.messages("c0"))[0].detail is None


async def test_an_outranked_message_that_ends_the_journey_does(world: World, tmp_path: Path) -> None:
    await world.apply(_with_wait(ranked("low", 20, "exit")), ranked("high", 80), policy=ONE_A_DAY)
    await world.customers("c0")
    await world.enter("c0", name="began-low")
    await world.enter("c0", name="began-high")
    [low, _] = await world.enrollments("c0")
    assert low.state == "active"
    await world.deliver(Outbox(tmp_path), cohort=1)
    [low, _] = await world.enrollments("c0")
    assert (low.state, low.reason) == ("exited", "steps/1: cap")


def _with_wait(text: str) -> str:
    return text.rstrip() + "\n      - wait: 30 days\n"


async def test_two_outranked_messages_do_not_share_the_last_place(world: World, tmp_path: Path) -> None:
    """They are claimed together, and the second is asked after the first has got its place."""
    low = (
        ranked("low", 20, "wait up to 3 days").rstrip()
        + "\n      - send: {sms: text, if_capped: wait up to 3 days}"
    )
    high = ranked("high", 80).rstrip() + "\n      - send: {sms: other}"
    await world.apply(low, high, ranked("free", 50), policy=policy("at_most: 2, per: 1 day"))
    await world.customers("c0")
    await world.enter("c0", name="began-low")
    await world.enter("c0", name="began-high")
    outbox = Outbox(tmp_path)
    for channel in ("email", "sms"):
        await world.deliver(outbox, cohort=2, name=channel)
    world.now += timedelta(days=1)
    await send_now(world, tmp_path, "free", "email")
    await world.deliver(outbox, cohort=1)
    with pytest.raises(TryAgain):
        await world.deliver(outbox, cohort=1, name="sms")
    states = {template: state for template, state, _ in await world.ledger("c0")}
    assert states == {"low": "sent", "text": "outranked", "high": "sent", "other": "sent", "free": "sent"}


async def test_several_give_way_when_several_caps_are_full(world: World) -> None:
    caps = policy("channel: email, at_most: 1, per: 1 day", "category: marketing, at_most: 2, per: 7 days")
    by_sms = ranked("text", 10).replace("{email: text", "{sms: text")
    await world.apply(ranked("letter", 20), by_sms, ranked("high", 80), policy=caps)
    await world.customers("c0")
    for name in ("letter", "text", "high"):
        await world.enter("c0", name=f"began-{name}")
    states = {template: state for template, state, _ in await world.ledger("c0")}
    assert states == {"letter": "outranked", "text": "queued", "high": "queued"}, "no more than is needed"


async def test_nobody_gives_way_for_one_that_finds_no_room_anyway(world: World, tmp_path: Path) -> None:
    caps = policy("at_most: 2, per: 7 days", "channel: email, at_most: 1, per: 1 day")
    by_sms = ranked("text", 10).replace("{email: text", "{sms: text")
    await world.apply(ranked("old", 10), by_sms, ranked("high", 80), policy=caps)
    await world.customers("c0")
    await send_now(world, tmp_path, "old", "email")
    await world.enter("c0", name="began-text")
    await world.enter("c0", name="began-high")
    states = {template: state for template, state, _ in await world.ledger("c0")}
    assert states == {"old": "sent", "text": "queued", "high": "dropped"}
