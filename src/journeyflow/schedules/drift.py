"""What is different between a schedule that is wanted and the one that Temporal has."""

from typing import Any

from temporalio.client import (
    Schedule,
    ScheduleActionStartWorkflow,
    ScheduleDescription,
    SchedulePolicy,
    ScheduleSpec,
)

from journeyflow.schedules.wanted import Wanted
from journeyflow.workflows.contracts import JOURNEYS_QUEUE

PAUSED = "was paused by hand"
_MARK = "wanted"  # in the memo of what is started: the digest of what was wanted when it was made


def schedule_of(one: Wanted) -> Schedule:
    return Schedule(
        action=ScheduleActionStartWorkflow(
            one.workflow,
            args=one.arguments,
            id=one.workflow_id,
            task_queue=JOURNEYS_QUEUE,
            memo={_MARK: one.digest},
        ),
        spec=one.spec,
        policy=SchedulePolicy(overlap=one.overlap, catchup_window=one.catch_up),
    )


async def drift(one: Wanted, there: ScheduleDescription) -> list[str]:
    """Each difference as a clause about the schedule: who made it, somebody by hand or the programme."""
    started = await _started(there)
    schedule = there.schedule
    late = (schedule.policy.overlap, schedule.policy.catchup_window, schedule.policy.pause_on_failure)
    same = {
        "its timetable": _times(schedule.spec) == _times(one.spec),
        "what it starts": started[1:] == (one.workflow, one.workflow_id, JOURNEYS_QUEUE, list(one.arguments)),
        "how it catches up": late == (one.overlap, one.catch_up, False),
        "the number of its runs": not schedule.state.limited_actions,
    }
    how = "was changed by hand" if started[0] in ("", one.digest) else "is another one now"
    changed = [f"{what} {how}" for what, is_same in same.items() if not is_same]
    return [PAUSED, *changed] if schedule.state.paused else changed


async def _started(there: ScheduleDescription) -> tuple[Any, ...]:
    """The mark, the workflow, its id, queue and arguments."""
    action = there.schedule.action
    assert isinstance(action, ScheduleActionStartWorkflow)  # Temporal knows no other kind
    decode = there.data_converter.decode
    mark = (action.memo or {}).get(_MARK)
    [marked] = await decode([mark]) if mark is not None else [""]
    return marked, action.workflow, action.id, action.task_queue, await decode(list(action.args))


def _times(spec: ScheduleSpec) -> tuple[Any, ...]:
    """As Temporal gives it back, in which a few defaults are written otherwise than they were sent."""
    return (
        list(spec.calendars),
        [(one.every, one.offset) for one in spec.intervals],
        list(spec.cron_expressions),
        list(spec.skip),
        (spec.start_at, spec.end_at, spec.jitter),
        spec.time_zone_name,
    )
