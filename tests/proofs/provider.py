"""A provider with moods, which writes down when each message was in its hands, and a clock that can hurry."""

import asyncio
import json
import os
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from time import monotonic
from typing import Any

from journeyflow.delivery.channels.base import Accepted, Ambiguous, Outcome, Outgoing, Rejected, Throttled


@dataclass(frozen=True, slots=True)
class Clock:
    """The same in all processes of a machine; a second of the machine's is `pace` seconds of this one."""

    start: datetime
    base: float  # of the machine's monotonic clock, at `start`
    pace: float

    def now(self) -> datetime:
        return self.start + timedelta(seconds=(monotonic() - self.base) * self.pace)

    async def until(self, moment: datetime) -> None:
        while (ahead := (moment - self.now()).total_seconds()) > 0:
            await asyncio.sleep(ahead / self.pace)

    def to_json(self) -> list[Any]:
        return [self.start.isoformat(), self.base, self.pace]

    @staticmethod
    def from_json(data: list[Any]) -> "Clock":
        return Clock(datetime.fromisoformat(data[0]), data[1], data[2])


@dataclass(frozen=True, slots=True)
class HandOver:
    """One try at handing a message over. It left, if it did, at some moment between these two."""

    message: int
    began: datetime
    ended: datetime
    outcome: str  # the name of the outcome's class

    @property
    def may_have_left(self) -> bool:
        return self.outcome in ("Accepted", "Ambiguous")


@dataclass(slots=True)
class Moody:
    """A channel. `moods` are weights of outcomes; `slowness` is the longest try in the machine's seconds."""

    log: Path
    clock: Clock
    random: Random
    moods: dict[str, float]
    slowness: float
    batch: int = 4

    async def send(self, message: Outgoing) -> Outcome:
        began = self.clock.now()
        await asyncio.sleep(self.random.uniform(0, self.slowness))
        outcome = self._outcome()
        ended = self.clock.now()
        self._write([message.message_id, began.isoformat(), ended.isoformat(), type(outcome).__name__])
        return outcome

    async def lookup(self, message_id: int) -> None:
        raise AssertionError("nobody is killed here, so that nothing is in doubt")

    async def close(self) -> None: ...

    def _outcome(self) -> Outcome:
        [mood] = self.random.choices(list(self.moods), list(self.moods.values()))
        outcomes: dict[str, Outcome] = {
            "accepts": Accepted("theirs"),
            "doubts": Ambiguous("silence"),
            "rejects": Rejected("no", "no"),
            "pauses": Throttled(self.random.uniform(60, 7200), "later", self.random.random() < 0.5),
        }
        return outcomes[mood]

    def _write(self, line: list[Any]) -> None:
        """Whole lines, whoever else writes."""
        file = os.open(self.log, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        os.write(file, (json.dumps(line) + "\n").encode())
        os.close(file)


def read_log(log: Path) -> list[HandOver]:
    lines = log.read_text().splitlines() if log.exists() else []
    return [
        HandOver(id, datetime.fromisoformat(began).astimezone(UTC), datetime.fromisoformat(ended), outcome)
        for id, began, ended, outcome in map(json.loads, lines)
    ]
