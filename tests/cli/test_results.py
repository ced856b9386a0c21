"""`journeyflow results`, for people and for machines, on a store whose exposures and outcomes are made up."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from journeyflow.cli.main import run
from journeyflow.store.database import Store
from journeyflow.store.migrate import upgrade
from tests.engine.programmes import World
from tests.experiments.filling import DAY, ArmMade, fill

NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)
AT = ("--at", "2026-11-28T12:00")
SAID = "Evening brings between 3.0 and 7.7 more customers in 100"
NUDGES = """
    journey: nudges
    enter: {event: began}
    goal: {event: order.completed, within: 7 days}
    steps:
      - experiment:
          name: nudge-timing
          holdout: 10%
          metric: {event: order.completed, within: 7 days}
          guardrails: {unsubscribed: 0.5%}
          variants:
            morning: {share: 45%, steps: [{wait: 1 day}]}
            evening: {share: 45%, steps: [{wait: 2 days}]}
"""
REVENUE = """
    journey: revenue
    enter: {event: began}
    steps:
      - experiment:
          name: revenue-timing
          metric: {event: order.completed, within: 7 days, value: total}
          variants:
            at-once: {share: 50%, steps: [{wait: 1 day}]}
            weekend: {share: 50%, steps: [{wait: 2 days}]}
"""
IDLE = """
    journey: idle
    enter: {event: began}
    steps:
      - experiment:
          name: idle-timing
          metric: {event: order.completed, within: 7 days}
          variants:
            now: {share: 50%, steps: [{wait: 1 day}]}
            later: {share: 50%, steps: [{wait: 2 days}]}
