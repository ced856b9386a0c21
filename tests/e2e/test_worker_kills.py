"""kill -9 of the worker wherever something is half done: afterwards all is as if it had lived."""

import asyncio
import re
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller

from journeyflow.delivery.channels.smtp import Smtp
from journeyflow.testing.servers import free_port
from tests.e2e.runs import KEYS, Ending, check_undisturbed, run

_TRAVELLING = [
    "enrolled",
    "starting",
    "started",
    "signalling",
    "signalled",
    "in a turn",
    "in a turn:2",
    "in a leg",
    "leg committed",
]
_DELIVERING = ["outbox claimed:3", "outbox accepted", "outbox accepted:3"]
_MAILS = 3 * len(KEYS)  # the fourth message of each customer is an SMS


async def test_while_routing_and_travelling(tmp_path: Path, sqlite_template: Path) -> None:
    undisturbed, *endings = await asyncio.gather(
        *(run(_folder(tmp_path, point), sqlite_template, point) for point in ["", *_TRAVELLING])
    )
    check_undisturbed(undisturbed)
    assert set(undisturbed.accepted.values()) == {1}
    assert len(undisturbed.accepted) == _MAILS + len(KEYS)
    for point, ending in zip(_TRAVELLING, endings, strict=True):
        assert ending == undisturbed, f"after a kill at the point {point!r}"


async def test_while_delivering_to_a_provider_that_can_be_asked(
    tmp_path: Path, sqlite_template: Path
) -> None:
    """The outbox folder knows what it has, so nothing stays in doubt."""
    endings = await asyncio.gather(
        *(run(_folder(tmp_path, point), sqlite_template, point) for point in _DELIVERING)
    )
    for ending in endings:
        check_undisturbed(ending)
        assert set(ending.accepted.values()) == {1}
        assert len(ending.accepted) == _MAILS + len(KEYS)


async def test_while_delivering_to_a_provider_that_cannot_be_asked(
    tmp_path: Path, sqlite_template: Path
) -> None:
    """What was under way over SMTP is unknown and not sent again; everything else is sent once."""
    claimed, accepted = await asyncio.gather(
        *(_run_with_smtp(tmp_path, sqlite_template, point) for point in ["smtp claimed", "smtp accepted"])
    )
    assert claimed.unknown == Smtp.batch
    assert sum(claimed.taken.values()) == _MAILS - Smtp.batch
    assert accepted.unknown == Smtp.batch
    assert _MAILS - Smtp.batch < sum(accepted.taken.values()) <= _MAILS
    for ending in (claimed, accepted):
        assert set(ending.taken.values()) == {1}, "a message was sent twice"
        assert ending.sent == _MAILS - Smtp.batch
        assert all(passage.state == "finished" for passage in ending.whole.passages.values())
        assert ending.whole.attributes == claimed.whole.attributes


def _folder(parent: Path, point: str) -> Path:
    return parent / re.sub(r"\W", "-", point or "undisturbed")


@dataclass(slots=True)
class _Mailbox:
    """Writes down what it accepted, as the only one who knows."""

    taken: list[str] = field(default_factory=list)  # message ids

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:
        lines = envelope.content.decode().splitlines()
        self.taken += [line.partition(": ")[2].partition(".")[0] for line in lines if "Message-ID:" in line]
        return "250 OK"


@dataclass(frozen=True, slots=True)
class _SmtpEnding:
    whole: Ending
    taken: Counter[str]  # how often the server accepted each message
    sent: int  # mails, as the ledger has it
    unknown: int


async def _run_with_smtp(folder: Path, template: Path, kill_at: str) -> _SmtpEnding:
    async with _smtp_server() as (mailbox, port):
        whole = await run(_folder(folder, kill_at), template, kill_at, smtp_port=port)
    states = Counter(state for passage in whole.passages.values() for _, state in passage.messages)
    by_sms = len(whole.accepted)
    assert by_sms == len(KEYS)
    return _SmtpEnding(whole, Counter(mailbox.taken), states["sent"] - by_sms, states["unknown"])


@asynccontextmanager
async def _smtp_server() -> AsyncIterator[tuple[_Mailbox, int]]:
    mailbox = _Mailbox()
    controller = Controller(mailbox, hostname="127.0.0.1", port=free_port())
    controller.start()
    try:
        yield mailbox, controller.port
    finally:
        controller.stop()
