"""A folder as a provider: each message becomes a file, `<message id>.eml` or `.txt`."""

import os
import tempfile
from pathlib import Path

from journeyflow.delivery.channels.base import Accepted, Outcome, Outgoing, Rejected, Sought, Throttled
from journeyflow.delivery.channels.mime import Mail, compose_email, compose_sms

_RETRY_AFTER = 60.0
_SUFFIXES = (".eml", ".txt")


class Outbox:
    """Its files are whole or absent, whatever crashes here, and no message has two.

    Nothing is forced to the disk, for speed: a power cut may take the last files along.
    """

    batch = 500

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def send(self, message: Outgoing) -> Outcome:
        return self._send(message)  # without a thread, which costs more than the file

    async def lookup(self, sought: Sought) -> Accepted | None:
        return self._find(sought.message_id)

    async def close(self) -> None:
        """Nothing is held open."""

    def _send(self, message: Outgoing) -> Outcome:
        written = self._find(message.message_id)
        if written is not None:
            return written
        composed = compose_sms(message) if message.channel == "sms" else compose_email(message)
        if isinstance(composed, Rejected):
            return composed
        content, suffix = (composed.content, ".eml") if isinstance(composed, Mail) else (composed, ".txt")
        try:
            return self._write(f"{message.message_id}{suffix}", content)
        except OSError as error:
            return Throttled(_RETRY_AFTER, f"the outbox cannot be written: {error.strerror}")

    def _find(self, message_id: int) -> Accepted | None:
        names = (f"{message_id}{suffix}" for suffix in _SUFFIXES)
        return next((Accepted(name) for name in names if (self._folder / name).exists()), None)

    def _write(self, name: str, content: bytes) -> Accepted:
        self._folder.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(prefix=".", suffix=".part", dir=self._folder)
        try:
            with open(handle, "wb") as file:
                file.write(content)
            os.replace(temporary, self._folder / name)
        except OSError:
            os.unlink(temporary)
            raise
        return Accepted(name)
