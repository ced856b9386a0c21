"""The wait for the hour at which a customer acts: counted where they live, on both stores."""

from collections import Counter
from datetime import UTC, datetime, time, timedelta
from itertools import product
from zoneinfo import ZoneInfo

from sqlalchemy import func, select

from journeyflow.cli.fate import Moments
from journeyflow.cli.reasons import passage_in_words
from journeyflow.engine.best_hours import compute
from journeyflow.engine.local_hours import local_hour
from journeyflow.engine.local_time import zone
from journeyflow.engine.timeline import story
from journeyflow.engine.why import why
from journeyflow.store.customers import customers, events
from journeyflow.store.experiments import best_hours
from tests.engine.programmes import World, keys

JOURNEY = """
    journey: clever
    enter: {event: began, again: always}
    steps:
      - wait: {best_time: {events: [clicked, email.clicked], within: 24 hours, otherwise: "10:15"}}
      - send: {email: hello}
"""
NEW_YORK = ZoneInfo("America/New_York")
STOCKHOLM = ZoneInfo("Europe/Stockholm")  # the programme's own
ZONES = {
    "ny": "America/New_York",
    "kolkata": "Asia/Kolkata",  # half an hour beside the others
    "chatham": "Pacific/Chatham",  # three quarters, and summer in winter
    "stockholm": "Europe/Stockholm",
    "nowhere": "Mars/Olympus",
    "unknown": None,
}
POLICY = """
    categories: {marketing: {}}
    senders: {email: {from: "Club <club@example.com>", postal_address: "Club, 1 Example Street"}}
    defaults: {timezone: Europe/Stockholm}
"""


async def test_the_hour_is_that_of_the_customers_own_day_also_when_clocks_change(world: World) -> None:
    """Around the changes of all these zones, to the second."""
    changes = [
        datetime(2030, 11, 3, 6, tzinfo=UTC),
        datetime(2031, 3, 9, 7, tzinfo=UTC),
        datetime(2031, 3, 30, 1, tzinfo=UTC),
        datetime(2031, 4, 5, 14, tzinfo=UTC),
        datetime(2031, 4, 5, 23, 30, tzinfo=UTC),
    ]
    moments = [at + timedelta(seconds=s) for at, s in product(changes, (-3_600, -1, 0, 899, 900))]
    for key, name in ZONES.items():
        await world.customers(key, timezone=name)
        for at in moments:
            await world.happen("clicked", key, at=at)
    span = (min(moments), world.now)
    hour = local_hour(events.c.at, customers.c.timezone, set(filter(None, ZONES.values())), STOCKHOLM, span)
    query = select(customers.c.key, events.c.at, hour.label("hour")).join_from(events, customers)
    rows = await world.rows(query)
    assert len(rows) == len(moments) * len(ZONES)
    for row in rows:
        tz = zone(ZONES[row.key] or "") or STOCKHOLM
        assert row.hour == row.at.astimezone(tz).hour, (row.key, row.at)


async def click(world: World, key: str, hour: int, times: int, tz: ZoneInfo = STOCKHOLM) -> None:
    """At that hour of so many days, up to some months ago."""
    today = world.now.astimezone(tz).date()
    for number in range(times):
        day = today - timedelta(days=1 + number * 7)
        await world.happen("clicked", key, at=datetime.combine(day, time(hour, 40), tz).astimezone(UTC))


async def resting(world: World, key: str) -> datetime:
    [row] = await world.enrollments(key)
    return row.wake_at  # type: ignore[no-any-return]


async def told(world: World, key: str) -> list[str]:
    found = await story(world.store, world.programme, key)
    assert found is not None
    return [one.text for one in found.moments if one.what == "step"]


async def test_of_whom_nothing_is_known_rests_until_the_time_of_the_plan(sqlite_world: World) -> None:
    world = sqlite_world
    await world.apply(JOURNEY, policy=POLICY)
    await world.customers("c0", timezone="America/New_York")
    await world.enter("c0")
    assert await resting(world, "c0") == datetime(2031, 5, 7, 10, 15, tzinfo=NEW_YORK)
    assert await told(world, "c0") == ["wait_best_time: rests; nothing is known of when customers act"]
    await world.apply(JOURNEY.replace("24 hours", "2 hours").replace("clever", "hasty"), policy=POLICY)
    await world.customers("c1", timezone="America/New_York")
    await world.enter("c1")
    assert await resting(world, "c1") == world.now + timedelta(hours=2)


