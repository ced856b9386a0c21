"""Recording: what came of the messages of a batch goes into the ledger, with what follows from it."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime
from typing import Any, assert_never

from sqlalchemy import Boolean, Text, and_, bindparam, case, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from journeyflow.audience.suppression import STOPPED, Reason, hold_still, suppress
from journeyflow.delivery.channels.base import Accepted, Ambiguous, Outcome, Rejected, Throttled
from journeyflow.delivery.claim import Claim
from journeyflow.delivery.progress import REPORTED
from journeyflow.engine.held import cancel_held
from journeyflow.errors import JourneyflowError
from journeyflow.store.ledger import messages
from journeyflow.store.passages import enrollments
from journeyflow.store.segments import touch_addressees


@dataclass(frozen=True, slots=True)
class Unrendered:
    """The template cannot be rendered for this customer: the enrollment ends here."""

    reason: str


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault of ours: to be raised, once what came of the whole batch is recorded."""

    error: Exception
    in_doubt: bool  # it came out of the channel, which may have handed the message over before

    @property
    def reason(self) -> str:
        """Only our own errors are known to quote nobody."""
        return str(self.error) if isinstance(self.error, JourneyflowError) else type(self.error).__name__


Result = Outcome | Unrendered | Fault
Results = list[tuple[Claim, Result]]


async def record(
    connection: AsyncConnection, channel: str, results: Results, began: datetime, now: datetime
) -> None:
    """Of the messages that the attempt which `began` then has claimed.

    What a later attempt has settled or claimed in the meantime stays as it is; only that a message was
    accepted is certain whatever the later one took it for. Its provider may have told by now how it went on.
    """
    if not results:
        return
    await _suppress(connection, channel, results, now)
    rows = [
        {"message": taken.message, "by": began, "certain": isinstance(result, Accepted)}
        | _outcome(result, now)
        for taken, result in sorted(results, key=lambda one: one[0].message)  # as others lock them
    ]
    await connection.execute(_RECORD, rows)
    await touch_addressees(connection, [taken.message for taken, _result in results])
    await _fail_enrollments(connection, results, now)


_GONE_ON = or_(
    *(messages.c.state == state for state in REPORTED),
    and_(messages.c.state == "failed", messages.c.provider_id.is_not(None)),
)
_RECORD = (
    update(messages)
    .where(messages.c.id == bindparam("message"), messages.c.claimed_by == bindparam("by"))
    .where(or_(messages.c.state == "sending", bindparam("certain", type_=Boolean)))
    .values({name: bindparam(f"new_{name}") for name in ("sent_at", "provider_id")})
    .values(
        {
            name: case((_GONE_ON, messages.c[name]), else_=bindparam(f"new_{name}", type_=Text))
            for name in ("state", "reason")
        }
    )
)


def _outcome(result: Result, now: datetime) -> dict[str, Any]:
    values: tuple[str, str | None, datetime | None, str | None]
    match result:
        case Accepted():
            values = ("sent", None, now, result.provider_id)
        case Rejected():
            values = ("failed", f"rejected: {result.code}", None, None)
        case Ambiguous():
            values = ("unknown", result.reason, now, None)
        case Throttled():
            values = ("queued", result.reason, None, None)
        case Unrendered():
            values = ("failed", result.reason, None, None)
        case Fault():
            doubt = result.in_doubt
            values = ("unknown" if doubt else "queued", result.reason, now if doubt else None, None)
        case _:
            assert_never(result)
    return dict(zip(("new_state", "new_reason", "new_sent_at", "new_provider_id"), values, strict=True))


async def _fail_enrollments(connection: AsyncConnection, results: Results, now: datetime) -> None:
    failed: dict[str, list[int]] = defaultdict(list)  # by reason
    for taken, result in results:
        if isinstance(result, Unrendered):
            failed[result.reason].append(taken.message)
    for reason, ids in failed.items():
        theirs = select(messages.c.enrollment_id).where(messages.c.id.in_(ids), messages.c.state == "failed")
        values = {"state": "failed", "reason": reason, "step": None, "wake_at": None, "ended_at": now}
        alive = (enrollments.c.id.in_(theirs), enrollments.c.state.in_(["active", "finished"]))
        ended = update(enrollments).where(*alive).values(**values).returning(enrollments.c.id)
        await cancel_held(connection, list((await connection.execute(ended)).scalars()), "failed")


async def _suppress(connection: AsyncConnection, channel: str, results: Results, now: datetime) -> None:
    told: dict[Reason, list[str]] = defaultdict(list)
    for taken, result in results:
        reason = _reason(channel, result)
        if reason is not None:
            told[reason].append(taken.to)
    for reason in sorted(told):
        await suppress(connection, channel, told[reason], reason, now)
    if not told:
        await hold_still(connection)  # for the claim that follows: now, as no row is locked yet


def _reason(channel: str, result: Result) -> Reason | None:
    """To suppress the address for."""
    if not isinstance(result, Rejected):
        return None
    if result.opted_out:
        return STOPPED
    if result.address_is_dead:
        return "unknown-number" if channel == "sms" else "bounced"
    return None
