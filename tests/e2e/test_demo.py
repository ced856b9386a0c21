"""The demo as a user runs it, to its end, and what of its customers can be found in Temporal afterwards."""

import csv
import json
import os
import re
import sqlite3
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest
from temporalio.client import Client

from journeyflow.testing.servers import DevServer, dev_server

_ROOT = Path(__file__).parents[2]
_JOURNEYS = ("welcome", "birthday", "win-back", "post-purchase")
_PREFIX = 4  # bytes of a needle that are looked for first
_NAMES = ("attr.first_name", "attr.last_name")


@pytest.mark.timeout(600)  # twice, on a machine that may be busy
def test_the_demo_runs_to_its_end_and_again_in_the_same_folder(tmp_path: Path) -> None:
    for _ in range(2):
        output = _run_demo(tmp_path / "demo")
        assert "customers: 2,357 new" in output, "not a fresh run"
        for journey in _JOURNEYS:
            assert re.search(rf"^{journey}: [1-9][0-9,]* entered", output, re.MULTILINE), output
        assert list((tmp_path / "demo" / "outbox").glob("*.eml"))
        told = " ".join(output.split())
        assert "the real orders of the last day come in now" in told
        assert re.search(
            r"customers: 2,357 computed anew.* [1-9][0-9,]* moved up, [1-9][0-9,]* moved down", told
        )
        assert "this nobody ever did; it is made up" in told
        assert told.index("orders-of-today.jsonl") < told.index("made up") < told.index("made-up.jsonl")
        _check_that_journeys_react({name: _rows(output, name) for name in _JOURNEYS})
        _check_that_experiments_are_told(told, tmp_path / "demo" / "results.html")


def test_the_demo_keeps_away_from_a_programme(tmp_path: Path) -> None:
    (tmp_path / "journeyflow.db").write_text("somebody's store")
    done = _demo(tmp_path)
    assert done.returncode == 1
    assert "no demo has made it, so nothing was touched" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["journeyflow.db"]


def _check_that_journeys_react(found: dict[str, dict[str, int]]) -> None:
    """Members who bought went on, lost customers came back, and refunds ended the thanks."""
    for name, least in (("welcome", 5), ("birthday", 1)):  # how many have a birthday hangs on the hour
        assert least <= found[name]["finished"] <= found[name]["reached the goal"]
        assert found[name]["resting"] >= least
    assert found["win-back"]["exited"] == found["win-back"]["reached the goal"] > 20
    assert found["post-purchase"]["exited"] > 5
    assert found["post-purchase"]["resting"] > 20


def _check_that_experiments_are_told(told: str, page: Path) -> None:
    """Both, as made up as they are, and without a difference where none was made."""
    assert "it is made up who came to these in the last year" in told
    assert f"results of the experiments: {page}" in told
    shown = " ".join(page.read_text("utf-8").split())
    assert "it is made up who came to these in the last year" in shown
    for experiment in ("goodbye-timing", "thanks-timing"):
        assert experiment in told
        assert experiment in shown
    assert shown.count("No difference was found") >= 2


def _rows(output: str, journey: str) -> dict[str, int]:
    """The numbers of the journey's table, added up by their names."""
    table = output.partition(f"\n{journey}: ")[2].partition("└")[0]
    numbers: Counter[str] = Counter()
    for name, number in re.findall(r"^│ (\w[\w ]*?) +│ +([0-9,]+) │", table, re.MULTILINE):
        numbers[name] += int(number.replace(",", ""))
    return numbers


@pytest.mark.timeout(400)
async def test_nothing_personal_enters_temporal(tmp_path: Path) -> None:
    folder = tmp_path / "demo"
    _run_demo(folder)
    customers = _read_customers(folder)
    needles = {needle for customer in customers for needle in _needles(customer)}
    async with dev_server(folder / "temporal.db") as server:
        seen = await _all_that_temporal_knows(server)
        assert b'"resting"' in seen, "the search does not see what our workflows were given"
        assert _found(seen, needles) == set()
        victim = next(one for one in customers if "".join(one.values()).isascii() and all(one.values()))
        await _plant(server, victim)
        assert _found(await _all_that_temporal_knows(server), needles) >= _needles(victim)


