"""What `dev` says when its server's file and the store are not a pair."""

import asyncio
from pathlib import Path

import pytest
from temporalio.client import Client

from journeyflow.bootstrap import keep_going
from journeyflow.cli.main import run
from journeyflow.store.database import Store
from journeyflow.testing.servers import dev_server, free_port


async def test_the_file_of_another_store_is_refused_and_named(
    sqlite_store: Store,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    database = tmp_path / "temporal.db"
    async with dev_server(database) as server:
        await keep_going(sqlite_store, await Client.connect(server.address))
    monkeypatch.setenv("JOURNEYFLOW_STORE", f"sqlite:///{tmp_path}/new.db")
    arguments = ["dev", "--database", str(database), "--port", str(free_port()), "--api-port", "0"]
    assert await asyncio.to_thread(run, arguments) == 1
    [told] = capsys.readouterr().err.splitlines()
    assert f'"{database}" and the store do not belong together' in told
    assert "--database" in told
    assert "TEMPORAL_NAMESPACE" not in told
