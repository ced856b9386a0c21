"""How many messages a worker has at a provider at once, however many deliveries it works on."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Slots:
    """Given to one after the other. As long as several want some, each gets at most half of them, so that
    one delivery records and renders while another one's messages are on their way."""

    def __init__(self, number: int) -> None:
        self._number = self._free = number
        self._takers = 0  # that have some or wait for some
        self._turn = asyncio.Lock()  # fair: who waits longest is next
        self._freed = asyncio.Event()

    @asynccontextmanager
    async def some(self, most: int) -> AsyncIterator[int]:
        """Between one and `most` of them, as long as the block lasts."""
        self._takers += 1
        taken = 0
        try:
            taken = await self._take(most)
            yield taken
        finally:
            self._takers -= 1
            self._free += taken
            self._freed.set()

    async def _take(self, most: int) -> int:
        async with self._turn:
            while not self._free:
                self._freed.clear()
                await self._freed.wait()
            share = self._number if self._takers == 1 else (self._number + 1) // 2
            taken = min(most, share, self._free)
            self._free -= taken
            return taken
