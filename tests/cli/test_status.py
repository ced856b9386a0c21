"""`journeyflow status` on a store whose content is known."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import pytest_asyncio

from journeyflow.cli.main import run
from journeyflow.store.database import Store
from journeyflow.store.ledger import messages
from tests.engine.programmes import World
from tests.engine.test_exposing import TIMING, standing
from tests.engine.test_status import fill


@pytest_asyncio.fixture
async def filled(sqlite_store: Store, tmp_path: Path) -> None:
    await fill(World(sqlite_store, tmp_path / "programme"))


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JOURNEYFLOW_STORE", f"sqlite:///{tmp_path}/journeyflow.db")
    monkeypatch.setenv("COLUMNS", "120")


def lines(text: str) -> list[list[str]]:
    """The cells of each row, without the lines around them."""
    cells = ([cell.strip() for cell in line.strip("┃│┏┓┗┛").split("│")] for line in text.splitlines())
    return [row for row in cells if len(row) == 3]


@pytest.mark.usefixtures("filled", "here")
def test_one_journey_in_numbers(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["status", "reviews"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("reviews (version ")
    assert lines(out) == [
        ["entered", "7", ""],
        ["inside now", "5", ""],
        ["finished", "0", ""],
        ["exited", "1", "by exit/0"],
        ["failed", "1", "see: journeyflow customer show"],
        ["reached the goal", "2", ""],
        ["resting at", "5", "the-review (wait_for) until 2031-05-09 12:00 UTC"],
        ["email dropped", "1", "by consent"],
        ["email queued", "6", ""],
    ]


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize(
    ("ago", "mark"),
    [
        (timedelta(days=2, seconds=30), ""),
        (timedelta(days=2, seconds=90), ", overdue"),
        (timedelta(days=30), ", overdue"),
    ],
)
async def test_who_rests_past_their_time_is_overdue(
    sqlite_store: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str], ago: timedelta, mark: str
) -> None:
    """They wait for two days, and no worker is there."""
    now = datetime.now(UTC).replace(microsecond=0)
    await fill(World(sqlite_store, tmp_path / "programme", now - ago))
    due = now - ago + timedelta(days=2)
    assert await asyncio.to_thread(run, ["status", "reviews"]) == 0
    [(_, members, where)] = [row for row in lines(capsys.readouterr().out) if row[0] == "resting at"]
    assert (members, where) == ("5", f"the-review (wait_for) until {due:%Y-%m-%d %H:%M} UTC{mark}")


@pytest.mark.usefixtures("filled", "here")
async def test_why_a_message_has_not_left_is_a_sentence_and_not_a_rule(
    sqlite_store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    async with sqlite_store.writing() as connection:
        queued = messages.update().where(messages.c.state == "queued")
        await connection.execute(queued.values(reason="the SMTP server cannot be reached"))
    assert await asyncio.to_thread(run, ["status", "reviews"]) == 0
    assert lines(capsys.readouterr().out)[-2:] == [
        ["email dropped", "1", "by consent"],
        ["email queued", "6", "the SMTP server cannot be reached"],
    ]


@pytest.mark.usefixtures("filled", "here")
def test_all_journeys_and_one_that_is_not_there(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["status"]) == 0
    out = capsys.readouterr().out
    assert out.index("another (version") < out.index("reviews (version")
    assert run(["status", "reveiws"]) == 1
    assert 'no journey is called "reveiws"; applied are: another, reviews' in capsys.readouterr().err


@pytest.mark.usefixtures("here")
def test_before_anything_was_applied(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["status"]) == 0
    assert capsys.readouterr().out == "no journey has been applied yet; run: journeyflow apply\n"


@pytest.mark.usefixtures("here")
def test_experiments_and_how_they_ended(
    sqlite_store: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async def prepare() -> None:
        world = World(sqlite_store, tmp_path / "programme")
        await world.apply(TIMING)
        await world.customers("c0")
        await world.enter("c0")
        await standing(world, winner="b", decided_at=world.now)

    asyncio.run(prepare())
    assert run(["status"]) == 0
    told = ["experiment nudge", "1", "exposed; b has won, 2031-05-07 12:00 UTC"]
    assert told in lines(capsys.readouterr().out)
