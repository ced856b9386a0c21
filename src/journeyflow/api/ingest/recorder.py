"""Calls that arrive while a transaction is under way are written together by the next one."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy.exc import SQLAlchemyError

from journeyflow.audience.incoming import Told, record_told
from journeyflow.audience.merging import Merge, merge_all
from journeyflow.errors import JourneyflowError
from journeyflow.store.database import Store

_TOGETHER = 1_000  # items of one transaction, unless a single call has more
_MERGING = 3  # calls at once, so that those that wait for somebody leave connections to the others
_FAILURES = (SQLAlchemyError, JourneyflowError)


@dataclass(frozen=True, slots=True)
class _Call:
    told: Sequence[Told]
    done: "asyncio.Future[None]"


class Recorder:
    def __init__(self, store: Store, clock: Callable[[], datetime]) -> None:
        self._store = store
        self._clock = clock
        self._waiting: list[_Call] = []
        self._writing: asyncio.Task[None] | None = None
        self._merging: set[asyncio.Task[None]] = set()
        self._may_merge = asyncio.Semaphore(_MERGING)

    async def record(self, told: Sequence[Told]) -> None:
        """Returns after the commit. Who goes away in the meantime is recorded all the same."""
        merges = [one.merge for one in told if one.merge is not None]
        if not merges:
            await self._queue(told)
            return
        task = asyncio.create_task(self._merge_first(merges, told))
        self._merging.add(task)
        task.add_done_callback(self._merged)
        await asyncio.shield(task)

    def _merged(self, task: "asyncio.Task[None]") -> None:
        self._merging.discard(task)
        if not task.cancelled():
            task.exception()  # of whoever went away, or asyncio would log what the database says of a row

    async def _merge_first(self, merges: Sequence[Merge], told: Sequence[Told]) -> None:
        """Beside the writer: a merge may have to wait for a leg, and then only its own call waits as well."""
        async with self._may_merge:
            await merge_all(self._store, merges, self._clock())
        await self._queue([replace(one, merge=None) for one in told])

    async def _queue(self, told: Sequence[Told]) -> None:
        if not told:
            return
        call = _Call(told, asyncio.get_running_loop().create_future())
        self._waiting.append(call)
        if self._writing is None:
            self._writing = asyncio.create_task(self._write())
        await call.done

    async def _write(self) -> None:
        try:
            while self._waiting:
                await self._write_together(self._take())
        finally:
            self._writing = None
            for call in self._waiting:  # only where this task itself is being ended
                call.done.cancel()

    def _take(self) -> list[_Call]:
        number, items = 0, 0
        for call in self._waiting:
            items += len(call.told)
            if number and items > _TOGETHER:
                break
            number += 1
        taken, self._waiting = self._waiting[:number], self._waiting[number:]
        return taken

    async def _write_together(self, calls: list[_Call]) -> None:
        try:
            await record_told(self._store, [one for call in calls for one in call.told], self._clock())
        except _FAILURES as error:
            if len(calls) > 1:  # one of them may be at fault; the others need not suffer from it
                for call in calls:
                    await self._write_together([call])
                return
            _fail(calls[0], error)
        except BaseException as error:
            for call in calls:
                _fail(call, error)
            raise
        for call in calls:
            if not call.done.done():
                call.done.set_result(None)


def _fail(call: _Call, error: BaseException) -> None:
    if not call.done.done():
        call.done.set_exception(error)
