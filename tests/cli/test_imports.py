"""Imports as they are called: what goes in, what is reported, and what a kill leaves behind."""

import json
import os
import sqlite3
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from journeyflow.cli.main import run

JOURNEYFLOW = str(Path(sys.executable).parent / "journeyflow")


@pytest.fixture
def database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("JOURNEYFLOW_STORE", "sqlite:///store.db")
    return tmp_path / "store.db"


def query(database: Path, sql: str) -> list[Any]:
    connection = sqlite3.connect(database)
    try:
        return connection.execute(sql).fetchall()
    finally:
        connection.close()


def test_good_lines_go_in_and_bad_ones_are_reported(
    database: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("people.csv").write_text(
        "id,email,consent_email,attr.points\n"
        "1,ada@example.com,granted,5\n"
        "2,secret,,\n"
        '3,"broken,,\n'
        "4,bob@example.com,denied,7\n"
    )
    Path("people.rejects").touch(0o644)
    assert run(["customers", "import", "people.csv", "--rejects", "people.rejects"]) == 1
    out, err = capsys.readouterr()
    assert out == "customers: 2 new, 0 unchanged, 2 bad\n"
    reports = err.splitlines()
    assert reports[0] == "people.csv:3: email is not an address that can be; write it as name@example.com"
    assert reports[1].startswith("people.csv:4: the quotes or line breaks are broken")
    assert len(reports) == 2
    assert Path("people.rejects").read_text() == (
        "reject_line,reject_reason,id,email,consent_email,attr.points\n"
        f'3,"{reports[0].partition(": ")[2]}",2,secret,,\n'
        f'4,"{reports[1].partition(": ")[2]}",3,"broken,,\n'
    )
    assert Path("people.rejects").stat().st_mode & 0o777 == 0o600
    assert "secret" not in err
    assert query(database, "SELECT key, email FROM customers ORDER BY key") == [
        ("1", "ada@example.com"),
        ("4", "bob@example.com"),
    ]
    assert query(database, "SELECT state, source FROM consent_log ORDER BY id") == [
        ("granted", "import"),
        ("denied", "import"),
    ]


def test_rejected_rows_are_mended_and_imported(database: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("people.csv").write_text("Nr;Telefon;Namn\n1;070-174 06 05;Ada\n2;0;Bob\n")
    options = ["--map", "Nr=id", "--map", "Telefon=phone", "--ignore", "Namn", "--country", "se"]
    assert run(["customers", "import", "people.csv", *options, "--rejects", "bad.csv"]) == 1
    Path("bad.csv").write_text(Path("bad.csv").read_text().replace(";2;0;", ";2;+46701740606;"))
    assert run(["customers", "import", "bad.csv", *options]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "customers: 1 new, 0 unchanged, 1 bad",
        "customers: 1 new, 0 unchanged, 0 bad",
    ]
    assert query(database, "SELECT key, phone FROM customers") == [
        ("1", "+46701740605"),
        ("2", "+46701740606"),
    ]


def test_times_are_read_as_the_file_writes_them(database: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("sales.csv").write_text("id,customer,name,at\n1,9,sold,28/11/2026 09:30\n2,9,sold,2026-11-28\n")
    command = ["events", "import", "sales.csv", "--at-format", "%d/%m/%Y %H:%M"]
    assert run(command) == 2
    assert run([*command, "--timezone", "Europe/Stockholm"]) == 1
    assert "sales.csv:3: at is not of the form %d/%m/%Y %H:%M" in capsys.readouterr().err
    assert query(database, "SELECT at FROM events") == [("2026-11-28 08:30:00.000000",)]


@pytest.mark.parametrize(
    "options",
    [
        ["--map", "email"],
        ["--map", "=email"],
        ["--delimiter", "ab"],
        ["--country", "Sweden"],
        ["--encoding", "utf-16"],
        ["--format", "jsonl", "--ignore", "x"],
    ],
)
def test_options_that_cannot_be_are_refused(database: Path, options: list[str]) -> None:
    Path("people.csv").write_text("id\n1\n")
    assert run(["customers", "import", "people.csv", *options]) == 2
    assert not database.exists()


@pytest.mark.parametrize("form", ["%H:%M", "%d/%m %H:%M", "%Q", "when"])
def test_a_form_of_times_has_to_tell_the_day(database: Path, form: str) -> None:
    Path("sales.csv").write_text("id\n1\n")
    assert run(["events", "import", "sales.csv", "--timezone", "UTC", "--at-format", form]) == 2


def test_importing_again_changes_nothing(database: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("people.jsonl").write_text('{"id": "1", "attributes": {"points": 5}}\n{"id": "2"}\n')
    assert run(["customers", "import", "people.jsonl"]) == 0
    before = query(database, "SELECT * FROM customers")
    assert run(["customers", "import", "people.jsonl"]) == 0
    assert query(database, "SELECT * FROM customers") == before
    Path("people.jsonl").write_text('{"id": "1", "attributes": {"points": 6}}\n{"id": "2"}\n')
    assert run(["customers", "import", "people.jsonl"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "customers: 2 new, 0 unchanged, 0 bad",
        "customers: 0 new, 2 unchanged, 0 bad",
        "customers: 0 new, 1 changed, 1 unchanged, 0 bad",
    ]


def test_consents_of_a_file_are_told_when_they_do_not_count(
    database: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("people.csv").write_text("id,consent_email,consent_sms\n1,denied,denied\n2,denied,\n3,granted,\n")
    assert run(["customers", "import", "people.csv"]) == 0
    Path("people.csv").write_text(
        "id,consent_email,consent_sms,consented_at,consent_wording\n"
        "1,granted,granted,,\n"
        "2,granted,,2026-03-01T12:00:00Z,\n"
        '3,granted,granted,,"Yes, by SMS"\n'
    )
    assert run(["customers", "import", "people.csv"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "customers: 3 new, 0 unchanged, 0 bad",
        "customers: 0 new, 1 changed, 2 unchanged, 0 bad, 3 denials kept",
    ]
    assert query(database, "SELECT channel, state, wording FROM consent_log WHERE customer_id = 3") == [
        ("email", "granted", None),
        ("sms", "granted", "Yes, by SMS"),
    ]


def test_a_topic_that_the_policy_does_not_have_is_a_bad_line(
    database: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("people.csv").write_text("id,consent_email.newz\n1,denied\n2,\n")
    assert run(["customers", "import", "people.csv"]) == 1
    out, err = capsys.readouterr()
    assert out == "customers: 1 new, 0 unchanged, 1 bad\n"
    reason = 'the consent for email names the topic "newz"; the policy in force has none'
    assert err == f"people.csv:2: {reason}\n"


def test_events_bring_their_customers(database: Path, capsys: pytest.CaptureFixture[str]) -> None:
    line = {"id": "e1", "customer": "9", "name": "order.completed", "at": "2026-03-01T12:00:00+01:00"}
    late = {**line, "id": "e2", "at": "2026-03-01T12:00:00"}
    Path("events.txt").write_text(f"{json.dumps(line)}\n{json.dumps(late)}\n")
    assert run(["events", "import", "events.txt", "--format", "jsonl"]) == 1
    out, err = capsys.readouterr()
    assert out == "events: 1 new, 0 unchanged, 1 bad\n"
    assert err.startswith("events.txt:2: at has no offset")
    sql = "SELECT customers.key, name, routed_at FROM events JOIN customers ON customers.id = customer_id"
    assert query(database, sql) == [("9", "order.completed", None)]


def test_csv_events(database: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("events.csv").write_text(
        "id,customer,name,at,prop.total\ne1,9,order.completed,2026-03-01T12:00:00Z,19.90\n"
    )
    assert run(["events", "import", "events.csv"]) == 0
    assert query(database, "SELECT properties FROM events") == [('{"total": 19.9}',)]


def test_a_wrong_header_is_one_error(database: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("people.csv").write_text("id,mail\n1,ada@example.com\n")
    assert run(["customers", "import", "people.csv"]) == 1
    assert capsys.readouterr().err.startswith('journeyflow: people.csv:1: there is no column "mail"')
    assert query(database, "SELECT count(*) FROM customers") == [(0,)]


def test_an_unknown_suffix_asks_for_the_format(database: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("people.txt").write_text("id\n")
    assert run(["customers", "import", "people.txt"]) == 2
    assert "give --format csv or jsonl" in capsys.readouterr().err


def test_the_rejects_file_cannot_be_the_source(database: Path) -> None:
    Path("people.csv").write_text("id\n1\n")
    assert run(["customers", "import", "people.csv", "--rejects", "people.csv"]) == 2
    assert Path("people.csv").read_text() == "id\n1\n"


def test_a_killed_import_is_finished_by_the_next(database: Path) -> None:
    lines = "".join(
        f'{{"id": "e{number}", "customer": "c{number % 99}", "name": "seen", "at": "2026-03-01T12:00:00Z"}}\n'
        for number in range(5_000)
    )
    Path("events.jsonl").write_text(lines)
    os.mkfifo("slow.jsonl")  # gives the import as much as we want it to have when it is killed
    command = [JOURNEYFLOW, "events", "import"]
    with subprocess.Popen([*command, "slow.jsonl"]) as process, Path("slow.jsonl").open("w") as pipe:
        pipe.write("".join(lines.splitlines(keepends=True)[:2_500]))
        pipe.flush()
        while count_events(database) < 2_000:
            assert process.poll() is None, "the import ended before it could be killed"
            time.sleep(0.01)
        process.kill()
    assert count_events(database) == 2_000, "a batch is whole or not there"
    done = subprocess.run([*command, "events.jsonl"], capture_output=True, text=True, check=True)
    assert done.stdout == "events: 3,000 new, 2,000 unchanged, 0 bad\n"
    assert count_events(database) == 5_000
    assert query(database, "SELECT count(*) FROM customers") == [(99,)]


def count_events(database: Path) -> int:
    try:
        return int(query(database, "SELECT count(*) FROM events")[0][0])
    except sqlite3.OperationalError:  # the table is not there yet
        return 0
