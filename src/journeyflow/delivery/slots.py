"""How many messages a worker has at a provider at once, however many deliveries it works on."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass


@dataclass(slots=True)
class Share:
    """The slots that somebody has."""

    number: int
    _slots: "Slots"

    def keep(self, most: int) -> None:
        """Gives back what is more, but not the last one."""
        surplus = max(0, self.number - max(most, 1))
        self.number -= surplus
        self._slots.give_back(surplus)


class Slots:
    """Given to one after the other. As long as several want some, each gets at most half of them, so that
    one delivery records and renders while another one's messages are on their way."""

    def __init__(self, number: int) -> None:
        self._number = self._free = number
        self.takers = 0  # that have some or wait for some
        self._turn = asyncio.Lock()  # fair: who waits longest is next
        self._freed = asyncio.Event()

    @asynccontextmanager
    async def some(self, most: int) -> AsyncIterator[Share]:
        """Between one and `most` of them, as long as the block lasts."""
        self.takers += 1
        share = Share(0, self)
        try:
            share.number = await self._take(most)
            yield share
        finally:
            self.takers -= 1
            self.give_back(share.number)

    def give_back(self, number: int) -> None:
        self._free += number
        self._freed.set()

    async def _take(self, most: int) -> int:
        async with self._turn:
            while not self._free:
                self._freed.clear()
                await self._freed.wait()
            share = self._number if self.takers == 1 else (self._number + 1) // 2
            taken = min(most, share, self._free)
            self._free -= taken
            return taken
