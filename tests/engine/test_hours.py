"""When the hours of the policy let messages out: by weekday, holiday, country and window."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from journeyflow import countries
from journeyflow.engine.hours import Hours, Place, public_holidays
from journeyflow.language.presets import PRESETS
from journeyflow.policy import Policy, QuietHours
from tests.engine.programmes import World, keys
from tests.engine.test_gate import sends
from tests.journeys.writing import POLICY

UTC_ZONE = ZoneInfo("UTC")
STOCKHOLM = "Europe/Stockholm"


def hours(*quiet: QuietHours, windows: tuple[QuietHours, ...] = ()) -> Hours:
    return Hours.of(Policy(quiet_hours=quiet, send_windows=windows), "sms", "marketing", UTC_ZONE)


def preset(*names: str) -> Hours:
    chosen = [PRESETS[name] for name in names]
    quiet = tuple(rule for one in chosen for rule in one.quiet_hours)
    return Hours.of(Policy(quiet_hours=quiet), "sms", "marketing", UTC_ZONE)


def until(rules: Hours, now: str, zone: str | None = None, country: str | None = None) -> str | None:
    """Local times there and back, for whoever reads the test."""
    tz = ZoneInfo(zone) if zone else UTC_ZONE
    closed = rules.closed(
        Place(zone, country), datetime.fromisoformat(now).replace(tzinfo=tz).astimezone(UTC)
    )
    return closed.until.astimezone(tz).strftime("%a %d %H:%M") if closed else None


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        ("2031-05-10T21:59", None),  # Saturday
        ("2031-05-10T22:00", "Mon 12 08:00"),  # the night, then Sunday, then its night
        ("2031-05-11T00:00", "Mon 12 08:00"),
        ("2031-05-11T23:59", "Mon 12 08:00"),
        ("2031-05-12T07:59", "Mon 12 08:00"),
        ("2031-05-12T08:00", None),
    ],
)
def test_rules_that_follow_each_other_are_one_closed_time(now: str, expected: str | None) -> None:
    rules = hours(QuietHours("22:00", "08:00"), QuietHours(days=(6,)))
    assert until(rules, now, STOCKHOLM) == expected


def test_a_rule_with_days_holds_when_it_begins_on_one() -> None:
    rules = hours(QuietHours("20:00", "10:00", days=(5,)))
    assert until(rules, "2031-05-11T09:59", STOCKHOLM) == "Sun 11 10:00", "Saturday's night"
    assert until(rules, "2031-05-10T09:59", STOCKHOLM) is None, "Friday's"


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        ("2031-07-14T12:00", "Tue 15 08:00"),  # the national day
        ("2031-07-15T12:00", None),
        ("2031-07-13T12:00", "Tue 15 08:00"),  # a Sunday before it
        ("2031-07-12T20:00", "Tue 15 08:00"),
        ("2031-07-15T07:59", "Tue 15 08:00"),
    ],
)
def test_france_has_sundays_and_holidays(now: str, expected: str | None) -> None:
    assert until(preset("france"), now, "Europe/Paris", "FR") == expected
    assert until(preset("france"), now, "Europe/Paris") == expected, "by the timezone"
    assert until(preset("france"), now, "Europe/Berlin", "DE") is None


@pytest.mark.parametrize(
    ("now", "country", "expected"),
    [
        ("2031-05-09T08:30", "US", "Fri 09 09:00"),
        ("2031-05-09T20:00", "US", "Sat 10 09:00"),
        ("2031-05-11T11:59", "US", "Sun 11 12:00"),
        ("2031-05-10T22:00", "US", "Sun 11 12:00"),
        ("2031-05-11T12:00", "US", None),
        ("2031-05-11T10:00", "US-FL", "Sun 11 12:00"),  # what holds for the country holds for its parts
        ("2031-05-09T08:30", "CA", None),
    ],
)
def test_the_united_states(now: str, country: str, expected: str | None) -> None:
    assert until(preset("us", "us-florida"), now, "America/New_York", country) == expected


def test_presets_for_one_part_leave_the_others_alone() -> None:
    assert until(preset("us-florida"), "2031-05-09T07:00", "America/New_York", "US-NY") is None
    assert until(preset("us-florida"), "2031-05-09T07:00", "America/New_York", "US-FL") == "Fri 09 08:00"


def test_without_a_zone_every_zone_of_the_country_has_to_allow_it() -> None:
    rules = preset("us")
    for moment in (datetime(2031, 5, 8, tzinfo=UTC) + timedelta(minutes=30 * n) for n in range(96)):
        closed = rules.closed(Place(None, "US"), moment)
        anywhere = [rules.closed(Place(tz.key, "US"), moment) for tz in countries.zones("US")]
        assert bool(closed) == any(anywhere), moment
        if closed:
            assert not any(rules.closed(Place(tz.key, "US"), closed.until) for tz in countries.zones("US"))


def test_where_no_time_suits_all_zones_the_default_decides() -> None:
    narrow = hours(QuietHours("10:00", "09:00"))  # one hour a day, and Russia has eleven zones
    assert len(countries.zones("RU")) > 10
    for hour in range(24):
        moment = datetime(2031, 5, 8, hour, tzinfo=UTC)
        closed, here = (
            narrow.closed(Place(None, "RU"), moment),
            narrow.closed(Place("UTC"), moment),
        )
        assert (closed and closed.until) == (here and here.until)


def test_a_country_with_one_zone_is_as_good_as_a_zone() -> None:
    rules = hours(QuietHours("21:00", "08:00"))
    moment = datetime(2031, 1, 8, 20, 30, tzinfo=UTC)  # 21:30 in Sweden, 20:30 in the default zone
    assert rules.closed(Place(None, "SE"), moment) is not None
    assert rules.closed(Place(None, None), moment) is None


WORK = (
    QuietHours("09:00", "17:00", "sms", days=(0, 1, 2, 3, 4)),
    QuietHours("10:00", "14:00", "sms", days=(5,)),
)


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        ("2031-05-09T08:59", "Fri 09 09:00"),
        ("2031-05-09T09:00", None),
        ("2031-05-09T17:00", "Sat 10 10:00"),
        ("2031-05-10T14:00", "Mon 12 09:00"),
    ],
)
def test_send_windows_are_the_only_times(now: str, expected: str | None) -> None:
    assert until(hours(windows=WORK), now, STOCKHOLM) == expected
    other = Hours.of(Policy(send_windows=WORK), "email", "marketing", UTC_ZONE)
    assert until(other, now, STOCKHOLM) is None


def test_quiet_hours_cut_into_a_send_window() -> None:
    rules = hours(QuietHours("09:00", "10:30"), windows=WORK)
    assert until(rules, "2031-05-09T08:00", STOCKHOLM) == "Fri 09 10:30"


def test_a_rule_for_one_category() -> None:
    policy = Policy(quiet_hours=(QuietHours("00:00", "12:00", category="marketing"),))
    for category, expected in (("marketing", True), ("service", False)):
        rules = Hours.of(policy, "sms", category, UTC_ZONE)
        assert bool(rules.closed(Place("UTC"), datetime(2031, 5, 9, 8, tzinfo=UTC))) is expected


def test_holidays_of_a_part_and_of_nowhere() -> None:
    assert len(public_holidays("DE-BY", 2031)) > len(public_holidays("DE", 2031))
    assert public_holidays("ZZ", 2031) == frozenset()


CLOCKS = st.integers(0, 23).map(lambda hour: f"{hour:02}:30")
RULES = st.builds(
    QuietHours,
    CLOCKS,
    st.integers(0, 23).map(lambda hour: f"{hour:02}:00"),
    st.sampled_from([None, "sms"]),
    st.none(),
    st.sampled_from([None, "FR", "US"]),
    st.sets(st.integers(0, 6), max_size=3).map(tuple),
)
PLACES = st.sampled_from(
    [
        Place("Europe/Paris"),
        Place("America/New_York", "US"),
        Place(None, "US"),
        Place("Australia/Lord_Howe"),
        Place(None, None),
    ]
)


@settings(max_examples=150, deadline=None)
@given(
    st.lists(RULES, max_size=3),
    PLACES,
    st.datetimes(datetime(2030, 1, 1), datetime(2032, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
)
def test_what_is_open_at_the_end_is_open_and_nothing_before_it(
    rules: list[QuietHours], place: Place, now: datetime
) -> None:
    found = hours(*rules)
    closed = found.closed(place, now)
    if closed is not None and closed.until - now < timedelta(days=14):
        assert closed.until > now
        assert found.closed(place, closed.until) is None
        between = now + (closed.until - now) / 2
        later = found.closed(place, between)
        assert later is not None
        assert later.until == closed.until


async def test_what_was_held_leaves_over_a_while(sqlite_world: World) -> None:
    world = sqlite_world
    policy = POLICY.replace("spread: none", "spread: 10 minutes")
    policy += '    quiet_hours: [{channel: sms, from: "21:00", to: "08:00"}]\n'
    world.now = datetime(2031, 5, 7, 23, tzinfo=UTC)
    await world.apply(sends(), policy=policy)
    await world.customers(*keys(200))
    await world.enter(*keys(200), name="began-sends")
    moments = sorted({row.wake_at for key in keys(200) for row in await world.enrollments(key)})
    opening = datetime(2031, 5, 8, 8, tzinfo=UTC)
    assert len(moments) == 10
    assert {after - before for before, after in pairwise(moments)} == {timedelta(minutes=1)}
    assert moments[0] == opening


async def test_nobody_is_spread_into_the_next_closed_time(sqlite_world: World) -> None:
    world = sqlite_world
    policy = POLICY.replace("spread: none", "spread: 2 hours")
    policy += '    send_windows: [{channel: sms, from: "08:00", to: "08:30"}]\n'
    world.now = datetime(2031, 5, 7, 23, tzinfo=UTC)
    await world.apply(sends(), policy=policy)
    await world.customers(*keys(50))
    await world.enter(*keys(50), name="began-sends")
    moments = {row.wake_at for key in keys(50) for row in await world.enrollments(key)}
    opening = datetime(2031, 5, 8, 8, tzinfo=UTC)
    assert {opening} < moments
    assert max(moments) < opening + timedelta(minutes=30)
    assert (await world.messages("c0"))[0].reason == "send-window"


@pytest.mark.parametrize(
    ("zone", "country"),
    [
        ("US/Eastern", None),  # an older name
        ("America/Puerto_Rico", None),  # a territory with a code of its own
        (None, "US-NY"),
        (None, "PR"),
    ],
)
def test_a_rule_for_a_country_finds_everybody_there(zone: str | None, country: str | None) -> None:
    assert preset("us").closed(Place(zone, country), datetime(2031, 5, 9, 7, tzinfo=UTC)) is not None


def test_where_nothing_is_known_the_programmes_own_zone_tells_the_country() -> None:
    quiet = PRESETS["france"].quiet_hours
    policy = Policy(quiet_hours=quiet)
    at_noon = datetime(2031, 5, 11, 10, tzinfo=UTC)  # a Sunday
    paris = Hours.of(policy, "sms", "marketing", ZoneInfo("Europe/Paris"))
    assert paris.closed(Place(None), at_noon) is not None
    assert paris.closed(Place("Asia/Tokyo"), at_noon) is None
    assert Hours.of(policy, "sms", "marketing", UTC_ZONE).closed(Place(None), at_noon) is None


def test_a_part_without_holidays_of_its_own_has_those_of_the_country() -> None:
    assert public_holidays("FR-75", 2031) == public_holidays("FR", 2031)
    assert until(preset("france"), "2031-07-14T12:00", "Europe/Paris", "FR-75") == "Tue 15 08:00"
