"""`journeyflow enroll` writes what the router turns into an entry."""

import asyncio
from pathlib import Path

import pytest
from sqlalchemy import select

from journeyflow.cli.main import run
from journeyflow.store.customers import events
from journeyflow.store.database import Store
from tests.engine.programmes import World

INVITED = """
    journey: invited
    enter: {manual: true}
    steps: [{wait: 1 day}]
"""


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JOURNEYFLOW_STORE", f"sqlite:///{tmp_path}/journeyflow.db")


async def enroll(*arguments: str) -> int:
    """On a thread of its own, as a command brings its own event loop."""
    return await asyncio.to_thread(run, ["enroll", *arguments])


@pytest.mark.usefixtures("here")
async def test_customers_enter_by_hand_each_time_anew(
    sqlite_store: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    world = World(sqlite_store, tmp_path / "programme")
    await world.apply(INVITED)
    await world.customers("ann", "ben", "eve")
    assert await enroll("invited", "ann", "ben", "ann") == 0
    assert await enroll("invited", "ann") == 0
    assert capsys.readouterr().out.splitlines() == [
        "invited: asked for 2 customers",
        "invited: asked for 1 customer",
    ]
    assert len(await world.rows(select(events))) == 3
    await world.route()
    states = {key: [row.state for row in await world.enrollments(key)] for key in ("ann", "ben", "eve")}
    assert states == {"ann": ["active"], "ben": ["active"], "eve": []}


@pytest.mark.usefixtures("here")
async def test_what_is_unknown_is_said_and_nothing_done(
    sqlite_store: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    world = World(sqlite_store, tmp_path / "programme")
    await world.apply(INVITED)
    await world.customers("ann")
    assert await enroll("invited", "ann", "joe") == 1
    assert capsys.readouterr().err == "journeyflow: no customer has the id joe; nobody was enrolled\n"
    assert await enroll("other", "ann") == 1
    assert "no journey in force" in capsys.readouterr().err
    assert await enroll("invited") == 2
    assert await world.rows(select(events)) == []
