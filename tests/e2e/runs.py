"""One whole run of the test's journeys, with or without a kill, and how it ended."""

import asyncio
import re
import signal
from collections import Counter
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from tests.e2e.installation import (
    Installation,
    Passage,
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


@dataclass(frozen=True, slots=True)
class Ending:
    """What must be the same with and without a kill."""

    passages: dict[tuple[str, str], Passage]
    attributes: dict[str, dict[str, Any]]
    accepted: Counter[tuple[str, str, int]]  # by the outbox folder, per customer, journey and step


async def run(folder: Path, template: Path, kill_at: str = "", smtp_port: int | None = None) -> Ending:
    """Everybody joins, half of them answer, the worker dies at `kill_at` and another one takes over."""
    name = re.sub(r"\W", "-", kill_at) or "undisturbed"
    async with installation(folder / name, template, smtp_port) as made:
        await made.apply([CONVERSATION, REMINDER], TEMPLATES)
        await made.add_customers(KEYS)
        await _travel(made, kill_at)
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


async def _travel(made: Installation, kill_at: str) -> None:
    joined = just_now()
    await made.happen("joined", KEYS, joined)
    worker = await made.start_worker(kill_at)

    async def have_entered() -> bool:
        return worker.is_dead or await made.enrolled() == 2 * len(KEYS)

    await until(have_entered, "everybody has entered, or the worker is dead")
    await made.happen("answered", ANSWERING, joined + _MOMENT)
    if kill_at:
        assert await asyncio.wait_for(worker.dies(), 60) == -signal.SIGKILL, kill_at
        await made.start_worker()

    async def have_ended() -> bool:
        return await made.all_ended(2 * len(KEYS))

    await until(have_ended, f"all journeys have ended after a kill at the point {kill_at!r}")
