"""Write the migration from the newest one to what the tables say now: `revise 0002 "what changed"`."""

import asyncio
import subprocess
import sys
import tempfile
from pathlib import Path

from alembic import command
from sqlalchemy import Connection

from journeyflow.store import migrate
from journeyflow.store.database import Store


def main(number: str, message: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(_revise(Path(folder) / "empty.db", number, message))
    versions = Path(__file__).parent / "versions"
    for tidy in (["check", "--fix", "--select", "I,F401"], ["format"]):
        subprocess.run([sys.executable, "-m", "ruff", *tidy, str(versions)], check=True)


async def _revise(database: Path, number: str, message: str) -> None:
    store = Store.open(f"sqlite:///{database}")
    try:
        await migrate.upgrade(store)
        async with store.writing() as connection:
            await connection.run_sync(_write, number, message)
    finally:
        await store.close()


def _write(connection: Connection, number: str, message: str) -> None:
    command.revision(migrate.scripts(connection), message, autogenerate=True, rev_id=number)


if __name__ == "__main__":
    main(*sys.argv[1:])
