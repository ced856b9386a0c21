"""`journeyflow journey pause` and `resume`, and who tells of it."""

import asyncio
from pathlib import Path

import pytest

from journeyflow.cli.main import run
from journeyflow.store.database import Store
from tests.cli.test_status import here
from tests.engine.programmes import World

__all__ = ["here"]
JOURNEY = """
    journey: letters
    enter: {event: began, again: always}
    steps: [{wait: 1 hour}, {send: {email: hello}}]
"""


async def command(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """On a thread of its own, as a command brings its own event loop."""
    assert await asyncio.to_thread(run, list(arguments)) == 0, capsys.readouterr().err
    return capsys.readouterr().out


@pytest.mark.usefixtures("here")
async def test_a_pause_is_told_wherever_somebody_looks(
    sqlite_store: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    world = World(sqlite_store, tmp_path / "programme")
    await world.apply(JOURNEY)
    await world.customers("ann", "ben")
    await world.enter("ann")
    assert (await command(capsys, "journey", "pause", "letters")).startswith("letters: paused since ")
    assert "letters: already paused since" in await command(capsys, "journey", "pause", "letters")
    await world.travel(1, 1, 0)
    await world.enter("ben")
    assert ", paused since 20" in await command(capsys, "status", "letters")
    assert "the journey is paused since 20" in await command(capsys, "why", "ann")
    assert "so nobody enters it" in await command(capsys, "why", "ben", "--journey", "letters")
    assert await asyncio.to_thread(run, ["enroll", "letters", "ben"]) == 1
    assert 'the journey "letters" is paused, so nobody enters it' in capsys.readouterr().err
    told = await command(capsys, "apply", str(world.folder))
    assert "letters is paused; nobody enters it until: journeyflow journey resume letters" in told
    assert await command(capsys, "journey", "resume", "letters") == (
        "letters: resumed; 1 rested because of the pause\n"
    )
    assert await command(capsys, "journey", "resume", "letters") == "letters: is not paused\n"
    assert "paused since" not in await command(capsys, "status", "letters")


@pytest.mark.usefixtures("here", "sqlite_store")
def test_a_journey_nobody_knows_cannot_be_paused(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["journey", "pause", "lettres"]) == 1
    assert 'no journey is called "lettres"; none has been applied yet' in capsys.readouterr().err
