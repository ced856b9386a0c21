"""kill -9 of the Temporal server, which comes back on the same file; alone and together with the worker."""

import asyncio
from pathlib import Path

from tests.e2e.installation import Installation, Worker
from tests.e2e.runs import check_undisturbed, run


async def test_the_server_dies_at_rest_and_under_load(tmp_path: Path, sqlite_template: Path) -> None:
    endings = await asyncio.gather(
        run(tmp_path / "rest", sqlite_template, disturb=_kill_server, at_rest=True),
        run(tmp_path / "load", sqlite_template, disturb=_kill_server),
        run(tmp_path / "both-at-rest", sqlite_template, disturb=_kill_both, at_rest=True),
        run(tmp_path / "both-under-load", sqlite_template, disturb=_kill_both),
    )
    for ending in endings:
        check_undisturbed(ending)
        assert set(ending.accepted.values()) == {1}


async def _kill_server(made: Installation, _worker: Worker) -> None:
    await made.server.kill()
    await made.server.start()


async def _kill_both(made: Installation, worker: Worker) -> None:
    await asyncio.gather(made.server.kill(), worker.kill())
    await made.server.start()
    await made.start_worker()
