"""What cannot be used as a store is told in one sentence, and reading waits for nobody."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from journeyflow.cli.main import run
from journeyflow.store import database
from journeyflow.store.database import Store


@pytest.fixture
def path(sqlite_store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A migrated store that the environment names."""
    monkeypatch.setenv("JOURNEYFLOW_STORE", f"sqlite:///{tmp_path}/journeyflow.db")
    return tmp_path / "journeyflow.db"


@pytest.fixture
def writer(path: Path) -> Iterator[sqlite3.Connection]:
    """Another program in the middle of its writing."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        yield connection


@pytest.mark.filterwarnings("error::pytest.PytestUnhandledThreadExceptionWarning")
@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("journeyflow.db", "the store is not a URL"),
        ("", "the store is not a URL"),
        ("postgresql://ada:secret@db.example.com:abc/shop", "the store is not a URL with a plain port"),
        ("sqlite://", "names no file"),
        ("sqlite:///:memory:", "names no file"),
        ("sqlite://journeyflow.db", "names no file"),
        ("sqlite:///{folder}/letter.txt", "the store cannot be opened (file is not a database)"),
        ("sqlite:///{folder}", "the store cannot be opened (unable to open database file)"),
        ("postgresql://ada:secret@127.0.0.1:1/shop", "the store cannot be opened (connection failed"),
        ("postgresql://ada:secret@127.0.0.1:1/shop?no=1", "the store cannot be opened (invalid connection"),
    ],
)
def test_what_is_no_store_is_told_in_one_sentence(
    url: str,
    told: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "letter.txt").write_text("Dear customer, " * 100)
    monkeypatch.setenv("JOURNEYFLOW_STORE", url.format(folder=tmp_path))
    assert run(["status"]) == 1
    [sentence] = capsys.readouterr().err.splitlines()
    assert told in sentence
    assert "JOURNEYFLOW_STORE" in sentence
    assert "secret" not in sentence


def test_a_store_of_a_newer_version_is_left_alone(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with closing(sqlite3.connect(path)) as newer, newer:
        newer.execute("UPDATE alembic_version SET version_num = '9999'")
    assert run(["status"]) == 1
    assert capsys.readouterr().err.startswith("journeyflow: the store was made by a newer journeyflow")


@pytest.mark.usefixtures("writer")
def test_reading_does_not_wait_for_a_writer(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["status"]) == 0
    assert "no journey has been applied" in capsys.readouterr().out


@pytest.mark.usefixtures("writer")
def test_a_store_that_stays_locked_is_told_as_such(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    impatient = [one for one in database._PRAGMAS if "busy_timeout" not in one]
    monkeypatch.setattr(database, "_PRAGMAS", (*impatient, "busy_timeout=1"))
    (tmp_path / "people.csv").write_text("id\nada\n")
    assert run(["customers", "import", str(tmp_path / "people.csv")]) == 1
    assert capsys.readouterr().err.startswith("journeyflow: the store is locked")
