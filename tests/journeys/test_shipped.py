"""The campaigns in journeys/, from start to end, for typical customers and for others."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest_asyncio

from journeyflow.assignment import assigned
from journeyflow.folder import apply_folder, read_folder
from journeyflow.testing.travel import Trip
from tests.journeys.moving import YEAR, skip_to
from tests.journeys.reading import ledger, local, states, templates
from tests.journeys.test_update import attributes

ROOT = Path(__file__).parents[2]
STOCKHOLM = "Europe/Stockholm"
MONDAY_MORNING = datetime(YEAR, 6, 2, 8, 0, tzinfo=UTC)


@pytest_asyncio.fixture(autouse=True)
async def shipped(trip: Trip) -> None:
    await skip_to(trip, MONDAY_MORNING)
    await apply_folder(trip.store, read_folder(ROOT), await trip.now())


async def member(trip: Trip, key: str, sms: str = "granted", **values: object) -> None:
    consents = {"email": "granted", "sms": sms}
    phone = f"+4670000{sum(map(ord, key)):04}"
    values = {"first_name": "Kim", "tier": "bronze", "points": 10} | values
    await trip.customer(key, consents, email=f"{key}@example.com", phone=phone, timezone=STOCKHOLM, **values)


async def sent_at(trip: Trip, key: str) -> list[tuple[str, str]]:
    rows = [row for row in await trip.messages(key) if row.state == "sent"]
    return [(row.template, local(row.sent_at, STOCKHOLM)) for row in rows]


async def test_welcome(trip: Trip) -> None:
    for key in ("ann", "shop", "buyer", "list"):
        await member(trip, key)
    now = await trip.now()
    sources = {"ann": "web", "shop": "store", "buyer": "web", "list": "import"}
    await trip.events((key, "member.joined", now, {"source": source}) for key, source in sources.items())
    await trip.skip(days=1)
    await trip.event("buyer", "order.completed", total=5)
    await trip.skip(days=20)
    assert await sent_at(trip, "ann") == [("welcome", "Mon 10:00"), ("welcome-benefits", "Thu 18:00")]
    assert await sent_at(trip, "shop") == [("welcome", "Mon 10:00"), ("welcome-benefits", "Mon 10:00")]
    assert await templates(trip, "buyer") == ["welcome"]
    assert (await attributes(trip, "buyer"))["points"] == 35
    assert (await attributes(trip, "ann"))["welcomed"] is False
    assert await trip.enrollments("list") == []
    assert (await trip.enrollments("buyer"))[0].goal_value == 5


async def test_birthday(trip: Trip) -> None:
    await member(trip, "ann", birthday="1980-06-20")
    await member(trip, "buyer", birthday="1985-06-20", birthday_present_used=True)
    await member(trip, "quiet", birthday="1985-06-20", do_not_disturb=True)
    await skip_to(trip, datetime(YEAR, 6, 13, 7, 0, tzinfo=UTC))
    assert await trip.sweep() == 2
    assert "birthday_present_used" not in await attributes(trip, "buyer"), "last year's"
    await trip.skip(days=2)
    await trip.event("buyer", "order.completed", total=5)
    await trip.skip(days=7)
    assert await sent_at(trip, "ann") == [("birthday", "Fri 09:00"), ("birthday", "Fri 10:00")]
    assert [row.channel for row in await trip.messages("ann")] == ["email", "sms"]
    assert (await trip.messages("ann"))[1].sent_at.date().isoformat() == f"{YEAR}-06-20"
    assert await templates(trip, "buyer") == ["birthday"]
    assert (await attributes(trip, "buyer"))["birthday_present_used"] is True
    assert await trip.enrollments("quiet") == []


async def test_win_back(trip: Trip) -> None:
    long_ago = await trip.now() - timedelta(days=200)
    await member(trip, "ann", sms="denied")
    await member(trip, "loyal", tier="gold")
    await member(trip, "back")
    await member(trip, "fresh")
    await trip.events(
        [(key, "order.completed", long_ago, {"total": 50}) for key in ("ann", "loyal", "back", "fresh")]
        + [("loyal", "order.completed", long_ago - timedelta(days=n), {"total": 60}) for n in (20, 40)]
        + [("fresh", "order.completed", long_ago + timedelta(days=100), {"total": 5})]
    )
    assert await trip.sweep() == 3
    await trip.skip(days=3)
    await trip.event("back", "order.completed", total=90)
    await trip.skip(days=70)
    assert await templates(trip, "ann") == ["win-back", "win-back-goodbye"]
    assert (await attributes(trip, "ann"))["sunset"] is True
    loyal = await sent_at(trip, "loyal")
    assert [name for name, _ in loyal] == ["win-back-personal", "win-back", "win-back-goodbye"]
    assert loyal[0][1] == "Tue 10:00"
    goodbyes = {key: (await sent_at(trip, key))[-1] for key in ("ann", "loyal")}
    for key, goodbye in goodbyes.items():
        variant = assigned("goodbye-timing", key, [0, 5_000, 5_000])
        assert goodbye == ("win-back-goodbye", {1: "Sun 18:00", 2: "Mon 08:00"}[variant])
    assert (await states(trip, "back"))[0] == ("exited", "exit/0")
    assert "win-back-goodbye" not in await templates(trip, "back")
    assert await trip.enrollments("fresh") == []
    assert (await trip.enrollments("back"))[0].goal_value == 90
    assert await trip.sweep() == 0, "who did not answer is left alone"


async def test_post_purchase(trip: Trip) -> None:
    await member(trip, "ann")
    await member(trip, "ben")
    await member(trip, "happy", tier="gold")
    await member(trip, "cross")
    await member(trip, "refund")
    keys = ("ann", "ben", "happy", "cross", "refund")
    now = await trip.now()
    await trip.events(
        [("happy", "order.completed", now - timedelta(days=40), {"total": 30})]
        + [(key, "order.completed", now, {"total": 25}) for key in keys]
    )
    assert [len(await trip.enrollments(key)) for key in keys] == [1] * 5
    await trip.skip(days=2)
    await trip.event("happy", "review.submitted", rating=5)
    await trip.event("cross", "review.submitted", rating=1)
    await trip.event("refund", "order.refunded")
    await trip.skip(days=20)
    assert [assigned("thanks-timing", key, [0, 5_000, 5_000]) for key in ("ann", "ben")] == [2, 1]
    assert await sent_at(trip, "ann") == [("order-thanks", "Tue 10:15"), ("review-nudge", "Sat 10:00")]
    assert await sent_at(trip, "ben") == [("order-thanks", "Mon 11:00"), ("review-nudge", "Fri 10:00")]
    assert await templates(trip, "happy") == ["order-thanks", "vip-thanks"]
    assert (await attributes(trip, "happy"))["points"] == 60
    assert await templates(trip, "cross") == ["order-thanks"]
    assert (await attributes(trip, "cross"))["unhappy"] is True
    assert await templates(trip, "refund") == ["order-thanks"]
    assert await states(trip, "refund") == [("exited", "exit/0")]
    assert (await states(trip, "happy")) == [("finished", None)]


async def test_one_of_two_letters_on_the_same_day_waits(trip: Trip) -> None:
    """Who joins and buys at once is welcomed; the thanks an hour later find the day taken."""
    await member(trip, "ben")
    await trip.event("ben", "member.joined", source="web")
    await trip.event("ben", "order.completed", total=40)
    await trip.skip(hours=2)
    assert await ledger(trip, "ben") == [("welcome", "sent", None), ("order-thanks", "dropped", "cap")]


async def test_slipping_and_champion(trip: Trip) -> None:
    now = await trip.now()
    people = ("slow", "back", "gone", "first", "risen")
    for key in people:
        await member(trip, key)
    orders = {"slow": 100, "back": 100, "gone": 200, "first": 100, "risen": 1}
    await trip.events(
        (k, "order.completed", now - timedelta(days=d), {"total": 5}) for k, d in orders.items()
    )
    was = {"slow": "loyal", "back": "champion", "gone": "loyal", "first": "new"}
    await trip.events((k, "rfm.moved_down", now, {"from": c, "to": "slipping"}) for k, c in was.items())
    await trip.event("risen", "rfm.moved_up", **{"from": "loyal", "to": "champion"})
    await trip.skip(hours=20)
    await trip.event("back", "order.completed", total=70)
    await trip.skip(days=40)
    assert await sent_at(trip, "slow") == [("slipping", "Tue 10:00")]
    assert [name for name, _ in await sent_at(trip, "risen")] == ["champion"]
    for key in ("back", "gone", "first"):
        assert "slipping" not in await templates(trip, key), key
    assert [row.journey for row in await trip.enrollments("gone")] == ["win-back"]
    passages = {row.journey: row.goal_value for row in await trip.enrollments("back")}
    assert passages["slipping"] == 70
