"""The windows against customers who travel the plan by the rules, one step after the other."""

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from random import Random
from typing import assert_never
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from journeyflow.conditions import Consent, EventMatch
from journeyflow.engine.hours import Hours, Place
from journeyflow.engine.local_time import next_local
from journeyflow.errors import PlanError
from journeyflow.plan import (
    Arm,
    Branch,
    End,
    EnterByEvent,
    HandOver,
    IfCapped,
    Plan,
    Send,
    Split,
    Step,
    Update,
    Wait,
    WaitBestTime,
    WaitFor,
    WaitUntil,
    WaitUntilDate,
    Webhook,
)
from journeyflow.policy import Cap, Category, Policy, QuietHours
from journeyflow.preview.moments import Window, windows
from tests.preview.plans import plans

POLICY = Policy(
    spread=0,
    categories={
        "marketing": Category(),
        "transactional": Category(consent="not-required", caps="exempt", quiet_hours="exempt"),
    },
    caps=(Cap(1, 86_400, category="marketing"),),
    quiet_hours=(
        QuietHours("21:00", "08:00", "sms"),
        QuietHours("07:00", "09:30"),
        QuietHours("22:30", "01:30", "email"),  # begins and ends where hours come twice or not at all
    ),
)
ZONES = st.sampled_from(
    ["UTC", "Europe/Stockholm", "America/New_York", "America/Nuuk", "Australia/Lord_Howe", "Pacific/Apia"]
).map(ZoneInfo)
# Around the changes of the clocks, and where Apia left out a day.
DAYS = [
    datetime(2026, 3, 7, tzinfo=UTC),
    datetime(2026, 3, 28, tzinfo=UTC),
    datetime(2026, 10, 24, tzinfo=UTC),
    datetime(2026, 10, 31, tzinfo=UTC),
    datetime(2011, 12, 29, tzinfo=UTC),
]
ENTRIES = st.builds(
    lambda day, seconds: day + timedelta(seconds=seconds), st.sampled_from(DAYS), st.integers(0, 3 * 86_400)
)

SPREAD = 300
NO_LIMIT = timedelta(days=400)  # more than any plan here can wait elsewhere

# What a customer may do at a step who comes there at some moment: when it happens (None: it does not),
# when they go on, and where to.
Choice = tuple[datetime | None, datetime, int]


def choices(
    step: Step, plan: Plan, tz: ZoneInfo, now: datetime, delays: Callable[[int], Iterable[int]]
) -> list[Choice]:
    """`delays` gives how long something with a most (in seconds) takes."""
    match step:
        case Send():
            sent = _awake(step, plan, tz, now, delays)
            if step.if_capped.do == "wait" and plan.category == "marketing":
                waits = delays(step.if_capped.up_to or 0)
                later = [max(sent[0], now + timedelta(seconds=s)) for s in waits]
                sent += [left for moment in later for left in _awake(step, plan, tz, moment, delays)]
            return [(None, now, step.next), *((moment, moment, step.next) for moment in sent)]
        case Wait() | WaitUntil() | WaitUntilDate() | WaitBestTime() | WaitFor():
            return [_passing(moment, to) for moment, to in ends(step, tz, now, delays)]
        case Branch():
            return [_passing(now, to) for to in (*(arm.to for arm in step.arms), step.otherwise)]
        case Split():
            held_out = [_passing(now, len(plan.steps) - 1)] if step.holdout else []
            return [*(_passing(now, variant.to) for variant in step.variants), *held_out]
        case Update() | HandOver() | Webhook():
            return [_passing(now, step.next)]
        case End():
            return []
        case _:
            assert_never(step)


