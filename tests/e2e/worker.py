"""A worker like `journeyflow worker`, which can be told to end itself with SIGKILL at a named point.

What it runs is the real thing; the points are put around its functions from here, so that the product
knows nothing of them. KILL_AT names the point, a number after a colon the visit: "claimed:3".
PROVIDER_LOG names a file that gets a line for each message that the outbox channel has accepted.
QUEUES names those that it works on, without it all.
"""

import asyncio
import os
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from journeyflow.bootstrap import QUEUES, connect, working
from journeyflow.cli.stores import migrated_store
from journeyflow.delivery.channels.outbox import Outbox
from journeyflow.delivery.channels.smtp import Smtp
from journeyflow.delivery.channels.webhook import Webhook
from journeyflow.engine import outbox, route, travel
from journeyflow.engine.steps import hand_over
from journeyflow.settings import load_settings

READY = "ready"


@dataclass(frozen=True, slots=True)
class Point:
    owner: Any
    function: str
    after: bool = False  # the function has done its work
    counts: Callable[..., bool] = lambda *arguments: True


POINTS = {
    "enrolled": Point(outbox, "flush"),
    "starting": Point(outbox, "_start_workflow"),
    "started": Point(outbox, "_start_workflow", after=True),
    "signalling": Point(outbox, "_signal_workflow"),
    "signalled": Point(outbox, "_signal_workflow", after=True),
    "in a turn": Point(route, "_mark_routed"),
    "in a leg": Point(travel, "_record", after=True, counts=lambda leg, *_: leg.number > 0),
    "leg committed": Point(travel, "travel", after=True),
    "outbox claimed": Point(Outbox, "send"),
    "outbox accepted": Point(Outbox, "send", after=True),
    "smtp claimed": Point(Smtp, "send"),
    "smtp accepted": Point(Smtp, "send", after=True),
    "webhook claimed": Point(Webhook, "send"),
    "webhook accepted": Point(Webhook, "send", after=True),
    "handed over": Point(hand_over, "run", after=True),
}


def main() -> None:
    if name := os.environ.get("KILL_AT"):
        point, _, visit = name.partition(":")
        _plant(POINTS[point], int(visit or 1))
    if log := os.environ.get("PROVIDER_LOG"):
        _write_down(log)
    asyncio.run(_work())


async def _work() -> None:
    settings = load_settings()
    queues = os.environ.get("QUEUES", " ".join(QUEUES)).split()
    async with migrated_store(settings) as store, working(settings, store, await connect(), queues):
        sys.stdout.write(f"{READY}\n")
        sys.stdout.flush()
        await asyncio.Event().wait()


def _plant(point: Point, visit: int) -> None:
    original = getattr(point.owner, point.function)
    left = visit

    async def watched(*arguments: Any) -> Any:
        nonlocal left
        left -= point.counts(*arguments)
        dies = left == 0 and point.counts(*arguments)
        if dies and not point.after:
            _die()
        result = await original(*arguments)
        if dies:
            _die()
        return result

    setattr(point.owner, point.function, watched)


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _write_down(log: str) -> None:
    original = Outbox._write

    def written(channel: Outbox, name: str, content: bytes) -> Any:
        accepted = original(channel, name, content)
        with open(log, "a", encoding="utf-8") as file:
            file.write(f"{name}\n")
        return accepted

    Outbox._write = written  # type: ignore[assignment, method-assign]


if __name__ == "__main__":
    main()
