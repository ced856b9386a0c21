"""The demo removes what a demo wrote, and nothing else."""

from pathlib import Path

import pytest

from journeyflow.demo.folder import prepare
from journeyflow.errors import JourneyflowError

# All that a run leaves, and what one that was killed may leave.
WRITTEN = [
    "customers.csv",
    "events.jsonl",
    "orders-of-today.jsonl",
    "made-up.jsonl",
    "results.html",
    "journeyflow.db",
    "journeyflow.db-wal",
    "journeyflow.db-shm",
    "temporal.db",
    "temporal.db-wal",
    "temporal.db-shm",
    "temporal.log",
    "outbox/17.eml",
    "outbox/4.txt",
    "outbox/.k3x_9.part",
]


def write(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("content")


def content(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


def test_what_a_demo_wrote_is_cleared(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "demo"
    prepare(folder)
    write(folder, *WRITTEN)
    prepare(folder)
    assert content(folder) == {".journeyflow-demo"}


def test_an_empty_folder_is_taken(tmp_path: Path) -> None:
    prepare(tmp_path)
    assert content(tmp_path) == {".journeyflow-demo"}


def test_a_programme_with_its_store_is_left_alone(tmp_path: Path) -> None:
    write(tmp_path, "journeys/welcome.yaml", "journeyflow.db", "outbox/1.eml")
    before = content(tmp_path)
    with pytest.raises(
        JourneyflowError, match="is not empty and no demo has made it, so nothing was touched"
    ):
        prepare(tmp_path)
    assert content(tmp_path) == before


@pytest.mark.parametrize(
    "foreign", ["notes.txt", "journeys/welcome.yaml", "outbox/notes.txt", "outbox/1.eml/x"]
)
def test_one_file_of_somebody_else_keeps_all(tmp_path: Path, foreign: str) -> None:
    prepare(tmp_path)
    write(tmp_path, *WRITTEN[:-3], foreign)
    before = content(tmp_path)
    with pytest.raises(JourneyflowError, match=r"which no demo has written, so nothing was touched"):
        prepare(tmp_path)
    assert content(tmp_path) == before


def test_links_are_not_followed(tmp_path: Path) -> None:
    write(tmp_path / "archive", "1.eml")
    prepare(tmp_path / "demo")
    (tmp_path / "demo" / "outbox").symlink_to(tmp_path / "archive")
    with pytest.raises(JourneyflowError, match='holds "outbox"'):
        prepare(tmp_path / "demo")
    assert content(tmp_path / "archive") == {"1.eml"}
