"""`journeyflow segment`, for people and for machines."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from sqlalchemy import select

from journeyflow.cli.main import run
from journeyflow.engine.refreshing import refresh_all
from journeyflow.store.customers import customers
from journeyflow.store.database import Store
from journeyflow.store.segments import segment_members
from tests.cli.test_status import here
from tests.engine.programmes import World, keys

__all__ = ["here"]
SEGMENTS = """
    gold: {attribute: tier, is: gold}
    active-gold:
      all:
        - {segment: gold}
        - any:
            - {event: order.completed, within: 30 days}
            - {consent: sms}
"""
WIN_BACK = """
    journey: win-back
    enter: {segment: gold}
    exit: [{leaves: active-gold}]
    steps: [{wait: 30 days}]
"""
NOW = datetime.now(UTC).replace(microsecond=0)


@pytest_asyncio.fixture
async def told(sqlite_store: Store, tmp_path: Path) -> None:
    """Five have gold. Of `active-gold` Ann is a member, who has to leave it, and Ben was one."""
    world = World(sqlite_store, tmp_path / "programme", NOW)
    await world.apply(WIN_BACK, segments=SEGMENTS)
    await world.customers(*keys(3), "ann", "ben", consents={}, tier="gold")
    await refresh_all(sqlite_store, world.programme, lambda: NOW)
    stays = {"ann": (10, None), "ben": (20, 5)}
    rows = [
        {
            "segment": "active-gold",
            "customer_id": (await world.rows(select(customers.c.id).where(customers.c.key == key)))[0].id,
            "joined_at": NOW - timedelta(days=joined),
            "left_at": NOW - timedelta(days=left) if left else None,
        }
        for key, (joined, left) in stays.items()
    ]
    async with sqlite_store.writing() as connection:
        await connection.execute(segment_members.insert(), rows)


def data(capsys: pytest.CaptureFixture[str], *arguments: str) -> Any:
    assert run(["segment", *arguments, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


@pytest.mark.usefixtures("told", "here")
def test_all_segments(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["segment"]) == 0
    rows = [[cell.strip() for cell in line.split("│")] for line in capsys.readouterr().out.splitlines()]
    at = f"{NOW:%Y-%m-%d %H:%M} UTC"
    assert ["active-gold", "1", "0", "1", at, "win-back"] in rows
    assert ["gold", "5", "5", "0", at, "win-back"] in rows
    assert [one["members"] for one in data(capsys)] == [1, 5]


@pytest.mark.usefixtures("told", "here")
def test_one_segment_in_words_and_what_a_refresh_would_change(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["segment", "active-gold", "--fresh"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("active-gold: in the segment gold and (has order.completed within 30 days or ")
    assert "  members    1; in 7 days 0 joined and 1 left" in lines
    assert "  used by    the journey win-back (left by leaving it)" in lines
    assert "  fresh      0 by the condition; 0 would join and 1 leave with a refresh now" in lines
    assert data(capsys, "active-gold", "--fresh")["fresh"] == {"members": 0, "joining": 0, "leaving": 1}
    used = data(capsys, "gold")["used_by"]
    assert [(use["what"], use["name"], use["how"]) for use in used] == [
        ("journey", "win-back", "enter"),
        ("segment", "active-gold", "ask"),
    ]


@pytest.mark.usefixtures("told", "here")
def test_a_sample_is_of_members_and_the_same_with_the_same_seed(capsys: pytest.CaptureFixture[str]) -> None:
    samples = [data(capsys, "gold", "--sample", "3", "--seed", str(seed))["sample"] for seed in range(8)]
    assert {len(set(sample) & {*keys(3), "ann", "ben"}) for sample in samples} == {3}
    assert len(set(map(tuple, samples))) > 1
    assert data(capsys, "gold", "--sample", "3", "--seed", "0")["sample"] == samples[0]
    assert len(data(capsys, "gold", "--sample", "9")["sample"]) == 5


@pytest.mark.usefixtures("told", "here")
def test_why_a_customer_is_in_it_or_not(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["segment", "active-gold", "--explain", "ann"]) == 0
    lines = capsys.readouterr().out.splitlines()
    begin = lines.index("customer ann is a member")
    joined = NOW - timedelta(days=10)
    assert lines[begin + 1 :] == [
        f"  joined {joined:%Y-%m-%d %H:%M} UTC",
        f"  the condition does not hold now; last refreshed: {NOW:%Y-%m-%d %H:%M} UTC",
        "  - in the segment gold: holds (segment gold is yes)",
        '    - tier is gold: holds (attribute tier is "gold")',
        "  - has order.completed within 30 days or consents to SMS: does not hold (event order.completed",
        '    within 30 days, count is 0, consent sms is "none")',
        "    - has order.completed within 30 days: does not hold "
        "(event order.completed within 30 days, count",
        "      is 0)",
        '    - consents to SMS: does not hold (consent sms is "none")',
    ]
    assert run(["segment", "active-gold", "--explain", "ben"]) == 0
    out = capsys.readouterr().out
    assert "customer ben is no member" in out
    assert f", left {NOW - timedelta(days=5):%Y-%m-%d %H:%M} UTC" in out
    found = data(capsys, "active-gold", "--explain", "ann")["customer"]
    assert [part["holds"] for part in found["parts"]] == [True, False]
    assert [part["holds"] for part in found["parts"][1]["within"]] == [False, False]


@pytest.mark.usefixtures("told", "here")
def test_the_size_over_time_as_numbers_and_as_pictures(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    points = data(capsys, "active-gold", "--history", "30d", "--png", str(tmp_path / "size.png"))["history"]
    assert [point["members"] for point in points] == [*[0] * 10, *[1] * 10, *[2] * 5, *[1] * 6]
    assert (tmp_path / "size.png").read_bytes().startswith(b"\x89PNG")
    assert run(["segment", "active-gold", "--history", "4 weeks"]) == 0
    out = capsys.readouterr().out
    assert "Members of the segment active-gold" in out
    assert max(map(len, out.splitlines())) <= 110


@pytest.mark.usefixtures("told", "here")
@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (["actve-gold"], 1, 'no segment is called "actve-gold"; did you mean "active-gold"?'),
        (["gold", "--explain", "nobody"], 1, 'no customer has the id "nobody"'),
        (["gold", "--history", "3 months"], 2, "months and years differ in length; write days"),
        (["gold", "--png", "/nowhere/size.png"], 2, '"/nowhere/size.png" cannot be opened'),
        (["--sample", "3"], 2, "name the segment that is meant"),
    ],
)
def test_what_cannot_be_shown_is_one_sentence(
    arguments: list[str], code: int, sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["segment", *arguments]) == code
    out, err = capsys.readouterr()
    assert out == ""
    assert sentence in err


@pytest.mark.usefixtures("here")
def test_before_any_was_applied(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["segment"]) == 0
    assert capsys.readouterr().out.startswith("no segment has been applied yet; write journeys/segments.yaml")
    assert run(["segment", "gold"]) == 1
    assert "none has been applied yet; run: journeyflow apply" in capsys.readouterr().err
