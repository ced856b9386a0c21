"""Fixtures for every test. `store` runs a test on both databases, `sqlite_store` on one."""

import os
import shutil
from collections.abc import AsyncIterator, Iterator
from itertools import count
from pathlib import Path

import pytest
import pytest_asyncio

from journeyflow.store.database import Store
from tests import databases

_numbers = count(1)


@pytest.fixture(params=["sqlite", "postgresql"])
def store(request: pytest.FixtureRequest) -> Store:
    """An empty, migrated store; the test runs once on each database."""
    found: Store = request.getfixturevalue(f"{request.param}_store")
    return found


@pytest_asyncio.fixture
async def sqlite_store(sqlite_template: Path, tmp_path: Path) -> AsyncIterator[Store]:
    path = shutil.copy(sqlite_template, tmp_path / "journeyflow.db")
    opened = Store.open(f"sqlite:///{path}")
    yield opened
    await opened.close()


@pytest_asyncio.fixture
async def postgresql_store(
    postgresql: databases.Postgresql, postgresql_template: str
) -> AsyncIterator[Store]:
    name = f"test_{next(_numbers)}"
    await databases.create_database(postgresql, name, postgresql_template)
    opened = Store.open(postgresql.url(name))
    yield opened
    await opened.close()
    await databases.drop_database(postgresql, name)


@pytest_asyncio.fixture(scope="session")
async def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sqlite") / "template.db"
    await databases.migrate_and_close(f"sqlite:///{path}")
    return path


@pytest_asyncio.fixture(scope="session")
async def postgresql_template(postgresql: databases.Postgresql) -> str:
    await databases.create_database(postgresql, "migrated")
    await databases.migrate_and_close(postgresql.url("migrated"))
    return "migrated"


@pytest.fixture(scope="session")
def postgresql() -> Iterator[databases.Postgresql]:
    """The test run's own server. Without binaries: skipped, loudly; in CI an error."""
    binaries = databases.postgresql_binaries()
    if binaries is None and os.environ.get("CI"):
        pytest.fail(f"{databases.NO_POSTGRESQL}. {databases.HOW_TO_GET_POSTGRESQL}")
    if binaries is None:
        pytest.skip(databases.NO_POSTGRESQL)
    with databases.postgresql_server(binaries) as server:
        yield server


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    skipped = terminalreporter.stats.get("skipped", [])
    missed = [report.nodeid for report in skipped if databases.NO_POSTGRESQL in str(report.longrepr)]
    if missed:
        terminalreporter.section("NOT RUN ON POSTGRESQL", sep="!", red=True, bold=True)
        terminalreporter.line(f"{databases.NO_POSTGRESQL}, so these {len(missed)} tests did not run:")
        for nodeid in missed:
            terminalreporter.line(f"  {nodeid}")
        terminalreporter.line(databases.HOW_TO_GET_POSTGRESQL)
