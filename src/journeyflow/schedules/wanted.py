"""The schedules that the programme in force needs in Temporal."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import assert_never

from sqlalchemy import select
from temporalio.client import ScheduleIntervalSpec, ScheduleOverlapPolicy, ScheduleSpec

from journeyflow.digests import digest
from journeyflow.engine.best_hours import best_times
from journeyflow.engine.programme import Programme
from journeyflow.engine.sweep import CATCH_UP
from journeyflow.plan import (
    EnterByDate,
    EnterByEvent,
    EnterByHand,
    EnterBySchedule,
    EnterBySegment,
    Plan,
    Split,
)
from journeyflow.policy import Policy
from journeyflow.schedules.calendars import calendars, everywhere
from journeyflow.store.database import Store
from journeyflow.store.programme import journeys

RECONCILED = ("email", "sms")  # channels; webhooks are tried again until they are answered
_NIGHTLY = "30 3 * * *"


@dataclass(frozen=True, slots=True)
class Wanted:
    id: str
    what: str  # in a user's words
    workflow: str
    spec: ScheduleSpec
    catch_up: timedelta  # how late it may start after Temporal was down
    arguments: tuple[str, ...] = ()
    # BUFFER_ONE where a run that is skipped would be missed: it asks once, at its beginning, what is due.
    overlap: ScheduleOverlapPolicy = ScheduleOverlapPolicy.SKIP

    @property
    def workflow_id(self) -> str:
        return "-".join([self.workflow.lower(), *self.arguments])

    @property
    def digest(self) -> str:
        return digest(asdict(self))


async def wanted_now(store: Store, programme: Programme) -> list[Wanted]:
    """Of the programme that was applied last. A journey that is paused keeps its own."""
    async with store.reading() as connection:
        query = select(journeys.c.version_id).where(journeys.c.enabled).order_by(journeys.c.name)
        versions = (await connection.execute(query)).scalars().all()
        plans = [await programme.plan(connection, version) for version in versions]
        return wanted(plans, await programme.policy(connection))


def wanted(plans: Iterable[Plan], policy: Policy) -> list[Wanted]:
    zone = policy.defaults.timezone
    known = list(plans)
    found = [_of_journey(plan, zone) for plan in known]
    return [one for one in found if one is not None] + _of_programme(policy, zone) + _of_steps(known, zone)


def _of_journey(plan: Plan, zone: str) -> Wanted | None:
    entry, what = plan.enter, f"lets customers into {plan.journey}"
    match entry:
        case EnterBySchedule():
            spec = ScheduleSpec(calendars=calendars(entry.cron), time_zone_name=zone)
            return _sweep(plan.journey, f"{what}: {entry.cron}, {zone}", spec)
        case EnterByDate():
            spec = ScheduleSpec(calendars=everywhere(entry.at), time_zone_name="UTC")
            return _sweep(plan.journey, f"{what}: at {entry.at} where they live", spec)
        case EnterByEvent() | EnterBySegment() | EnterByHand():
            return None
        case _:
            assert_never(entry)


def _sweep(journey: str, what: str, spec: ScheduleSpec) -> Wanted:
    return Wanted(
        f"sweep-{journey}", what, "Sweep", spec, CATCH_UP, (journey,), ScheduleOverlapPolicy.BUFFER_ONE
    )


def _of_steps(plans: Sequence[Plan], zone: str) -> list[Wanted]:
    found = []
    if any(isinstance(step, Split) and step.metric for plan in plans for step in plan.steps):
        what = "ends experiments whose rule is met, and shares out bandits"
        found.append(Wanted("experiments", what, "Decide", _each(timedelta(hours=1)), timedelta(hours=1)))
    if best_times(plans):
        what = "counts at which hours customers act"
        found.append(Wanted("best-hours", what, "BestHours", _nightly(zone), CATCH_UP))
    return found


def _of_programme(policy: Policy, zone: str) -> list[Wanted]:
    hour, minute = timedelta(hours=1), timedelta(minutes=1)
    hourly = _each(hour, offset=7 * minute)  # when most journeys' own sweeps are done
    found = [
        Wanted("sweeps", "makes up for entries that were missed", "Sweep", hourly, CATCH_UP),
        Wanted("segments", "asks segments that depend on time", "Refresh", _each(minute), minute),
        Wanted("purges", "removes what retention says", "Purge", _each(24 * hour), 24 * hour),
    ]
    for channel in RECONCILED:
        what = f"asks after messages by {channel} of which nobody knows"
        spec = _each(5 * minute)
        found.append(Wanted(f"reconcile-{channel}", what, "Reconcile", spec, 5 * minute, (channel,)))
    if policy.purchases is not None:
        found.append(Wanted("rfm", "computes classes from purchases", "Rfm", _nightly(zone), CATCH_UP))
    return found


def _nightly(zone: str) -> ScheduleSpec:
    return ScheduleSpec(calendars=calendars(_NIGHTLY), time_zone_name=zone)


def _each(every: timedelta, offset: timedelta | None = None) -> ScheduleSpec:
    return ScheduleSpec(intervals=[ScheduleIntervalSpec(every=every, offset=offset)])
