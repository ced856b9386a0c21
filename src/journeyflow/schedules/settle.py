"""Making Temporal's schedules what the programme wants; those of others in the namespace are left alone."""

import asyncio
import contextlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, assert_never

from temporalio.client import (
    Client,
    ScheduleActionStartWorkflow,
    ScheduleAlreadyRunningError,
    ScheduleDescription,
    ScheduleUpdate,
)
from temporalio.service import RPCError, RPCStatusCode

from journeyflow.schedules.drift import PAUSED, drift, schedule_of
from journeyflow.schedules.wanted import Wanted
from journeyflow.workflows.contracts import JOURNEYS_QUEUE

State = Literal["right", "missing", "different", "gone", "unmarked", "taken"]

_OWNER = "store"  # in a schedule's memo: the name of the store whose programme wants it
# Such as a zone that the server does not know, or what somebody has removed in this moment.
_REFUSED = (RPCStatusCode.INVALID_ARGUMENT, RPCStatusCode.NOT_FOUND)


@dataclass(frozen=True, slots=True)
class Found:
    """One schedule that is wanted, or was.

    `gone`: it is not wanted any more. `unmarked`: a version made it that did not mark what is its own yet.
    `taken`: the id is that of somebody else's schedule.
    """

    id: str
    state: State
    wanted: Wanted | None = None
    there: ScheduleDescription | None = None
    differences: tuple[str, ...] = ()


def told(found: Found) -> str:
    """What is the matter with it; nothing when it is right."""
    match found.state:
        case "right":
            return ""
        case "missing":
            return "is not there"
        case "different":
            return " and ".join(found.differences)
        case "gone":
            return "is there, though the programme does not want it any more"
        case "unmarked":
            return "was made by an earlier version"
        case "taken":
            return "is the id of somebody else's schedule, which is left alone; remove that one"
        case _:
            assert_never(found.state)


async def look(client: Client, owner: str, wanted: Iterable[Wanted]) -> list[Found]:
    """In the order in which they are wanted, behind them those that are not wanted any more."""
    chosen = list(wanted)
    found = list(await asyncio.gather(*(_look_at(client, owner, one) for one in chosen)))
    known = {one.id for one in chosen}
    async for listed in await client.list_schedules():
        if listed.id not in known and await listed.memo_value(_OWNER, "") == owner:
            found.append(Found(listed.id, "gone"))
    return found


@dataclass(frozen=True, slots=True)
class Settled:
    found: Found
    line: str  # what was the matter, and what was done


async def settle(client: Client, owner: str, wanted: Iterable[Wanted]) -> list[Settled]:
    """Gives each schedule that was not right.

    Whoever finds a difference mends it: several may do so at once, and again after a crash.
    """
    wrong = [one for one in await look(client, owner, wanted) if one.state != "right"]
    return [Settled(one, await _mend(client, owner, one)) for one in wrong]


async def _look_at(client: Client, owner: str, one: Wanted) -> Found:
    try:
        there = await client.get_schedule_handle(one.id).describe()
    except RPCError as error:
        if error.status is not RPCStatusCode.NOT_FOUND:
            raise
        return Found(one.id, "missing", one)
    whose = await there.memo_value(_OWNER, "")
    if whose == owner:
        differences = tuple(await drift(one, there))
        return Found(one.id, "different" if differences else "right", one, there, differences)
    action = there.schedule.action
    was_ours = isinstance(action, ScheduleActionStartWorkflow) and action.task_queue == JOURNEYS_QUEUE
    return Found(one.id, "unmarked" if was_ours and not whose else "taken", one, there)


async def _mend(client: Client, owner: str, found: Found) -> str:
    try:
        return f"{found.id}: {await _mended(client, owner, found)}"
    except RPCError as error:
        if error.status not in _REFUSED:
            raise
        return f"{found.id}: Temporal refuses it ({error.message})"


async def _mended(client: Client, owner: str, found: Found) -> str:
    handle, one = client.get_schedule_handle(found.id), found.wanted
    if one is None:
        await handle.delete()
        return "removed, since the programme does not want it any more"
    match found.state:
        case "missing":
            await _make(client, owner, one)
            return "made"
        case "unmarked":
            await handle.delete()
            await _make(client, owner, one)
            return "made anew, since an earlier version had made it"
        case "different":
            await handle.update(lambda _: ScheduleUpdate(schedule_of(one)))
            return f"{told(found)}; {'running again' if found.differences == (PAUSED,) else 'put right'}"
        case "taken" | "gone" | "right":
            return told(found)
        case _:
            assert_never(found.state)


async def _make(client: Client, owner: str, one: Wanted) -> None:
    with contextlib.suppress(ScheduleAlreadyRunningError):  # another worker was faster
        await client.create_schedule(one.id, schedule_of(one), memo={_OWNER: owner})
