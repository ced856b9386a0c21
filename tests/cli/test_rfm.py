"""`journeyflow rfm`: the classes, computed and shown."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path

import pytest
import pytest_asyncio

from journeyflow.cli.main import run
from journeyflow.store.database import Store
from tests.engine.programmes import World
from tests.engine.test_rfm import LIVES, POLICY, buy

ROW = "┃│┏┓┗┛"


@pytest_asyncio.fixture
async def world(sqlite_store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.setenv("JOURNEYFLOW_STORE", f"sqlite:///{tmp_path}/journeyflow.db")
    monkeypatch.setenv("COLUMNS", "120")
    return World(sqlite_store, tmp_path / "programme", datetime.now(UTC))


def rows(text: str) -> list[list[str]]:
    """The cells of each row, without the lines around them."""
    cells = ([cell.strip() for cell in line.strip(ROW).split("│")] for line in text.splitlines())
    return [row for row in cells if len(row) == 6]


def test_the_classes_are_shown_and_a_second_time_nothing_differs(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    asyncio.run(_fill(world))
    assert run(["rfm"]) == 0
    out = capsys.readouterr().out
    assert out.startswith(
        "customers: 6 computed anew, 0 moved up, 0 moved down, 0 without purchases by now\n"
    )
    assert rows(out) == [
        ["champion", "1", "16.7%", "10", "9", "1,300.00"],
        ["loyal", "1", "16.7%", "20", "2", "100.00"],
        ["new", "1", "16.7%", "3", "1", "10.00"],
        ["slipping", "1", "16.7%", "400", "2", "20.00"],
        ["lapsed", "2", "33.3%", "450", "1", "10.00"],
    ]
    assert run(["rfm"]) == 0
    assert capsys.readouterr().out.startswith("customers: 0 computed anew")


def test_without_purchases_in_the_policy_it_says_what_to_write(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    asyncio.run(world.apply())
    assert run(["rfm"]) == 1
    assert "purchases: {event: order.completed, value: total}" in capsys.readouterr().err


def test_before_the_first_purchase_there_is_nobody(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    asyncio.run(world.apply(policy=POLICY))
    assert run(["rfm"]) == 0
    assert "nobody has bought anything yet" in capsys.readouterr().out


async def _fill(world: World) -> None:
    await world.apply(policy=POLICY)
    await buy(world, *LIVES)
