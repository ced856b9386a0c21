"""What becomes of experiments when a programme is applied: they start, go on, start anew, or it is refused.

An experiment goes on for as long as its design is the same, whatever else in its journey changes.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import Row, exists, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from journeyflow.errors import JourneyflowError
from journeyflow.experiments.designs import Design, differences
from journeyflow.store.audit import note
from journeyflow.store.database import insert_ignoring, locked
from journeyflow.store.experiments import experiments, exposures

EDITED = "edited"  # a key of `decision`: the journey has another design since then

# "another design": nobody was exposed to the one before, or it has ended.
Change = Literal["started", "goes on", "started anew", "another design", "would be spoilt"]


class SpoiltExperiments(JourneyflowError):
    """The programme has another design of experiments that are running."""

    def __init__(self, spoilt: dict[str, tuple[str, ...]]) -> None:
        super().__init__("; ".join(told_spoilt(name, changes) for name, changes in spoilt.items()))


@dataclass(frozen=True, slots=True)
class Settled:
    changes: dict[str, Change]  # by name
    spoilt: dict[str, tuple[str, ...]]  # by name: what differs


def told_spoilt(name: str, changes: Iterable[str]) -> str:
    return (
        f'this would spoil the experiment "{name}": {", ".join(changes)}; undo that, or start it anew: '
        f"journeyflow apply --restart-experiment {name}"
    )


async def settle(
    connection: AsyncConnection,
    designs: Sequence[Design],
    restart: Collection[str],
    now: datetime,
    actor: str,
) -> Settled:
    """Of those that would be spoilt nothing is changed. Experiments that are gone keep their rows, and so
    their results. Raises JourneyflowError if one to `restart` is unknown."""
    _refuse_unknown(designs, restart)
    known = await _known(connection, [one.experiment for one in designs])
    begun = await _begun(connection, list(known))
    changes: dict[str, Change] = {}
    for one in sorted(designs, key=lambda design: design.experiment):
        row = known.get(one.experiment)
        changes[one.experiment] = change = _change(one, row, one.experiment in begun, restart)
        await _put(connection, one, row, change, now, actor)
    spoilt = [one for one in designs if changes[one.experiment] == "would be spoilt"]
    told = {one.experiment: differences(known[one.experiment].design, one.content) for one in spoilt}
    return Settled(changes, told)


def _refuse_unknown(designs: Iterable[Design], restart: Iterable[str]) -> None:
    names = sorted(one.experiment for one in designs)
    for name in restart:
        if name not in names:
            there = f"there are: {', '.join(names)}" if names else "it has none"
            raise JourneyflowError(f'no experiment of the programme is called "{name}"; {there}')


async def _known(connection: AsyncConnection, names: Collection[str]) -> dict[str, Row[Any]]:
    """By name; nobody decides about them before this transaction ends."""
    query = select(experiments).where(experiments.c.name.in_(names)).order_by(experiments.c.name)
    rows = await connection.execute(locked(connection, query, of=experiments))
    return {row.name: row for row in rows}


async def _begun(connection: AsyncConnection, names: Collection[str]) -> set[str]:
    """Those to which somebody was exposed in their generation."""
    exposed = exists().where(
        exposures.c.experiment == experiments.c.name, exposures.c.generation == experiments.c.generation
    )
    query = select(experiments.c.name).where(experiments.c.name.in_(names), exposed)
    return set((await connection.execute(query)).scalars())


def _change(one: Design, row: Row[Any] | None, is_begun: bool, restart: Collection[str]) -> Change:
    if row is None:
        return "started"
    # Asked for again, as after a lost connection, it would throw away what has just been started anew.
    is_fresh = not is_begun and row.decided_at is None
    if one.experiment in restart and not is_fresh:
        return "started anew"
    if row.digest == one.digest:
        return "goes on"
    if row.decided_at is not None:
        # Newcomers could not be given a winner that is gone.
        return "another design" if row.winner in (None, *one.variants) else "would be spoilt"
    return "would be spoilt" if is_begun else "another design"


async def _put(
    connection: AsyncConnection, one: Design, row: Row[Any] | None, change: Change, now: datetime, actor: str
) -> None:
    match change:
        case "started":
            first = {"name": one.experiment, "generation": 1, "started_at": now}
            # Somebody else may apply the same for the first time at this moment.
            await connection.execute(insert_ignoring(connection, experiments), {**first, **_columns(one)})
            await note(connection, now, actor, "experiment started", one.experiment)
        case "started anew" if row is not None:
            generation = row.generation + 1
            undecided = dict.fromkeys(("shares", "winner", "decided_at", "decision"))
            again = {"generation": generation, "started_at": now, **undecided}
            await _update(connection, one, {**again, **_columns(one)})
            detail = {"generation": generation, "winner": row.winner}  # of the generation before
            await note(connection, now, actor, "experiment started anew", one.experiment, **detail)
        case "another design" if row is not None and row.decided_at is None:
            await _update(connection, one, {"shares": None, "started_at": now, **_columns(one)})
        case "another design" | "goes on" if row is not None and row.decided_at is not None:
            await _mark(connection, one, row, is_edited=change == "another design")
        case _:
            pass


async def _mark(connection: AsyncConnection, one: Design, row: Row[Any], *, is_edited: bool) -> None:
    """The row keeps the design that the figures are about, so whether it was edited has to be remembered."""
    decision = {key: value for key, value in (row.decision or {}).items() if key != EDITED}
    decision |= {EDITED: True} if is_edited else {}
    if decision != row.decision:
        await _update(connection, one, {"decision": decision})


async def _update(connection: AsyncConnection, one: Design, values: dict[str, Any]) -> None:
    await connection.execute(update(experiments).where(experiments.c.name == one.experiment).values(values))


def _columns(one: Design) -> dict[str, Any]:
    return {"journey": one.journey, "design": one.content, "digest": one.digest}
