"""Imports at size: rows a second and the most memory, beside what the file and the store cost alone.

    python -m benchmarks.imports [--rows 1000000] [--store postgresql://user@host/name]

`journeyflow customers import` and `events import` as they are run, of made-up people: each has an e-mail
address, a phone number in national form, a consent and three attributes, and did one thing. Beside it stand
`csv.reader` over the same file, and its cells put into one bare table of the same store (`executemany` in
SQLite, COPY in PostgreSQL), both in a process of their own. Then everything again, when nothing is new.
"""

import argparse
import asyncio
import csv
import multiprocessing
import os
import resource
import shutil
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import psycopg

from benchmarks.stage import table
from journeyflow.store.database import Store
from journeyflow.store.migrate import upgrade

BATCH = 1_000  # rows of a transaction of the bare table
PEOPLE = ["id", "email", "phone", "country", "consent_email", "attr.first_name", "attr.points", "attr.tier"]
THINGS = ["id", "customer", "name", "at", "prop.total", "prop.currency", "prop.items"]


@dataclass(frozen=True, slots=True)
class Measured:
    seconds: float
    most: float  # MB


async def main(rows: int, url: str | None) -> None:
    folder = Path(tempfile.mkdtemp(prefix="journeyflow-benchmark-"))
    try:
        where = url or f"sqlite:///{folder}/journeyflow.db"
        store = Store.open(where)
        await upgrade(store)
        await store.close()
        _write(folder / "people.csv", PEOPLE, (_person(number) for number in range(rows)))
        _write(folder / "things.csv", THINGS, (_thing(number) for number in range(rows)))
        sys.stdout.write(f"{'PostgreSQL' if url else 'SQLite'}, {rows:,} rows\n")
        table(
            ("", "rows a second", "MB at most", "csv.reader alone", "bare table", "of the bare table"),
            [
                _line(what, file, rows, where)
                for what, file in (
                    ("customers", folder / "people.csv"),
                    ("customers again", folder / "people.csv"),
                    ("events", folder / "things.csv"),
                    ("events again", folder / "things.csv"),
                )
            ],
        )
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _line(what: str, file: Path, rows: int, url: str) -> tuple[str, ...]:
    bare = _in_a_process(_insert_bare, (file, url))
    read = _in_a_process(_read_alone, (file, url))
    took = _import(what.split()[0], file, url)
    speeds = [rows / one.seconds for one in (took, read, bare)]
    share = speeds[0] / speeds[2]
    return (
        what,
        f"{speeds[0]:,.0f}",
        f"{took.most:.0f}",
        *(f"{one:,.0f}" for one in speeds[1:]),
        f"{share:.0%}",
    )


def _import(what: str, file: Path, url: str) -> Measured:
    command = [sys.executable, "-m", "journeyflow", what, "import", str(file)]
    begun = time.perf_counter()
    process = os.posix_spawn(sys.executable, command, os.environ | {"JOURNEYFLOW_STORE": url})
    _, status, used = os.wait4(process, 0)
    if status:
        raise RuntimeError(f"{what}: the import ended with {os.waitstatus_to_exitcode(status)}")
    return Measured(time.perf_counter() - begun, used.ru_maxrss / 1024)


def _in_a_process(work: Callable[[Path, str], None], arguments: tuple[Path, str]) -> Measured:
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(_measured, (work, arguments))


def _measured(work: Callable[[Path, str], None], arguments: tuple[Path, str]) -> Measured:
    begun = time.perf_counter()
    work(*arguments)
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return Measured(time.perf_counter() - begun, most)


def _read_alone(file: Path, _url: str) -> None:
    for _ in _cells(file):
        pass


def _insert_bare(file: Path, url: str) -> None:
    cells = _cells(file)
    columns = [f"c{number}" for number in range(len(next(cells)))]
    create = f"CREATE TABLE bare ({', '.join(f'{name} TEXT' for name in columns)}, UNIQUE (c0))"
    if url.startswith("sqlite"):
        _into_sqlite(url.removeprefix("sqlite:///") + ".bare", create, columns, cells)
    else:
        _into_postgresql(url, create, cells)


def _into_sqlite(path: str, create: str, columns: list[str], cells: Iterator[list[str]]) -> None:
    with sqlite3.connect(path) as connection:
        for pragma in ("journal_mode=WAL", "synchronous=NORMAL"):
            connection.execute(f"PRAGMA {pragma}")
        connection.execute("DROP TABLE IF EXISTS bare")
        connection.execute(create)
        places = ", ".join("?" * len(columns))
        while batch := list(islice(cells, BATCH)):
            connection.executemany(f"INSERT INTO bare VALUES ({places})", batch)
            connection.commit()
    connection.close()


def _into_postgresql(url: str, create: str, cells: Iterator[list[str]]) -> None:
    with psycopg.connect(url) as connection:
        connection.execute("DROP TABLE IF EXISTS bare")
        connection.execute(create)
        while batch := list(islice(cells, BATCH)):
            with connection.cursor().copy("COPY bare FROM STDIN") as copy:
                for row in batch:
                    copy.write_row(row)
            connection.commit()
        connection.execute("DROP TABLE bare")


def _cells(file: Path) -> Iterator[list[str]]:
    with file.open(newline="", encoding="utf-8") as source:
        yield from csv.reader(source)


def _write(file: Path, header: list[str], rows: Iterator[list[str]]) -> None:
    with file.open("w", newline="", encoding="utf-8") as target:
        writer = csv.writer(target)
        writer.writerow(header)
        writer.writerows(rows)


def _person(number: int) -> list[str]:
    tier = ("none", "silver", "gold")[number % 3]
    who = ["SE", "granted", f"Name {number}", str(number % 5_000), tier]
    return [f"customer-{number}", f"customer.{number}@example.com", f"070-174 {number % 10_000:04}", *who]


def _thing(number: int) -> list[str]:
    at = f"2026-11-{1 + number % 28:02}T10:{number % 60:02}:00+01:00"
    who = f"customer-{number * 7_919 % 1_000_003}"
    return [f"order-{number}", who, "order.completed", at, "99.50", "SEK", "3"]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--store", default=None, help="an empty PostgreSQL database; without it, SQLite")
    given = parser.parse_args()
    asyncio.run(main(given.rows, given.store))
