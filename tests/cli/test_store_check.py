"""`store check` finds what is wrong, and `store upgrade` says from where to where."""

import asyncio
import re
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from alembic import command
from sqlalchemy import insert
from temporalio.client import Client

from journeyflow.cli.main import run
from journeyflow.engine.outbox import workflow_id
from journeyflow.store.customers import customers
from journeyflow.store.database import Store
from journeyflow.store.migrate import scripts
from journeyflow.store.passages import cohorts, enrollments
from journeyflow.store.programme import journey_versions
from journeyflow.testing.servers import dev_server
from journeyflow.workflows.contracts import JOURNEYS_QUEUE

NOON = datetime(2031, 5, 7, 12, tzinfo=UTC)


@pytest.fixture
def here(store: Store, monkeypatch: pytest.MonkeyPatch) -> Store:
    url = store.engine.url.set(drivername=store.engine.url.get_backend_name())
    monkeypatch.setenv("JOURNEYFLOW_STORE", url.render_as_string(hide_password=False))
    return store


async def _run(*arguments: str) -> int:
    return await asyncio.to_thread(run, ["store", *arguments])


async def test_a_sound_store_is_called_so(here: Store, capsys: pytest.CaptureFixture[str]) -> None:
    assert await _run("check") == 0
    told = capsys.readouterr().out
    assert re.search(r"installation +│ +1 │ +" + (r"\n" if here.is_sqlite else r"0\.\d*[1-9]"), told)
    assert told.endswith("nothing is wrong\n")


_FAULTS = {
    "ALTER TABLE customers ADD COLUMN shoe_size INTEGER": "not as the program made them",
    "INSERT INTO starts (cohort_id) VALUES (7)": '"starts" has rows that refer to nothing',
    "INSERT INTO short_links (message_id, number, target) VALUES (7, 1, '')": "1 short links are of messages",
    "UPDATE installation SET moved_to = 'postgresql://there/db'": "moved to postgresql://there/db",
    "UPDATE installation SET arriving_from = 'sqlite:///a.db'": "a move from sqlite:///a.db was cut short",
    "UPDATE alembic_version SET version_num = '0004'": "the store is at 0004, this program expects",
}


@pytest.mark.parametrize("damage", _FAULTS)
async def test_what_is_wrong_is_told_with_a_way_out(
    damage: str, sqlite_store: Store, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = sqlite_store.engine.url.database or ""
    monkeypatch.setenv("JOURNEYFLOW_STORE", f"sqlite:///{path}")
    with closing(sqlite3.connect(path)) as careless, careless:
        careless.execute(damage)
    assert await _run("check") == 1
    [fault] = capsys.readouterr().err.splitlines()
    assert _FAULTS[damage] in fault


async def test_people_whom_temporal_does_not_carry_are_found(
    sqlite_store: Store, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("JOURNEYFLOW_STORE", f"sqlite:///{sqlite_store.engine.url.database}")
    await _bring_in(sqlite_store)
    async with dev_server() as server:
        monkeypatch.setenv("TEMPORAL_ADDRESS", server.address)
        assert await _run("check", "--temporal") == 1
        assert "1 cohorts with people inside are not carried by Temporal (1)" in capsys.readouterr().err
        client = await Client.connect(server.address)
        await client.start_workflow("Cohort", id=workflow_id(1), task_queue=JOURNEYS_QUEUE)
        assert await _run("check", "--temporal") == 0


async def _bring_in(store: Store) -> None:
    version = {"journey": "j", "digest": "d", "plan": {}, "source": "", "applied_at": NOON}
    times = {"entered_at": NOON, "since": NOON, "reached_at": NOON}
    passage = {"cohort_id": 1, "version_id": 1, "journey": "j", "customer_id": 1, "occasion": ""} | times
    async with store.writing() as connection:
        person = {"key": "ada", "attributes": {}, "created_at": NOON, "updated_at": NOON}
        await connection.execute(insert(customers).values(person))
        await connection.execute(insert(journey_versions).values(version))
        await connection.execute(insert(cohorts).values(version_id=1, size=1, created_at=NOON))
        await connection.execute(insert(enrollments).values(id=1000, state="active", **passage))


async def test_upgrading_tells_the_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    url = f"sqlite:///{tmp_path}/old.db"
    monkeypatch.setenv("JOURNEYFLOW_STORE", url)
    store = Store.open(url)
    async with store.writing() as connection:
        await connection.run_sync(lambda sync: command.upgrade(scripts(sync), "0004"))
    await store.close()
    assert await _run("upgrade", "--dry-run") == 0
    foreseen = capsys.readouterr().out
    assert foreseen.startswith("0005 segments\n")
    assert "from 0004 to " in foreseen
    assert foreseen.endswith("nothing was changed\n")
    assert await _run("upgrade") == 0
    assert capsys.readouterr().out == foreseen.replace("nothing was changed", "done")
    assert await _run("upgrade") == 0
    assert "which is the newest" in capsys.readouterr().out
