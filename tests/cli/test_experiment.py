"""`journeyflow experiment`, and what `apply` tells of experiments."""

import asyncio
from pathlib import Path

import pytest

from journeyflow.cli.main import run
from journeyflow.store.database import Store
from tests.cli.test_journey import command
from tests.cli.test_status import here
from tests.engine.programmes import World
from tests.experiments.test_starting import EDITED, JOURNEY
from tests.journeys.writing import POLICY, write_programme

__all__ = ["here"]


@pytest.mark.usefixtures("here")
async def test_an_experiment_is_refused_started_anew_ended_and_opened_again(
    sqlite_store: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "no experiment has been applied yet" in await command(capsys, "experiment", "list")
    world = World(sqlite_store, tmp_path / "programme")
    await world.apply(JOURNEY)
    await world.customers("ann")
    await world.enter("ann")
    write_programme(world.folder, EDITED, policy=POLICY, segments="", templates={})
    folder = str(world.folder)
    assert await asyncio.to_thread(run, ["apply", folder, "--dry-run"]) == 1
    told = capsys.readouterr().out.splitlines()
    assert "experiment nudge: would be spoilt" in told
    assert told[-2].startswith('this would spoil the experiment "nudge": step 1 of b (send) changed; ')
    assert told[-1] == "nothing was changed"
    assert await asyncio.to_thread(run, ["apply", folder]) == 1
    assert 'journeyflow: this would spoil the experiment "nudge"' in capsys.readouterr().err
    told = [await command(capsys, "apply", folder, *more) for more in (["--dry-run", *ANEW], ANEW)]
    assert all("experiment nudge: started anew" in one for one in told)
    assert "running, started 2 times" in await command(capsys, "experiment", "list")
    decided = await command(capsys, "experiment", "decide", "nudge", "--winner", "b", "--reason", "spring")
    assert decided.startswith("nudge: all newcomers get b; ")
    assert "b since 20" in await command(capsys, "experiment", "list")
    assert "runs again" in await command(capsys, "experiment", "reopen", "nudge")
    assert await command(capsys, "experiment", "reopen", "nudge") == "nudge: is running\n"
    assert "reopened" in await command(capsys, "experiment", "list")


ANEW = ["--restart-experiment", "nudge"]
