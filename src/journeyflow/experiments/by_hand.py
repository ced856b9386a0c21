"""Ending an experiment by hand, and opening one again that has ended."""

from collections.abc import Collection
from datetime import datetime
from typing import Any

from sqlalchemy import Row, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from journeyflow.errors import JourneyflowError
from journeyflow.experiments.running import Experiment, known_experiments
from journeyflow.experiments.starting import EDITED
from journeyflow.language.problems import instead
from journeyflow.store.audit import note
from journeyflow.store.database import Store, locked
from journeyflow.store.experiments import experiments

REOPENED = "reopened"  # a key of `decision`: when


class WrongExperiment(JourneyflowError):
    """There is none of this name, or it is in no state for what is asked."""


async def decide(store: Store, name: str, winner: str, reason: str, now: datetime, actor: str) -> None:
    """All newcomers get `winner`; who was exposed keeps the arm. Raises WrongExperiment."""
    async with store.writing() as connection:
        found, row = await _find(connection, name)
        variants = [variant.name for variant in found.split.variants]
        _refuse_unknown(f'no variant of "{name}" is called "{winner}"', winner, variants)
        if row.decided_at is not None:
            how = f'was decided for "{row.winner}"' if row.winner else "has ended without a winner"
            way_out = f"open it again first: journeyflow experiment reopen {name}"
            raise WrongExperiment(f'the experiment "{name}" {how} on {row.decided_at:%Y-%m-%d}; {way_out}')
        decision = {"by": "hand", "winner": winner, "reason": reason}
        await _put(connection, name, {"winner": winner, "decided_at": now, "decision": decision})
        await note(connection, now, actor, "experiment decided", name, **decision)


async def reopen(store: Store, name: str, now: datetime, actor: str) -> bool:
    """Whether it had ended. Newcomers are shared out among the variants again, and no rule ends it any more.

    Raises WrongExperiment, also where the journey has another design by now.
    """
    async with store.writing() as connection:
        _, row = await _find(connection, name)
        if row.decided_at is None:
            return False
        if (row.decision or {}).get(EDITED):
            way_out = f"start it anew: journeyflow apply --restart-experiment {name}"
            raise WrongExperiment(f'the experiment "{name}" was edited after it had ended; {way_out}')
        decision = {**(row.decision or {}), REOPENED: now.isoformat()}
        await _put(connection, name, {"winner": None, "decided_at": None, "decision": decision})
        await note(connection, now, actor, "experiment reopened", name, winner=row.winner)
        return True


async def _find(connection: AsyncConnection, name: str) -> tuple[Experiment, Row[Any]]:
    known = {one.name: one for one in await known_experiments(connection)}
    _refuse_unknown(f'no experiment is called "{name}"', name, known)
    query = select(experiments).where(experiments.c.name == name)
    row = (await connection.execute(locked(connection, query, of=experiments))).one_or_none()
    if row is None:  # it came into force by an earlier version of the program
        raise WrongExperiment(f'the experiment "{name}" has not been started; run: journeyflow apply')
    return known[name], row


def _refuse_unknown(problem: str, name: str, known: Collection[str]) -> None:
    if name not in known:
        raise WrongExperiment(f"{problem}; {instead(name, known) if known else 'none has been applied yet'}")


async def _put(connection: AsyncConnection, name: str, values: dict[str, Any]) -> None:
    await connection.execute(update(experiments).where(experiments.c.name == name).values(**values))
