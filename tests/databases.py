"""Two real databases for the tests: a SQLite file, and a PostgreSQL server of the test run's own."""

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psycopg

from journeyflow.store import migrate
from journeyflow.store.database import Store

NO_POSTGRESQL = "no PostgreSQL server binaries were found"
HOW_TO_GET_POSTGRESQL = (
    "Debian, Ubuntu: apt-get install postgresql; macOS: brew install postgresql; "
    "elsewhere put initdb and postgres on the PATH."
)
# Stops the server (a "fast" shutdown) when its standard input ends: also when the test run is killed.
_GUARDED = 'exec 3<&0; (cat <&3 >/dev/null; kill -INT $$) & exec "$@"'


@dataclass(frozen=True, slots=True)
class Postgresql:
    """A running server that trusts everybody on the loopback interface."""

    port: int

    def url(self, database: str) -> str:
        return f"postgresql://postgres@127.0.0.1:{self.port}/{database}"

    @asynccontextmanager
    async def administering(self) -> AsyncIterator[psycopg.AsyncConnection]:
        connection = await psycopg.AsyncConnection.connect(self.url("postgres"), autocommit=True)
        async with connection:
            yield connection


def postgresql_binaries() -> Path | None:
    """The folder with initdb and postgres, the newest version first."""
    installed = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: -float(path.parent.name))
    on_path = [Path(found).resolve().parent for found in [shutil.which("initdb")] if found]
    return next((path for path in [*installed, *on_path] if (path / "postgres").exists()), None)


@contextmanager
def postgresql_server(binaries: Path) -> Iterator[Postgresql]:
    """A server with nothing but speed in mind, in a temporary folder, on a free port."""
    user = _unprivileged_user()
    folder = Path(tempfile.mkdtemp(prefix="journeyflow-pg-"))
    if user is not None:
        shutil.chown(folder, user)
    try:
        data = folder / "data"
        initdb = [binaries / "initdb", "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync"]
        subprocess.run([*initdb, "--locale=C"], user=user, cwd=folder, check=True, capture_output=True)
        with _running(binaries / "postgres", data, user) as port:
            yield Postgresql(port)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


async def create_database(server: Postgresql, name: str, template: str = "template1") -> None:
    async with server.administering() as connection:
        await connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"'.encode())


async def drop_database(server: Postgresql, name: str) -> None:
    async with server.administering() as connection:
        await connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)'.encode())


async def migrate_and_close(url: str) -> None:
    store = Store.open(url)
    await migrate.upgrade(store)
    await store.close()


@contextmanager
def _running(binary: Path, data: Path, user: str | None) -> Iterator[int]:
    port = _free_port()
    options = {
        "listen_addresses": "127.0.0.1",
        "port": str(port),
        "unix_socket_directories": "",
        "fsync": "off",
        "synchronous_commit": "off",
        "full_page_writes": "off",
        "autovacuum": "off",
        "max_connections": "200",
    }
    settings = [word for name, value in options.items() for word in ("-c", f"{name}={value}")]
    with (data.parent / "log").open("wb") as log:
        server = subprocess.Popen(
            ["sh", "-c", _GUARDED, "sh", binary, "-D", data, *settings],
            user=user, cwd=data.parent, stdin=subprocess.PIPE, stdout=log, stderr=log, start_new_session=True,
        )  # fmt: skip
    try:
        _wait_until_ready(binary.parent / "pg_isready", port, server, data.parent / "log")
        yield port
    finally:
        with suppress(subprocess.TimeoutExpired):
            server.communicate(timeout=10)
        server.kill()
        server.wait()


def _wait_until_ready(pg_isready: Path, port: int, server: "subprocess.Popen[bytes]", log: Path) -> None:
    asking = [pg_isready, "-q", "-h", "127.0.0.1", "-p", str(port), "-t", "1"]
    while subprocess.run(asking, check=False).returncode != 0:
        if server.poll() is not None:
            raise RuntimeError(f"PostgreSQL did not start:\n{log.read_text()}")


def _unprivileged_user() -> str | None:
    """PostgreSQL refuses to run as root. None: run as whoever we are."""
    if os.geteuid() != 0:
        return None
    names = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in names else "nobody"


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