async def test_a_habit_of_ones_own_beats_that_of_all_and_all_tell_of_whom_little_is_known(
    world: World,
) -> None:
    await world.apply(JOURNEY, policy=POLICY)
    everybody = keys(20)
    await world.customers(*everybody, "newcomer", "once")
    await world.customers("owl", timezone="America/New_York")
    for key in everybody:
        await click(world, key, 19, 2)
    await click(world, "owl", 2, 12, NEW_YORK)
    await click(world, "once", 5, 1)
    assert await compute(world.store, world.programme, world.now) == 2
    times = {row.hour: row.times for row in await world.rows(select(best_hours))}
    assert times == {19: 40, 2: 12, 5: 1}
    await world.enter("newcomer", "once", "owl")
    for key, tz, hour in (("newcomer", STOCKHOLM, 19), ("once", STOCKHOLM, 19), ("owl", NEW_YORK, 2)):
        until = await resting(world, key)
        assert until.astimezone(tz).hour == hour, key
        assert world.now < until <= world.now + timedelta(days=1)
    assert await told(world, "once") == ["wait_best_time: rests; customers mostly act at 19h"]
    assert await told(world, "owl") == ["wait_best_time: rests; the customer mostly acts at 2h"]
    account = await why(world.store, world.programme, "owl")
    assert account is not None
    line = passage_in_words(account.passages[0], Moments(NEW_YORK))[1]
    assert "how often the customer acted at 2h: 12" in line.because
    assert "how often the customer acted at any hour: 12" in line.because


async def test_only_hours_that_come_in_time_are_looked_at(sqlite_world: World) -> None:
    world = sqlite_world
    await world.apply(JOURNEY.replace("24 hours", "6 hours"), policy=POLICY)
    await world.customers("c0")
    await click(world, "c0", 23, 12)
    await click(world, "c0", 17, 3)
    await world.enter("c0")  # at 14:00 in Stockholm
    assert (await resting(world, "c0")).astimezone(STOCKHOLM).hour == 17


async def test_where_no_hour_that_is_known_comes_in_time_the_plan_says_when(sqlite_world: World) -> None:
    world = sqlite_world
    await world.apply(JOURNEY.replace("24 hours", "6 hours").replace("10:15", "15:30"), policy=POLICY)
    await world.customers("c0")
    await click(world, "c0", 13, 12)
    await compute(world.store, world.programme, world.now)
    await world.enter("c0")  # at 14:00 in Stockholm
    assert (await resting(world, "c0")).astimezone(STOCKHOLM).time() == time(15, 30)
    assert await told(world, "c0") == ["wait_best_time: rests; no hour at which customers act comes in time"]


async def test_in_the_midst_of_the_hour_nobody_waits_for_tomorrow(sqlite_world: World) -> None:
    world = sqlite_world
    await world.apply(JOURNEY, policy=POLICY)
    crowd = keys(20)
    await world.customers(*crowd, "habit")
    await click(world, "habit", 14, 3)
    await compute(world.store, world.programme, world.now)
    world.now += timedelta(minutes=20)  # it is 14:20 in Stockholm
    await world.enter(*crowd)
    moments = {await resting(world, key) - world.now for key in crowd}
    assert moments == {timedelta(minutes=minutes) for minutes in (0, 10, 25)}
    await world.travel(1, 1, 0, len(crowd))
    assert "queued" in {row.state for key in crowd for row in await world.messages(key)}


async def test_what_programs_do_and_what_is_long_ago_does_not_count(sqlite_world: World) -> None:
    world = sqlite_world
    await world.apply(JOURNEY, policy=POLICY)
    await world.customers("c0")
    await world.happen("email.clicked", "c0", at=world.now - timedelta(days=1), machine=True)
    await world.happen("clicked", "c0", at=world.now - timedelta(days=181))
    await world.enter("c0")
    assert await told(world, "c0") == ["wait_best_time: rests; nothing is known of when customers act"]


async def test_a_cohort_rests_at_four_moments_of_the_hour_and_goes_on(world: World) -> None:
    await world.apply(JOURNEY, policy=POLICY)
    crowd = keys(60)
    await world.customers(*crowd, "habit")
    await click(world, "habit", 20, 3)
    await compute(world.store, world.programme, world.now)
    await world.enter(*crowd)
    moments = Counter([await resting(world, key) for key in crowd])
    begin = datetime(2031, 5, 7, 20, tzinfo=STOCKHOLM)
    assert set(moments) == {begin + timedelta(minutes=minutes) for minutes in (0, 15, 30, 45)}
    world.now = max(moments)
    await world.travel(1, 1, 0, len(crowd))
    assert {row.state for key in crowd for row in await world.messages(key)} == {"queued"}


async def test_counting_again_leaves_the_same(sqlite_world: World) -> None:
    world = sqlite_world
    await world.apply(JOURNEY, policy=POLICY)
    await world.customers("c0")
    await click(world, "c0", 20, 3)
    for _ in range(2):
        await compute(world.store, world.programme, world.now)
        assert await world.rows(select(func.sum(best_hours.c.times))) == [(3,)]