def _run_demo(folder: Path) -> str:
    done = _demo(folder)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def _demo(folder: Path) -> "subprocess.CompletedProcess[str]":
    outside = {name: value for name, value in os.environ.items() if not name.startswith("JOURNEYFLOW_")}
    command = [sys.executable, "-m", "journeyflow", "demo", "--folder", str(folder), "--root", str(_ROOT)]
    return subprocess.run(
        command, env=outside, cwd=folder.parent, capture_output=True, text=True, timeout=300, check=False
    )


def _read_customers(folder: Path) -> list[dict[str, str]]:
    with (folder / "customers.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _needles(customer: dict[str, str]) -> set[bytes]:
    """Whatever would show this customer: addresses anywhere, other values as JSON has them.

    Names of five letters and more also count outside of quotes, where they stand as words of their own.
    Numbers such as points cannot be told from others, but the names of the attributes can, unless a journey
    has the same, by which its sweep is asked for. Ids are left out, since those of the demo look like sets of
    members ("c0001").
    """
    addresses = {customer["email"], customer["phone"].lstrip("+"), customer["attr.birthday"]}
    values = {
        json.dumps(value, ensure_ascii=escape) for value in customer.values() for escape in (True, False)
    }
    values -= {json.dumps(customer[name]) for name in ("id", "consent_email", "consent_sms", "attr.points")}
    names = {customer[name] for name in _NAMES if len(customer[name]) >= 5}
    columns = {column.removeprefix("attr.") for column in customer if column.startswith("attr.")}
    attributes = {f'"{name}"' for name in columns - set(_JOURNEYS)}
    return {text.encode() for text in addresses | values | names | attributes} - {b"", b'""'}


def _found(haystack: bytes, needles: Iterable[bytes]) -> set[bytes]:
    by_prefix: dict[bytes, set[bytes]] = defaultdict(set)
    for needle in needles:
        by_prefix[needle[:_PREFIX]].add(needle)
    return {needle for prefix, group in by_prefix.items() for needle in _found_at(haystack, prefix, group)}


def _found_at(haystack: bytes, prefix: bytes, group: set[bytes]) -> Iterator[bytes]:
    lengths = {len(needle) for needle in group}
    for match in re.finditer(re.escape(prefix), haystack):
        at = match.start()
        for candidate in {haystack[at : at + length] for length in lengths} & group:
            around = haystack[at - 1 : at] + haystack[at + len(candidate) : at + len(candidate) + 1]
            if not (candidate.isalpha() and re.search(rb"[A-Za-z]", around)):
                yield candidate


async def _all_that_temporal_knows(server: DevServer) -> bytes:
    """The files as they lie on the disk, each value in the database, and the history of every workflow."""
    assert server.database is not None
    files = [path.read_bytes() for path in server.database.parent.glob(f"{server.database.name}*")]
    client = await Client.connect(server.address)
    histories: list[bytes] = []
    async for run in client.list_workflows():
        history = await client.get_workflow_handle(run.id, run_id=run.run_id).fetch_history()
        histories += [event.SerializeToString() for event in history.events]
    assert len(histories) > len(_JOURNEYS)
    return b"\0".join([*files, *_values(server.database), *histories])


def _values(database: Path) -> Iterator[bytes]:
    """Whole, while in the file a long value is spread over pages."""
    connection = sqlite3.connect(f"file:{database}?mode=ro", uri=True)
    try:
        for (table,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
            for row in connection.execute(f'SELECT * FROM "{table}"'):
                yield from (v if isinstance(v, bytes) else str(v).encode() for v in row)
    finally:
        connection.close()


async def _plant(server: DevServer, customer: dict[str, str]) -> None:
    """What a careless workflow would have in its argument."""
    client = await Client.connect(server.address)
    careless = {name.removeprefix("attr."): value for name, value in customer.items()}
    names = " ".join(customer[name] for name in _NAMES)
    await client.start_workflow("Careless", args=[careless, names], id="careless", task_queue="nobody")
