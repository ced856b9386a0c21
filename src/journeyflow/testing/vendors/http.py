"""A small HTTP/1.1 server whose answers, delays and failures a test chooses.

Written for the purpose: it has to be able to fail in ways in which a proper server does not, and it takes
several thousand requests a second on one core.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from http import HTTPStatus

_HOST = "127.0.0.1"
_LONGEST_HEAD = 65_536


@dataclass(frozen=True, slots=True)
class Request:
    method: str
    path: str
    query: str
    headers: Mapping[str, str]  # names in small letters
    body: bytes


@dataclass(frozen=True, slots=True)
class Reply:
    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Behaviour:
    """How the server treats requests from now on; the defaults: properly and at once."""

    delay: float = 0.0  # seconds before each answer; requests wait side by side
    answer: Reply | None = None  # instead of looking at the request, which is then not accepted
    lose: bool = False  # accepts, and hangs up instead of answering
    garble: bool = False  # accepts, and answers what is no HTTP
    silent: bool = False  # accepts, and never answers
    times: int | None = None  # of so many requests; then properly again


class HttpServer:
    """`take` looks at a request, writes down what it accepts, and says what to answer.

    `refuse` says what to answer, for a status, to one that cannot be read.
    """

    def __init__(
        self,
        take: Callable[[Request], Reply],
        refuse: Callable[[int], Reply] = Reply,
        longest_body: int = 10_000_000,
    ) -> None:
        self.port = 0
        self.requests = 0
        self.connections = 0
        self._take = take
        self._refuse = refuse
        self._longest_body = longest_body
        self._behaviour = Behaviour()
        self._server: asyncio.Server | None = None
        self._open: dict[asyncio.Task[None], asyncio.StreamWriter] = {}

    @property
    def url(self) -> str:
        return f"http://{_HOST}:{self.port}"

    def behave(self, behaviour: Behaviour | None = None) -> None:
        self._behaviour = behaviour or Behaviour()

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._serve, _HOST, self.port, limit=_LONGEST_HEAD)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        if self._server is None:
            return
        self._server.close()
        for task in list(self._open):
            task.cancel()
        await asyncio.gather(*self._open, return_exceptions=True)
        await self._server.wait_closed()
        self._server = None

    @asynccontextmanager
    async def away(self) -> AsyncIterator[None]:
        """Refuses connections for the length of the block; then it is there again, on the same port."""
        await self.stop()
        try:
            yield
        finally:
            await self.start()

    async def hang_up(self) -> None:
        """Closes all connections, as servers do with those that have been idle for long."""
        for writer in list(self._open.values()):
            await _closed(writer)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._open[task] = writer
        self.connections += 1
        try:
            with suppress(asyncio.IncompleteReadError, ConnectionError):
                while await self._exchange(reader, writer):
                    pass
        except asyncio.CancelledError:
            pass  # we stop
        finally:
            del self._open[task]
            writer.transport.abort()

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Whether the connection stays open."""
        request = await _read(reader, self._longest_body)
        behaviour = self._next()
        self.requests += 1
        reply = self._refuse(request) if isinstance(request, int) else self._reply(request, behaviour)
        if behaviour.delay:
            await asyncio.sleep(behaviour.delay)
        if behaviour.silent:
            await reader.read()
        if behaviour.lose or behaviour.silent:
            return False
        writer.write(b"\x00\x01 no HTTP at all\r\n\r\n" if behaviour.garble else _written(reply))
        await writer.drain()
        if behaviour.garble or isinstance(request, int) or request.headers.get("connection") == "close":
            await _closed(writer)
            return False
        return True

    def _reply(self, request: Request, behaviour: Behaviour) -> Reply:
        return behaviour.answer or self._take(request)

    def _next(self) -> Behaviour:
        behaviour = self._behaviour
        if behaviour.times is not None:
            times = behaviour.times - 1
            self._behaviour = Behaviour() if times < 1 else replace(behaviour, times=times)
        return behaviour


@asynccontextmanager
async def serving(server: HttpServer) -> AsyncIterator[None]:
    await server.start()
    try:
        yield
    finally:
        await server.stop()


async def _read(reader: asyncio.StreamReader, longest_body: int) -> Request | int:
    """A number: the status that says why the request cannot be read."""
    try:
        lines = (await reader.readuntil(b"\r\n\r\n")).decode("ascii").split("\r\n")
        method, target, _ = lines[0].split(" ")
        headers = {
            name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:-2])
        }
        length = int(headers.get("content-length", 0))
    except (ValueError, asyncio.LimitOverrunError):
        return 400
    if "transfer-encoding" in headers or (method == "POST" and "content-length" not in headers):
        return 411
    if length > longest_body:
        await _skip(reader, length)
        return 413
    path, _, query = target.partition("?")
    return Request(method, path, query, headers, await reader.readexactly(length))


async def _skip(reader: asyncio.StreamReader, length: int) -> None:
    """Whoever sends hears no answer before it has sent all."""
    while length > 0:
        chunk = await reader.read(min(length, _LONGEST_HEAD))
        if not chunk:
            return
        length -= len(chunk)


def _written(reply: Reply) -> bytes:
    lines = [f"HTTP/1.1 {reply.status} {_phrase(reply.status)}"]
    lines += [f"{name}: {value}" for name, value in reply.headers.items()]
    lines += [f"Content-Length: {len(reply.body)}", "", ""]
    return "\r\n".join(lines).encode("latin-1") + reply.body


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Unknown"


async def _closed(writer: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError):
        writer.close()
        await writer.wait_closed()
