"""`journeyflow apply` on the shipped programme, and on broken ones."""

import shutil
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from journeyflow.cli.main import run

ROOT = Path(__file__).parents[2]
ANSWERS = ["confirm-consent", "confirm-sms", "sms-help", "sms-join", "sms-started", "sms-stopped"]
NAMES = sorted(["birthday", "champion", "post-purchase", "slipping", "welcome", "win-back", *ANSWERS])


@pytest.fixture
def programme(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for part in ("journeys", "templates"):
        shutil.copytree(ROOT / part, tmp_path / part)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("JOURNEYFLOW_STORE", "sqlite:///store.db")
    monkeypatch.delenv("JOURNEYFLOW_ROOT", raising=False)
    return tmp_path


def dump(programme: Path) -> list[Any]:
    connection = sqlite3.connect(programme / "store.db")
    tables = ("policies", "templates", "journey_versions", "journeys", "experiments")
    try:
        return [connection.execute(f"SELECT * FROM {table} ORDER BY 1, 2, 3").fetchall() for table in tables]
    finally:
        connection.close()


def test_the_shipped_programme_comes_into_force_once(
    programme: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["apply"]) == 0
    told = capsys.readouterr().out.splitlines()
    assert [line.split(maxsplit=1) for line in told[: len(NAMES)]] == [
        [name, "new version"] for name in NAMES
    ]
    before = dump(programme)
    assert run(["apply", "."]) == 0
    told = capsys.readouterr().out.splitlines()
    assert [line.split(maxsplit=1) for line in told[: len(NAMES)]] == [[name, "unchanged"] for name in NAMES]
    experiments = [line for line in told if line.startswith("experiment ")]
    assert experiments
    assert all(line.endswith(": goes on") for line in experiments)
    assert told[len(NAMES) :] == ["policy unchanged", "templates: 0 changed, 0 removed", *experiments]
    assert dump(programme) == before


def test_all_problems_are_told_and_nothing_is_done(
    programme: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["apply"]) == 0
    before = dump(programme)
    capsys.readouterr()
    journey = programme / "journeys" / "welcome.yaml"
    journey.write_text(journey.read_text() + "  - sned: {email: welcome}\n")
    mail = programme / "templates" / "messages" / "win-back" / "email.mjml"
    mail.write_text("<mjml>")
    assert run(["apply"]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert "journeys/welcome.yaml:" in err
    assert '"sned"' in err
    assert "win-back/email.mjml:1:" in err
    assert "win-back.yaml" not in err, "its template is broken, not missing"
    assert err.endswith("nothing was changed\n")
    assert dump(programme) == before


def test_a_send_without_its_template_is_a_problem(
    programme: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.rmtree(programme / "templates" / "messages" / "win-back")
    assert run(["apply"]) == 1
    assert "journeys/win-back.yaml:" in capsys.readouterr().err


def test_a_journey_whose_file_is_gone_is_disabled(
    programme: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["apply"]) == 0
    (programme / "journeys" / "birthday.yaml").unlink()
    capsys.readouterr()
    assert run(["apply"]) == 0
    assert capsys.readouterr().out.splitlines()[0].split() == ["birthday", "disabled"]


def test_a_folder_without_journeys_is_one_error(programme: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["apply", str(programme / "templates")]) == 1
    assert capsys.readouterr().err.startswith("journeyflow: there is no folder")