"""


@pytest_asyncio.fixture(scope="module")
async def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """With a store that all tests here only read."""
    folder = tmp_path_factory.mktemp("results")
    store = Store.open(f"sqlite:///{folder}/journeyflow.db")
    await upgrade(store)
    world = World(store, folder / "programme", NOW - 60 * DAY)
    await world.apply(NUDGES, REVENUE, IDLE)
    nudges = [ArmMade("", 1_000, 0.03), ArmMade("morning", 4_500, 0.06), ArmMade("evening", 4_500, 0.11)]
    await fill(store, "nudge-timing", nudges, 8_000, NOW - 40 * DAY, days=40)
    revenue = [ArmMade("at-once", 5_000, 0.06), ArmMade("weekend", 5_000, 0.07)]
    await fill(store, "revenue-timing", revenue, 2_000, NOW - 20 * DAY, days=20)
    await store.close()
    return folder


@pytest.fixture(autouse=True)
def here(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JOURNEYFLOW_STORE", f"sqlite:///{folder}/journeyflow.db")
    monkeypatch.setenv("COLUMNS", "120")


def shown(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert run(["results", *arguments]) == 0
    return capsys.readouterr().out


def data(capsys: pytest.CaptureFixture[str], *arguments: str) -> Any:
    return json.loads(shown(capsys, *arguments, *AT, "--json"))


def test_all_experiments_with_what_can_be_said(capsys: pytest.CaptureFixture[str]) -> None:
    rows = [[cell.strip() for cell in line.split("│")] for line in shown(capsys, *AT).splitlines()]
    told = {row[0]: row[1:4] for row in rows if len(row) == 5 and row[0]}
    assert told == {
        "idle-timing": ["idle", "0", "early"],
        "nudge-timing": ["nudges", "8,000", "decided"],
        "revenue-timing": ["revenue", "2,000", "running"],
    }
    assert data(capsys)[0]["sentences"] == ["Nobody has come to this experiment yet."]


def test_one_experiment_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    lines = shown(capsys, "nudge-timing", *AT).splitlines()
    assert " ".join(lines[:2]) == (
        "In the journey nudges, since 2026-10-19, measures order.completed within 7 days of exposure; "
        "may be looked at every day (errors at most 5%)."
    )
    assert lines[2] == f"{SAID} to order.completed than morning. You can end the test."
    assert lines[3] == "Whether morning does more than no message at all is not known yet."
    assert lines[4].startswith("Evening brings between ")
    assert lines[4].endswith("than no message at all (the holdout).")
    cells = [[cell.strip() for cell in line.split("│")] for line in lines]
    [morning] = [row for row in cells if row[0] == "morning" and len(row) == 9]
    assert morning[1:3] == ["45%", "3,536"]


def test_one_experiment_for_machines(capsys: pytest.CaptureFixture[str]) -> None:
    found = data(capsys, "nudge-timing")
    assert list(found) == [
        *("experiment", "journey", "generation", "at", "first_exposure", "last_exposure", "method", "metric"),
        *("state", "leader", "winner", "decided_at", "sentences", "arms", "more_customers", "days_left"),
        *("differences", "with_holdout", "breaches", "trend"),
    ]
    assert list(found["arms"][0]) == [
        *("arm", "share_percent", "exposed", "matured", "converted", "value", "per_customer"),
        *("unsubscribed", "complained", "likely_best", "sent", "not_sent"),
    ]
    assert [arm["arm"] for arm in found["arms"]] == ["", "morning", "evening"]
    assert (found["state"], found["leader"], found["winner"]) == ("decided", "evening", None)
    assert list(found["differences"][0]) == [
        *("arm", "than", "difference", "low", "high", "relative", "relative_low", "relative_high"),
        *("is_better", "is_worse"),
    ]
    assert found["trend"][-1]["at"] == "2026-11-28T12:00:00+00:00"
    assert found["trend"][-1]["differences"] == found["differences"]


def test_an_earlier_time_knows_nothing_of_what_came_after(capsys: pytest.CaptureFixture[str]) -> None:
    found = json.loads(shown(capsys, "nudge-timing", "--at", "2026-10-29T12:00Z", "--json"))
    assert sum(arm["exposed"] for arm in found["arms"]) == 2_001
    assert sum(arm["matured"] for arm in found["arms"]) == 601
    assert found["last_exposure"] == "2026-10-29T12:00:00+00:00"
    assert found["state"] == "running"


def test_the_page_needs_nothing_else(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    page, picture = tmp_path / "results.html", tmp_path / "results.png"
    shown(capsys, "nudge-timing", *AT, "--html", str(page), "--png", str(picture))
    assert picture.read_bytes().startswith(b"\x89PNG")
    text = page.read_text()
    assert SAID in text
    assert text.count("data:image/png;base64,") == 2
    for other in ("<script", "http:", "https:", "<link"):
        assert other not in text


def test_a_plan_says_what_a_test_will_need(capsys: pytest.CaptureFixture[str]) -> None:
    asked = ("--plan", "--baseline", "5%", "--lift", "10%", "--per-day", "1000")
    lines = shown(capsys, *asked).splitlines()
    assert lines[1] == "  fixed       31,218 customers in each (63 days), looked at once, at the end"
    found = json.loads(shown(capsys, *asked, "--json"))["customers_in_each"]
    assert found["fixed"] < found["usual"] < found["latest"] < 3 * found["fixed"]


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (["nudge-timng"], 1, 'no experiment is called "nudge-timng"; did you mean "nudge-timing"?'),
        (["--at", "yesterday"], 2, 'it is "yesterday"; write a time as in 2026-11-28T12:00Z'),
        (["--png", "all.png"], 2, "name the experiment that is to be drawn"),
        (["nudge-timing", "--html", "/nowhere/a.html"], 2, '"/nowhere/a.html" cannot be opened'),
        (["nudge-timing", "--journey", "nudges"], 2, "questions of their own"),
        (["--plan", "--lift", "10%"], 2, 'a plan needs "--baseline 5%" and "--lift 10%"'),
        (["--plan", "--baseline", "5%", "--lift", "2000%"], 1, "make a rate of 105.00%"),
        (["--plan", "--baseline", "five"], 2, 'it is "five"; write percent'),
        (["--baseline", "5%"], 2, 'go with "--plan"'),
    ],
)
def test_what_cannot_be_shown_is_one_sentence(
    arguments: list[str], code: int, sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["results", *arguments]) == code
    out, err = capsys.readouterr()
    assert out == ""
    assert sentence in err


def test_a_journey_without_anybody_held_out_is_told_so(capsys: pytest.CaptureFixture[str]) -> None:
    assert shown(capsys, "--journey", "nudges").startswith("hardly anybody of this journey has been held out")