def ends(
    step: Wait | WaitUntil | WaitUntilDate | WaitBestTime | WaitFor,
    tz: ZoneInfo,
    now: datetime,
    delays: Callable[[int], Iterable[int]],
) -> list[tuple[datetime, int]]:
    """When a wait that begins now may end, and where to go then."""
    match step:
        case Wait():
            return [(now + timedelta(seconds=step.seconds), step.next)]
        case WaitUntil():
            return [(next_local(now, time.fromisoformat(step.at), step.days, tz), step.next)]
        case WaitUntilDate():
            return [(now + timedelta(seconds=s), step.next) for s in delays(int(NO_LIMIT.total_seconds()))]
        case WaitBestTime():
            otherwise = next_local(now, time.fromisoformat(step.at), (), tz)
            within = [now + timedelta(seconds=s) for s in delays(step.within)]
            return [(moment, step.next) for moment in (otherwise, *within)]
        case WaitFor():
            woken = [(now + timedelta(seconds=s), step.then) for s in delays(step.timeout)]
            return [*woken, (now + timedelta(seconds=step.timeout), step.otherwise)]


def _passing(moment: datetime, to: int) -> Choice:
    return (moment, moment, to)


def _awake(
    step: Send, plan: Plan, tz: ZoneInfo, now: datetime, delays: Callable[[int], Iterable[int]]
) -> list[datetime]:
    """Who is held leaves when the hours are over, or a little later."""
    hours = Hours.of(POLICY, step.channel, plan.category, tz)
    closed = hours.closed(Place(tz.key), now) if plan.category == "marketing" else None
    return [closed.until + timedelta(seconds=s) for s in delays(SPREAD)] if closed else [now]


@settings(max_examples=60, deadline=None)
@given(plans(), ZONES, ENTRIES, st.integers(0, 2**32))
def test_nobody_is_ever_outside(plan: Plan, tz: ZoneInfo, entered: datetime, seed: int) -> None:
    chance = Random(seed)
    found = windows(plan, replace(POLICY, spread=SPREAD), tz, entered)
    for _ in range(10):
        number, now = 0, entered
        while not isinstance(step := plan.steps[number], End):
            options = choices(step, plan, tz, now, lambda most: [chance.randint(0, most)])
            happens, now, to = chance.choice(options)
            window = found[number]
            assert happens is None or _within(happens, window), step.path
            number = to
        assert _within(now, found[number])


def _within(moment: datetime, window: Window) -> bool:
    return window.earliest <= moment and (window.latest is None or moment <= window.latest)


@settings(max_examples=40, deadline=None)
@given(plans(most=6), ZONES, ENTRIES)
def test_somebody_is_there_at_both_ends(plan: Plan, tz: ZoneInfo, entered: datetime) -> None:
    """Everybody who takes as little or as much time as possible, at every step."""
    arrivals: dict[int, set[datetime]] = defaultdict(set, {0: {entered}})
    for number, (step, window) in enumerate(zip(plan.steps, windows(plan, POLICY, tz, entered), strict=True)):
        moments = set(arrivals[number]) if isinstance(step, End) else set()
        for now in arrivals[number]:
            for happens, onward, to in choices(step, plan, tz, now, _ends):
                moments |= {happens} if happens else set()
                arrivals[to].add(onward)
        latest = max(moments)
        assert min(moments) == window.earliest, step.path
        # Where a date of the customer's decides, somebody comes later than any plan alone could tell.
        assert latest == window.latest or (window.latest is None and latest - entered >= NO_LIMIT), step.path


def _ends(most: int) -> tuple[int, ...]:
    """Nobody is spread here: who is held in the middle of a window may then leave last of all."""
    return (0,) if most == SPREAD else (0, most)


def plan_of(*steps: Step) -> Plan:
    return Plan("any", "Any", "marketing", 50, EnterByEvent(EventMatch("a")), (*steps, End("end")))


NEW_YORK = ZoneInfo("America/New_York")
NIGHT = datetime(2026, 3, 8, 4, tzinfo=UTC)  # Saturday 23:00 there; the clocks go forward at 2


