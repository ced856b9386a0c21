"""A proxy that cuts connections: requests half way, and answers when the work has been done already."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from itertools import count

_SOON = 300  # bytes of a request, after which it is cut


@dataclass(slots=True)
class Cutting:
    target: int  # the port
    port: int = 0
    lost_requests: int = 0
    lost_answers: int = 0
    _numbers: "count[int]" = field(default_factory=count)

    async def connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Of four connections one loses its answer, one its request, and two end after one answer."""
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            match next(self._numbers) % 4:
                case 0:
                    await self._pass(reader, None)
                    self.lost_answers += 1
                case 2:
                    await reader.readexactly(_SOON)
                    self.lost_requests += 1
                case _:
                    await self._pass(reader, writer)
        writer.transport.abort() if writer.transport.get_write_buffer_size() == 0 else writer.close()

    async def _pass(self, reader: asyncio.StreamReader, back: asyncio.StreamWriter | None) -> None:
        theirs, ours = await asyncio.open_connection("127.0.0.1", self.target)
        forward = asyncio.create_task(_copy(reader, ours))
        try:
            answer = await theirs.readuntil(b"\r\n\r\n")
            found = re.search(rb"(?i)content-length: *(\d+)", answer)
            assert found is not None
            answer += await theirs.readexactly(int(found[1]))
            if back is not None:
                back.write(answer)
                await back.drain()
        finally:
            forward.cancel()
            ours.close()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError):
        while piece := await reader.read(65_536):
            writer.write(piece)
            await writer.drain()


@asynccontextmanager
async def cutting(target: int) -> AsyncIterator[Cutting]:
    proxy = Cutting(target)
    server = await asyncio.start_server(proxy.connected, "127.0.0.1", 0)
    async with server:
        proxy.port = server.sockets[0].getsockname()[1]
        yield proxy
