"""One whole run of the test's journeys, with or without a kill, and how it ended."""

import asyncio
import signal
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import select

from journeyflow.store.ledger import messages
from tests.e2e.installation import (
    Installation,
    Passage,
    Worker,
    attributes,
    installation,
    just_now,
    passages,
    until,
)
from tests.e2e.journeys import CONVERSATION, REMINDER, TEMPLATES

KEYS = [f"customer-{number:02}" for number in range(12)]
ANSWERING = KEYS[::2]
_MOMENT = timedelta(milliseconds=1)

Disturbance = Callable[[Installation, Worker], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Ending:
    """What must be the same with and without a kill."""

    passages: dict[tuple[str, str], Passage]
    attributes: dict[str, dict[str, Any]]
    accepted: Counter[tuple[str, str, int]]  # by the outbox folder, per customer, journey and step


async def run(
    folder: Path,
    template: Path,
    kill_at: str = "",
    smtp_port: int | None = None,
    disturb: Disturbance | None = None,
    at_rest: bool = False,
) -> Ending:
    """Everybody joins, half of them answer. The worker dies at the point `kill_at`, if any.

    `disturb` happens when people have just come in, or not before all wait for time or an answer; they answer
    meanwhile.
    """
    async with installation(folder, template, smtp_port) as made:
        await made.apply([CONVERSATION, REMINDER], TEMPLATES)
        await made.add_customers(KEYS)
        joined = just_now()
        await made.happen({"joined": KEYS}, joined)
        worker = await made.start_worker(kill_at)
        await until(
            lambda: _have_entered(made, worker, kill_at), "everybody has entered, or the worker is dead"
        )
        if at_rest:
            await until(lambda: _all_greeted(made), "everybody has been greeted")
        answering = made.happen({"answered": ANSWERING}, joined + _MOMENT)
        await asyncio.gather(answering, *([disturb(made, worker)] if disturb else []))
        if kill_at:
            assert await asyncio.wait_for(worker.dies(), 60) == -signal.SIGKILL, kill_at
            await made.start_worker()
        await until(lambda: made.all_ended(2 * len(KEYS)), f"all journeys have ended {kill_at}")
        return Ending(await passages(made), await attributes(made), await made.accepted())


def check_undisturbed(ending: Ending) -> None:
    """What should come out, so that two runs that fail alike are not taken for success."""
    for key in KEYS:
        answered = key in ANSWERING
        conversation = ending.passages[key, "conversation"]
        assert conversation.state == "finished"
        assert conversation.steps == (
            (0, "queued"),
            (1, "wait"),
            (1, "event" if answered else "timeout"),
            (2 if answered else 3, "update"),
            (4, "queued"),
            (5, "wait"),
            (6, "queued"),
        )
        assert conversation.messages == ((0, "sent"), (4, "sent"), (6, "sent"))
        assert ending.passages[key, "reminder"].state == "finished"
        assert ending.attributes[key] == {"points" if answered else "silent": 1, "rounds": 1}


async def _have_entered(made: Installation, worker: Worker, kill_at: str) -> bool:
    return await made.has_enrolled(2 * len(KEYS)) or bool(kill_at and worker.is_dead)


async def _all_greeted(made: Installation) -> bool:
    query = select(messages.c.id).where(messages.c.template == "hello", messages.c.state == "sent")
    return len(await made.rows(query)) == len(KEYS)