def test_a_message_waits_for_the_morning() -> None:
    sent, end = windows(plan_of(Send("steps/0", 1, "sms", "code")), POLICY, NEW_YORK, NIGHT)
    morning = datetime(2026, 3, 8, 13, 30, tzinfo=UTC)  # the night's rule ends within the morning's
    assert sent == Window(morning, morning)
    assert end == Window(NIGHT, morning)  # who may not get it does not wait for it


def test_whoever_comes_in_either_pass_of_a_doubled_hour_waits_for_the_end_of_the_second() -> None:
    end = datetime(2026, 11, 1, 6, 30, tzinfo=UTC)  # the second 01:30 there
    for minutes in (20, 60, 80):  # at the second 01:10, the first 01:30, the first 01:10
        entered = end - timedelta(minutes=minutes)
        sent, _ = windows(plan_of(Send("steps/0", 1, "email", "code")), POLICY, NEW_YORK, entered)
        assert sent == Window(end, end)


def test_a_message_that_waits_under_a_cap_may_find_the_next_night() -> None:
    step = Send("steps/0", 1, "sms", "code", IfCapped("wait", 86_400))
    sent, _ = windows(plan_of(step), POLICY, NEW_YORK, NIGHT)
    assert sent.latest == datetime(2026, 3, 9, 13, 30, tzinfo=UTC)


def test_no_cap_no_waiting() -> None:
    step = Send("steps/0", 1, "email", "code", IfCapped("wait", 86_400))
    for policy in (Policy(), replace(POLICY, quiet_hours=(), caps=(Cap(1, 60, "sms"),))):
        sent, _ = windows(plan_of(step), policy, NEW_YORK, NIGHT)
        assert sent == Window(NIGHT, NIGHT)


def test_a_time_that_does_not_exist_comes_as_soon_as_the_clocks_allow() -> None:
    waited, _ = windows(plan_of(WaitUntil("steps/0", 1, "02:30")), POLICY, NEW_YORK, NIGHT)
    assert waited.earliest == datetime(2026, 3, 8, 7, tzinfo=UTC)  # 03:00 in summer time


def test_paths_that_meet_span_both() -> None:
    branch = Branch("steps/0", (Arm(Consent("sms"), 2),), 1)
    *_, end = windows(plan_of(branch, Wait("steps/1", 2, 3_600)), POLICY, NEW_YORK, NIGHT)
    assert end == Window(NIGHT, NIGHT + timedelta(hours=1))


def test_a_date_of_the_customers_has_no_limit() -> None:
    plan = plan_of(WaitUntilDate("steps/0", 1, "renewal", "09:00"), Wait("steps/1", 2, 60))
    assert [window.latest for window in windows(plan, POLICY, NEW_YORK, NIGHT)] == [None] * 3


def test_a_day_of_quiet_hours_is_refused() -> None:
    policy = Policy(quiet_hours=(QuietHours("00:00", "12:00"), QuietHours("12:00", "00:00")))
    with pytest.raises(PlanError, match="steps/0: the hours leave no time"):
        windows(plan_of(Send("steps/0", 1, "sms", "code")), policy, NEW_YORK, NIGHT)


def test_what_was_held_leaves_over_a_while() -> None:
    policy = replace(POLICY, spread=SPREAD)
    sent, _ = windows(plan_of(Send("steps/0", 1, "sms", "code")), policy, NEW_YORK, NIGHT)
    morning = datetime(2026, 3, 8, 13, 30, tzinfo=UTC)
    assert sent == Window(morning, morning + timedelta(minutes=5))
    noon = NIGHT + timedelta(hours=12)
    sent, _ = windows(plan_of(Send("steps/0", 1, "sms", "code")), policy, NEW_YORK, noon)
    assert sent == Window(noon, noon)


def test_the_last_of_those_who_come_in_together_sets_out_later() -> None:
    plan = replace(plan_of(Wait("steps/0", 1, 60)), spread=7_200)
    [waited, _] = windows(plan, Policy(), NEW_YORK, NIGHT)
    assert waited == Window(NIGHT + timedelta(minutes=1), NIGHT + timedelta(minutes=121))
