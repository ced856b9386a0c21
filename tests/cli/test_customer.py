"""`journeyflow customer`: show, export, erase."""

import json
import stat
from pathlib import Path

import pytest

from journeyflow.cli.main import run
from tests.cli.test_status import filled, here

__all__ = ["filled", "here"]


@pytest.mark.usefixtures("filled", "here")
def test_the_story_is_a_table(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["customer", "show", "odd"]) == 0
    title, _heading, _line, *rows = capsys.readouterr().out.splitlines()
    assert title.strip() == "customer odd"
    cells = [[cell.strip() for cell in row.split("│")] for row in rows]
    at = "2031-05-07 12:00:00"
    assert [at, "event", "began", ""] in cells
    assert [at, "step", "reviews steps/0", "send: queued"] in cells
    assert cells[-1] == [
        at,
        "enrollment",
        "reviews",
        "failed: steps/1: the attribute to add to is not a number",
    ]


@pytest.mark.usefixtures("filled", "here")
@pytest.mark.parametrize("command", [["show"], ["export"], ["erase", "--yes"]])
def test_a_customer_who_is_not_there(command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["customer", *command, "nobody"]) == 1
    assert 'no customer has the id "nobody"' in capsys.readouterr().err


@pytest.mark.usefixtures("filled", "here")
def test_an_export_goes_to_standard_output_or_a_file_of_ones_own(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["customer", "export", "odd"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["customer"]["email"] == "odd@example.com"
    file = tmp_path / "odd.json"
    assert run(["customer", "export", "odd", "-o", str(file)]) == 0
    assert json.loads(file.read_text())["events"] == found["events"]
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert capsys.readouterr().out == ""


@pytest.mark.usefixtures("filled", "here")
def test_an_erasure_asks_first_and_tells_what_remains(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdin", (tmp_path / "no").open("w+"))
    assert run(["customer", "erase", "odd"]) == 130
    assert run(["customer", "show", "odd"]) == 0
    capsys.readouterr()
    assert run(["customer", "erase", "--yes", "odd"]) == 0
    out = capsys.readouterr().out
    assert "1 in customers" in out
    assert "nothing is sent to their address for email and sms any more" in out
    assert "Temporal: numbers only" in out
    assert "odd" not in out
    assert run(["customer", "erase", "--yes", "odd"]) == 1
    assert run(["customer", "erase", "--yes", "--number", "odd"]) == 2
    assert run(["customer", "erase", "--yes", "--number", out.split()[1]]) == 1
    assert run(["customer", "erase", "--yes", "--number", "1"]) == 0
    assert b"odd@example.com" not in b"".join(file.read_bytes() for file in tmp_path.glob("journeyflow.db*"))


@pytest.mark.usefixtures("filled", "here")
def test_the_audit_log_has_it_all(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOGNAME", "sam")
    assert run(["customer", "export", "odd"]) == 0
    assert run(["customer", "erase", "--yes", "odd"]) == 0
    capsys.readouterr()
    assert run(["audit"]) == 0
    rows = [[cell.strip() for cell in line.split("│")] for line in capsys.readouterr().out.splitlines()[2:]]
    assert [row[1:3] for row in rows if len(row) == 5 and row[2]] == [
        ["journeyflow", "apply"],
        ["sam", "export"],
        ["sam", "erase"],
    ]
    assert run(["audit", "--action", "export"]) == 0
    assert "erase" not in capsys.readouterr().out
    assert run(["audit", "--since", "2099-01-01"]) == 0
    assert "export" not in capsys.readouterr().out
