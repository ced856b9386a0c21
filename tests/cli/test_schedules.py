"""`journeyflow schedules`, and what `apply` says about schedules."""

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from temporalio.client import Client

from journeyflow.bootstrap import keep_going
from journeyflow.cli.main import run
from journeyflow.store.database import Store
from journeyflow.testing.servers import DevServer, dev_server, free_port
from tests.journeys.writing import POLICY, write_programme

MONDAYS = """
    journey: mondays
    enter: {schedule: "0 9 * * mon", when: {consent: email}}
    steps: [{send: {email: hello}}]
"""
BY_HAND = MONDAYS.replace('schedule: "0 9 * * mon", when: {consent: email}', "manual: true")


@pytest_asyncio.fixture
async def server(
    tmp_path: Path, sqlite_store: Store, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[DevServer]:
    """The store has no worker yet; the programme is applied."""
    monkeypatch.setenv("JOURNEYFLOW_STORE", str(sqlite_store.engine.url.set(drivername="sqlite")))
    monkeypatch.setenv("JOURNEYFLOW_ROOT", str(tmp_path / "programme"))
    monkeypatch.setenv("COLUMNS", "200")
    async with dev_server() as running:
        monkeypatch.setenv("TEMPORAL_ADDRESS", running.address)
        yield running


async def apply(tmp_path: Path, journey: str = MONDAYS) -> int:
    write_programme(tmp_path / "programme", journey, policy=POLICY, segments="", templates={})
    return await asyncio.to_thread(run, ["apply"])


async def test_drift_is_shown_ends_with_one_and_is_mended(
    server: DevServer, tmp_path: Path, sqlite_store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await apply(tmp_path) == 0
    assert "schedule" not in capsys.readouterr().out, "nobody knows yet where the workers will be"
    assert await asyncio.to_thread(run, ["schedules", "--mend"]) == 1
    assert "no worker has been started with this store yet" in capsys.readouterr().err

    client = await Client.connect(server.address)
    await keep_going(sqlite_store, client)
    assert await asyncio.to_thread(run, ["schedules"]) == 0
    assert re.search(
        r"sweep-mondays .*0 9 \* \* mon, UTC .*20\d\d-\d\d-\d\d 09:00 UTC", capsys.readouterr().out
    )

    await client.get_schedule_handle("sweep-mondays").pause()
    await client.get_schedule_handle("purges").delete()
    assert await asyncio.to_thread(run, ["schedules"]) == 1
    told = capsys.readouterr().out
    assert re.search(r"sweep-mondays .*was paused by hand", told)
    assert re.search(r"purges .*is not there", told)
    assert await asyncio.to_thread(run, ["schedules", "--mend"]) == 0
    told = capsys.readouterr().out.splitlines()
    assert told[:2] == ["sweep-mondays: was paused by hand; running again", "purges: made"]


async def test_apply_makes_schedules_and_does_without_temporal(
    server: DevServer,
    tmp_path: Path,
    sqlite_store: Store,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert await apply(tmp_path, BY_HAND) == 0
    await keep_going(sqlite_store, await Client.connect(server.address))
    capsys.readouterr()
    assert await apply(tmp_path, MONDAYS) == 0
    assert "schedule sweep-mondays: made" in capsys.readouterr().out
    with monkeypatch.context() as away:
        away.setenv("TEMPORAL_ADDRESS", f"127.0.0.1:{free_port()}")
        assert await apply(tmp_path, MONDAYS.replace("0 9", "0 10")) == 0
    told = capsys.readouterr().out
    assert "mondays  new version" in told
    assert "the schedules are as before: Temporal cannot be used" in told
    await keep_going(sqlite_store, await Client.connect(server.address))
    assert await asyncio.to_thread(run, ["schedules"]) == 0, "the next worker has made up for it"
    assert "0 10 * * mon" in capsys.readouterr().out
