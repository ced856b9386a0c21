"""A receiver of webhooks: a real HTTP server, whose answers a test chooses."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

Answer = tuple[int, dict[str, str]]  # status, headers


@dataclass(frozen=True, slots=True)
class Received:
    path: str
    headers: dict[str, str]  # names in small letters
    text: str

    @property
    def content(self) -> Any:
        return json.loads(self.text)


@dataclass(slots=True)
class Receiver:
    answer: Callable[[Received], Answer] = lambda received: (204, {})
    received: list[Received] = field(default_factory=list)
    silent: bool = False  # takes requests and answers nothing
    port: int = 0
    _server: asyncio.Server | None = None
    _open: list[asyncio.StreamWriter] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        assert self._server is not None
        self._server.close()
        for writer in self._open:
            writer.close()
        self._open.clear()
        await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.append(writer)
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                received = await _read(reader)
                self.received.append(received)
                if self.silent:
                    await reader.read()
                    return
                status, headers = self.answer(received)
                lines = [f"{name}: {value}" for name, value in headers.items()]
                head = "\r\n".join([f"HTTP/1.1 {status} -", "content-length: 0", *lines])
                writer.write(f"{head}\r\n\r\n".encode())
                await writer.drain()
        writer.close()


async def _read(reader: asyncio.StreamReader) -> Received:
    head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
    pairs = (line.split(": ", 1) for line in head[1:] if line)
    headers = {name.lower(): value for name, value in pairs}
    body = await reader.readexactly(int(headers.get("content-length", 0)))
    return Received(head[0].split(" ")[1], headers, body.decode())


@asynccontextmanager
async def receiving() -> AsyncIterator[Receiver]:
    receiver = Receiver()
    await receiver.start()
    try:
        yield receiver
    finally:
        await receiver.stop()
