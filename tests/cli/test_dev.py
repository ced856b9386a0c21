"""What `dev` says when its server's file and the store are not a pair."""

import asyncio
import re
import sys
from pathlib import Path

import httpx2
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


async def test_it_serves_the_pages_that_its_links_lead_to(tmp_path: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "journeyflow", "dev", "--port", str(free_port()), "--api-port", "0",
        cwd=tmp_path, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout is not None
    try:
        drawn = (await process.stdout.readline()).decode()
        assert drawn.startswith("JOURNEYFLOW_LINK_SECRETS is not set: the links in messages are signed with")
        told = (await process.stdout.readline()).decode()
        found = re.search(r"the pages for customers at (http://127\.0\.0\.1:\d+);", told)
        assert found, told
        async with httpx2.AsyncClient(base_url=found[1]) as client:
            assert (await client.get("/healthz")).json() == {"status": "ok"}
            assert (await client.get("/p/any")).status_code == 200
    finally:
        process.terminate()
        _, errors = await process.communicate()
    assert process.returncode == 130
    assert b"Traceback" not in errors
