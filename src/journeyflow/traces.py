"""What an error tells without its words: what kind it is, and where it came from."""

import traceback
from collections.abc import Iterator

_FRAMES = 4  # of our code, innermost first
_STORES = ("sqlalchemy", "psycopg", "sqlite3", "aiosqlite")


def place_of(error: BaseException) -> str:
    """The kind of the error, a database's code for it, and the lines it came through."""
    code = getattr(getattr(error, "orig", error), "sqlstate", None)
    ours = [frame for frame in traceback.extract_tb(error.__traceback__) if _is_ours(frame.filename)]
    frames = reversed(ours[-_FRAMES:])
    lines = " < ".join(f"{frame.filename.rpartition('/')[2]}:{frame.lineno} {frame.name}" for frame in frames)
    return f"{type(error).__name__}{f' {code}' if code else ''} at {lines}"


def from_store(error: BaseException) -> BaseException | None:
    """The first of those that the error tells which a database wrote; its words can hold a row's values."""
    stores = (one for one in _told(error) if type(one).__module__.partition(".")[0] in _STORES)
    return next(stores, None)


def _is_ours(path: str) -> bool:
    return "site-packages" not in path or "/journeyflow/" in path


def _told(error: BaseException | None) -> Iterator[BaseException]:
    """All that a traceback shows, the error itself first."""
    if error is None:
        return
    yield error
    for one in error.exceptions if isinstance(error, BaseExceptionGroup) else ():
        yield from _told(one)
    yield from _told(error.__cause__ or (None if error.__suppress_context__ else error.__context__))
