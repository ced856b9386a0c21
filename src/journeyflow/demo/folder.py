"""The demo's folder: an earlier demo is cleared away, and nothing else ever is."""

import re
from collections.abc import Iterator
from pathlib import Path

from journeyflow.demo.data import FILES
from journeyflow.errors import JourneyflowError

STORE, TEMPORAL, OUTBOX, RESULTS = "journeyflow.db", "temporal.db", "outbox", "results.html"

_MARKER = ".journeyflow-demo"
_MARK = "journeyflow demo made this folder. Its next run removes what the demo wrote here.\n"
_WRITTEN = {
    *(_MARKER, "temporal.log", RESULTS, *FILES),
    *(f"{database}{suffix}" for database in (STORE, TEMPORAL) for suffix in ("", "-wal", "-shm", "-journal")),
}
_MESSAGE = re.compile(r"[0-9]+\.(eml|txt)|\..+\.part")  # in the outbox; the latter was cut short


def prepare(folder: Path) -> None:
    """Makes the folder, or clears what an earlier demo wrote.

    Raises JourneyflowError, and removes nothing, where anything is that no demo has written.
    """
    found = list(folder.iterdir()) if folder.exists() else []
    if found and not (folder / _MARKER).is_file():
        raise _refusal(folder, "is not empty and no demo has made it")
    written = list(_written(folder, found))
    for path in written:
        path.unlink()
    if (folder / OUTBOX).exists():
        (folder / OUTBOX).rmdir()
    folder.mkdir(parents=True, exist_ok=True)
    (folder / _MARKER).write_text(_MARK)


def _written(folder: Path, found: list[Path]) -> Iterator[Path]:
    for path in found:
        if path.name == OUTBOX and path.is_dir() and not path.is_symlink():
            yield from _messages(folder, path)
        elif path.name in _WRITTEN and path.is_file() and not path.is_symlink():
            yield path
        else:
            raise _refusal(folder, f'holds "{path.name}", which no demo has written')


def _messages(folder: Path, outbox: Path) -> Iterator[Path]:
    for path in outbox.iterdir():
        if not (_MESSAGE.fullmatch(path.name) and path.is_file() and not path.is_symlink()):
            raise _refusal(folder, f'holds "{OUTBOX}/{path.name}", which no demo has written')
        yield path


def _refusal(folder: Path, why: str) -> JourneyflowError:
    return JourneyflowError(
        f'"{folder}" {why}, so nothing was touched; name another with --folder, or clear this one yourself'
    )
