"""Times of day in zones that change their clocks, skip days or sit half an hour off."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from journeyflow.engine.hours import Hours, Place
from journeyflow.engine.local_time import at_local, next_local, zone
from journeyflow.policy import QuietHours

ZONE_NAMES = sorted(available_timezones() - {"Factory", "localtime"})
ZONES = st.sampled_from(ZONE_NAMES).map(ZoneInfo)
INSTANTS = st.datetimes(datetime(1970, 1, 2), datetime(2037, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
MINUTES = st.builds(time, st.integers(0, 23), st.integers(0, 59))
WEEKDAYS = st.sets(st.integers(0, 6)).map(lambda days: tuple(sorted(days)))
MONDAY = (0,)


def quiet_until(now: datetime, rule: QuietHours, tz: ZoneInfo) -> datetime | None:
    closed = Hours((rule,), (), tz).closed(Place(None), now)
    return closed.until if closed else None


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def changes(tz: ZoneInfo, start: datetime, days: int) -> Iterator[datetime]:
    """When (UTC) a zone gets another offset; two changes within a day may be missed."""

    def offset(instant: datetime) -> timedelta | None:
        return instant.astimezone(tz).utcoffset()

    start = start.replace(microsecond=0)  # below a second the search would stand still
    probes = ((probe, offset(probe)) for probe in (start + timedelta(days=day) for day in range(days)))
    for (before, old), (_, new) in pairwise(probes):
        if old != new:
            at = [before + timedelta(seconds=second) for second in (0, 86_400)]
            while at[1] - at[0] > timedelta(seconds=1):
                middle = (at[0] + (at[1] - at[0]) / 2).replace(microsecond=0)
                at[offset(middle) != old] = middle
            yield at[1]


@st.composite
def near_changes(draw: st.DrawFn) -> tuple[datetime, ZoneInfo]:
    """Instants within hours or two days of a change of the clocks, where a zone has any."""
    tz, about = draw(ZONES), draw(INSTANTS)
    change = next(changes(tz, about, 400), about)
    return change + timedelta(minutes=draw(st.integers(-200, 200) | st.integers(-2_880, 2_880))), tz


@st.composite
def near_hours(draw: st.DrawFn) -> tuple[datetime, QuietHours, ZoneInfo]:
    """The same with hours of which each end may be close to that time of day."""
    now, tz = draw(near_changes())

    def clock() -> time:
        by = timedelta(minutes=draw(st.integers(-150, 150) | st.integers(0, 1_439)))
        return (now.astimezone(tz).replace(tzinfo=None) + by).time()

    start, end = f"{clock():%H:%M}", f"{clock():%H:%M}"
    assume(start != end)
    return now, QuietHours(start, end), tz


@given(near_changes(), MINUTES, WEEKDAYS)
def test_the_next_one_is_in_the_future_on_its_day_at_its_time(
    near: tuple[datetime, ZoneInfo], clock: time, days: tuple[int, ...]
) -> None:
    after, tz = near
    found = next_local(after, clock, days, tz)
    there = found.astimezone(tz)
    assert after < found
    if there.time() == clock:
        assert not days or there.weekday() in days
        return
    just_before = (found - timedelta(microseconds=1)).astimezone(tz)
    left_out = [
        day
        for day in (just_before.date(), there.date())
        if just_before.replace(tzinfo=None) < datetime.combine(day, clock) < there.replace(tzinfo=None)
    ]
    assert any(not days or day.weekday() in days for day in left_out), "the first minute after the gap"


@given(near_changes(), MINUTES, WEEKDAYS)
def test_no_earlier_one_is_passed_over(
    near: tuple[datetime, ZoneInfo], clock: time, days: tuple[int, ...]
) -> None:
    after, tz = near
    found = next_local(after, clock, days, tz)
    day = after.astimezone(tz).date() - timedelta(days=1)
    while day <= found.astimezone(tz).date():
        exists = at_local(day, time(12), tz).astimezone(tz).date() == day
        fits = exists and (not days or day.weekday() in days)
        assert not (fits and after < at_local(day, clock, tz) < found)
        day += timedelta(days=1)


@given(near_changes(), st.timedeltas(timedelta(0), timedelta(days=9)), MINUTES, WEEKDAYS)
def test_whoever_comes_later_goes_on_no_earlier(
    near: tuple[datetime, ZoneInfo], later: timedelta, clock: time, days: tuple[int, ...]
) -> None:
    after, tz = near
    assert next_local(after, clock, days, tz) <= next_local(after + later, clock, days, tz)


@settings(max_examples=250)
@given(near_hours())
def test_quiet_hours_last_until_their_end_and_no_longer(near: tuple[datetime, QuietHours, ZoneInfo]) -> None:
    now, rule, tz = near
    until = quiet_until(now, rule, tz)
    if until is None:
        return
    assert now < until
    assert quiet_until(until, rule, tz) is None
    for part in (0.0, 0.3, 0.7, 1.0):
        moment = max(now, now + (until - now) * part - timedelta(microseconds=1))
        assert quiet_until(moment, rule, tz) == until


@settings(max_examples=400)
@given(near_hours())
def test_what_the_wall_clock_calls_quiet_is_quiet(near: tuple[datetime, QuietHours, ZoneInfo]) -> None:
    now, rule, tz = near
    until = quiet_until(now, rule, tz)
    assert until or not within(now, rule, tz)
    if until is None:
        return
    assert not within(until, rule, tz)
    for part in range(50):
        moment = now + (until - now) * (part / 50)
        assert within(moment, rule, tz) or comes_twice(moment, tz), "only the doubled hour is quiet besides"


@settings(max_examples=250)
@given(near_hours(), st.timedeltas(timedelta(0), timedelta(hours=30)))
def test_whoever_comes_later_is_written_to_no_earlier(
    near: tuple[datetime, QuietHours, ZoneInfo], later: timedelta
) -> None:
    now, rule, tz = near
    assert (quiet_until(now, rule, tz) or now) <= (quiet_until(now + later, rule, tz) or now + later)


def within(instant: datetime, rule: QuietHours, tz: ZoneInfo) -> bool:
    """By the clock on the wall alone."""
    start, end = time.fromisoformat(rule.start), time.fromisoformat(rule.end)
    clock = instant.astimezone(tz).time()
    return start <= clock < end if start < end else clock >= start or clock < end


def comes_twice(instant: datetime, tz: ZoneInfo) -> bool:
    local = instant.astimezone(tz)
    return local.replace(fold=0).utcoffset() != local.replace(fold=1).utcoffset()


@pytest.mark.parametrize(
    ("hours", "now", "until"),
    [
        (("21:00", "01:30"), "2026-11-01T05:10", "2026-11-01T06:30"),  # the first 01:10
        (("21:00", "01:30"), "2026-11-01T05:45", "2026-11-01T06:30"),  # the first 01:45
        (("21:00", "01:30"), "2026-11-01T06:10", "2026-11-01T06:30"),  # the second 01:10
        (("21:00", "01:30"), "2026-11-01T06:30", None),
        (("01:30", "08:00"), "2026-11-01T05:29", None),
        (("01:30", "08:00"), "2026-11-01T05:30", "2026-11-01T13:00"),
        (("01:30", "08:00"), "2026-11-01T06:10", "2026-11-01T13:00"),  # the second 01:10
        (("21:00", "02:00"), "2026-11-01T04:00", "2026-11-01T07:00"),  # there is but one 02:00
    ],
)
def test_the_night_with_one_hour_twice_is_quiet_in_both(
    hours: tuple[str, str], now: str, until: str | None
) -> None:
    found = quiet_until(utc(now), QuietHours(*hours), ZoneInfo("America/New_York"))
    assert found == (utc(until) if until else None)


def test_where_midnight_comes_twice_the_hours_of_tomorrow_have_begun() -> None:
    newfoundland = ZoneInfo("America/St_Johns")  # on 2010-11-07 at 00:01 clocks were put back to 23:01
    for now in ("2010-11-07T02:30", "2010-11-07T02:45", "2010-11-07T03:40"):  # 00:00, 23:15, 00:10
        found = quiet_until(utc(now), QuietHours("00:00", "08:00"), newfoundland)
        assert found == utc("2010-11-07T11:30")


def test_a_night_in_which_a_day_is_left_out_is_one_night() -> None:
    apia = ZoneInfo("Pacific/Apia")  # there was no Friday 2011-12-30
    for hour in (7, 12, 17):  # from Thursday 21:00 on
        now = utc("2011-12-30T00:00") + timedelta(hours=hour)
        assert quiet_until(now, QuietHours("21:00", "08:00"), apia) == utc("2011-12-30T18:00")


@given(st.dates(date(2020, 1, 1), date(2035, 12, 31)), MINUTES, MINUTES)
def test_where_no_clock_changes_the_hours_are_plain_to_see(day: date, clock: time, start: time) -> None:
    tz = ZoneInfo("Asia/Kolkata")
    now = datetime.combine(day, clock, tz)
    end = (datetime.combine(day, start) + timedelta(hours=9)).time()
    quiet = start <= clock < end if start < end else clock >= start or clock < end
    rule = QuietHours(f"{start:%H:%M}", f"{end:%H:%M}")
    assert (quiet_until(now.astimezone(UTC), rule, tz) is not None) == quiet


@pytest.mark.parametrize(
    ("after", "expected"),
    [
        ("2026-06-01T23:30", "2026-06-02T00:00"),  # Monday 19:30 there
        ("2026-06-02T00:00", "2026-06-09T00:00"),  # Monday 20:00 there, on the dot
        ("2026-06-02T00:30", "2026-06-09T00:00"),  # Monday 20:30 there: a week from now, not today
        ("2026-06-01T12:00", "2026-06-02T00:00"),  # Monday morning there
        ("2026-01-05T12:00", "2026-01-06T01:00"),  # in winter an hour later in UTC
    ],
)
def test_monday_evening_in_new_york_is_tuesday_in_utc(after: str, expected: str) -> None:
    assert next_local(utc(after), time(20), MONDAY, ZoneInfo("America/New_York")) == utc(expected)


@pytest.mark.parametrize(
    ("name", "left_out"),
    [
        ("Pacific/Apia", date(2011, 12, 30)),
        ("Pacific/Fakaofo", date(2011, 12, 30)),
        ("Pacific/Kanton", date(1994, 12, 31)),
        ("Pacific/Kiritimati", date(1994, 12, 31)),
        ("Pacific/Kwajalein", date(1993, 8, 21)),
    ],
)
@pytest.mark.parametrize("clock", [time(0), time(9), time(23, 59)])
def test_a_day_that_a_zone_never_had_is_passed_over(name: str, left_out: date, clock: time) -> None:
    tz = ZoneInfo(name)
    eve = datetime.combine(left_out - timedelta(days=1), time(23, 59, 30), tz).astimezone(UTC)
    weekday = (left_out.weekday(),)
    assert next_local(eve, clock, weekday, tz) == at_local(left_out + timedelta(days=7), clock, tz)
    assert next_local(eve, clock, (), tz) == at_local(left_out + timedelta(days=1), clock, tz)


@pytest.mark.parametrize(
    ("name", "night", "asked"),
    [
        ("America/Nuuk", date(2031, 3, 29), time(23, 30)),
        ("America/Nuuk", date(2031, 3, 29), time(23, 0)),
        ("America/Scoresbysund", date(2026, 3, 28), time(23, 59)),
        ("Asia/Pyongyang", date(2018, 5, 4), time(23, 45)),
    ],
)
def test_a_time_left_out_before_midnight_comes_at_midnight(name: str, night: date, asked: time) -> None:
    tz = ZoneInfo(name)
    midnight = datetime.combine(night + timedelta(days=1), time(0), tz).astimezone(UTC)
    for hours in (1, 23):
        for days in ((), (night.weekday(),)):
            assert next_local(midnight - timedelta(hours=hours), asked, days, tz) == midnight
    assert next_local(midnight, asked, (), tz) == at_local(night + timedelta(days=1), asked, tz)
    assert next_local(midnight, asked, (night.weekday(),), tz) == at_local(
        night + timedelta(days=7), asked, tz
    )


@pytest.mark.parametrize(
    ("name", "day", "asked", "expected"),
    [
        ("Australia/Lord_Howe", date(2026, 10, 4), time(2, 15), "02:30"),  # half an hour is missing
        ("America/New_York", date(2026, 3, 8), time(2, 30), "03:00"),
        ("Europe/Stockholm", date(2026, 3, 29), time(2, 0), "03:00"),
        ("Africa/Cairo", date(2026, 4, 24), time(0, 20), "01:00"),  # at midnight
    ],
)
def test_a_time_that_does_not_exist_becomes_the_first_one_after_it(
    name: str, day: date, asked: time, expected: str
) -> None:
    there = at_local(day, asked, ZoneInfo(name)).astimezone(ZoneInfo(name))
    assert (there.date(), f"{there:%H:%M:%S}") == (day, f"{expected}:00")


@pytest.mark.parametrize(
    ("name", "day", "asked", "first"),
    [
        ("America/New_York", date(2026, 11, 1), time(1, 30), "2026-11-01T05:30"),
        ("Australia/Lord_Howe", date(2026, 4, 5), time(1, 45), "2026-04-04T14:45"),
    ],
)
def test_a_time_that_comes_twice_is_the_first_and_only_that(
    name: str, day: date, asked: time, first: str
) -> None:
    tz = ZoneInfo(name)
    assert at_local(day, asked, tz) == utc(first)
    between = utc(first) + timedelta(minutes=10)
    assert next_local(between, asked, (), tz).astimezone(tz).date() == day + timedelta(days=1)


def test_every_change_of_every_zone() -> None:
    """A time left out is moved to the change itself; one that comes twice is found both times."""
    for change, tz in all_changes():
        before = (change - timedelta(seconds=1)).astimezone(tz).replace(tzinfo=None) + timedelta(seconds=1)
        after = change.astimezone(tz).replace(tzinfo=None)
        low, high = min(before, after).replace(fold=0), max(before, after)
        for local in (low, low + (high - low) / 2, high - timedelta(seconds=1)):
            found = at_local(local.date(), local.time(), tz)
            if before < after:
                assert found == change, (tz.key, local)
                continue
            assert found == change - (before - local), (tz.key, local)
            second = at_local(local.date(), local.time().replace(fold=1), tz)
            assert second == change + (local - after), (tz.key, local)


def all_changes() -> Iterator[tuple[datetime, ZoneInfo]]:
    """From 1970 to 2037; zones that have always agreed count once."""
    midnights = [datetime(1970, 1, 1) + timedelta(days=day) for day in range(68 * 365 + 17)]  # noqa: DTZ001
    seen = set()
    for tz in map(ZoneInfo, ZONE_NAMES):
        offsets = tuple(map(tz.utcoffset, midnights))
        found: list[datetime] = []
        for midnight, (old, new) in zip(midnights, pairwise(offsets), strict=False):
            if old != new:
                found += changes(tz, midnight.replace(tzinfo=UTC) - timedelta(days=1), 4)
        if (agreed := hash((offsets, *found))) not in seen:
            seen.add(agreed)
            yield from ((change, tz) for change in found)


@pytest.mark.parametrize("name", ["", "Mars/Olympus", "../../etc/passwd", "Europe/Stockholm\0", "x" * 500])
def test_what_is_no_zone_is_none(name: str) -> None:
    assert zone(name) is None
