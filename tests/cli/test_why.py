"""`journeyflow why`: for people and for machines."""

import json
from datetime import timedelta
from pathlib import Path

import pytest
import pytest_asyncio

from journeyflow.cli.main import run
from journeyflow.delivery.channels.outbox import Outbox
from journeyflow.store.database import Store
from tests.cli.test_status import here
from tests.engine.programmes import World
from tests.engine.test_gate import sends
from tests.journeys.writing import POLICY

__all__ = ["here"]
CAP = "    caps: [{channel: sms, at_most: 1, per: 7 days}]\n"
BRANCH = "- branch: [{when: {attribute: tier, in: [gold, platinum]}, then: [{update: {way: 1}}]}]"
WIN_BACK = """
    journey: win-back
    enter: {event: lapsed, when: {attribute: tier, is: gold}}
    steps: [{wait: 30 days}]
"""


@pytest_asyncio.fixture
async def told(sqlite_store: Store, tmp_path: Path) -> None:
    """Ann got a welcome, and a day later nothing, as the cap was full."""
    world = World(sqlite_store, tmp_path / "programme")
    capped = sends(first=BRANCH).rstrip() + "\n      - wait: 1 day\n"
    journeys = sends("welcome"), capped, WIN_BACK
    await world.apply(*journeys, policy=POLICY + CAP)
    await world.customers("ann", tier="gold", timezone="Asia/Tokyo")
    await world.customers("ben", consents={})
    await world.enter("ann", name="began-welcome")
    await world.deliver(Outbox(tmp_path), name="sms")
    world.now += timedelta(hours=4)
    await world.enter("ann", name="began-sends")
    await world.customers("ann", tier="silver")


@pytest.mark.usefixtures("told", "here")
def test_all_of_a_customer_in_a_hundred_columns(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["why", "ann"]) == 0
    out = capsys.readouterr().out
    assert max(map(len, out.splitlines())) <= 100
    _, _, second = out.split("\n\n")
    heading, *rest = second.splitlines()
    assert heading.startswith("sends, version ")
    assert rest == [
        "  2031-05-07 16:00:00 (2031-05-08 01:00)  enter",
        "    entered by the event began-sends (number 2, id e2) of 2031-05-07 16:00:00 (2031-05-08 01:00)",
        "  2031-05-07 16:00:00 (2031-05-08 01:00)  steps/0",
        "    Set sends to true",
        "  2031-05-07 16:00:00 (2031-05-08 01:00)  steps/1",
        "    took arm 1 of 1: tier is gold or platinum",
        '      - attribute tier was "gold"',
        "  2031-05-07 16:00:00 (2031-05-08 01:00)  steps/1/arms/0/then/0",
        "    Set way to 1",
        "  2031-05-07 16:00:00 (2031-05-08 01:00)  steps/2",
        "    message 2, SMS sends: dropped by cap",
        "      - the cap of at most 1 SMS per 7 days was full",
        "      - filled by message 1 (SMS welcome of welcome, sent 2031-05-07 12:00:00 (21:00))",
        "      - there is room from 2031-05-14 12:00:00 (21:00)",
        "  2031-05-07 16:00:00 (2031-05-08 01:00)  steps/3",
        "    Wait 1 day, so until 2031-05-08 16:00:00 (2031-05-09 01:00)",
        "  rests now at steps/3 until 2031-05-08 16:00:00 (2031-05-09 01:00)",
    ]


@pytest.mark.usefixtures("told", "here")
def test_one_message(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["why", "ann", "1"]) == 0
    out = capsys.readouterr().out
    assert (
        "message 1, SMS welcome: queued\n      - sent 2031-05-07 12:00:00 (21:00), number 1.txt there" in out
    )
    assert "message 2" not in out


@pytest.mark.usefixtures("told", "here")
def test_a_journey_the_customer_is_not_in(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["why", "ben", "--journey", "win-back"]) == 0
    assert capsys.readouterr().out.splitlines()[1:] == [
        "",
        "why not in win-back now:",
        "  the customer never did what brings in: lapsed",
    ]


@pytest.mark.usefixtures("told", "here")
def test_for_machines(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["why", "ann", "2", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    [passage] = found["passages"]
    branch = next(line for line in passage["lines"] if line["where"] == "steps/1")
    assert branch["at"] == "2031-05-07T16:00:00+00:00"
    assert branch["because"] == ['attribute tier was "gold"']
    assert passage["beginning"]["event"]["key"] == "e2"
    seen = next(decision for decision in passage["decisions"] if decision["path"] == "steps/1")
    assert (seen["what"], seen["facts"]) == ("arm", [["attribute tier", "gold"]])
    [message] = passage["messages"]
    assert (message["id"], message["state"], message["reason"]) == (2, "dropped", "cap")
    assert [other["id"] for other in message["filled_by"]] == [1]
    assert run(["why", "ben", "--journey", "win-back", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["passages"] == []
    assert [cause["why"] for cause in found["absence"]["causes"]] == ["never-did"]


@pytest.mark.usefixtures("told", "here")
@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["nobody"], 'no customer has the id "nobody"'),
        (["ann", "99"], 'customer "ann" has no message 99'),
        (["ben", "1"], 'customer "ben" has no message 1'),
        (
            ["ann", "--journey", "winback"],
            'no journey is called "winback"; applied are: sends, welcome, win-back',
        ),
    ],
)
def test_what_is_not_there_is_one_sentence(
    arguments: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["why", *arguments]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert sentence in err


def test_a_message_or_a_journey(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["why", "ann", "1", "--journey", "win-back"]) == 2
    assert "name a message or a journey, not both" in capsys.readouterr().err


@pytest.mark.usefixtures("told", "here")
def test_a_customer_whom_nothing_has_happened_to(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["why", "ben"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "customer ben; times are UTC, in brackets those in UTC",
        "no journey has taken this customer in yet",
    ]


@pytest.mark.usefixtures("told", "here")
def test_an_erased_customer_is_nobody(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["customer", "erase", "--yes", "ann"]) == 0
    assert run(["why", "ann"]) == 1
    assert 'no customer has the id "ann"' in capsys.readouterr().err
