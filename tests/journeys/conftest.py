"""A trip through journeys that a test writes as YAML, read and applied as a user's folder is."""

from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial
from pathlib import Path

import pytest
import pytest_asyncio

from journeyflow.folder import Outcome, apply_folder, read_folder
from journeyflow.store.database import Store
from journeyflow.testing.servers import time_skipping
from journeyflow.testing.travel import Trip, travelling
from tests.journeys.writing import POLICY, write_programme

Apply = Callable[..., Awaitable[Outcome]]
on_both_stores = pytest.mark.parametrize("trip_store", ["sqlite", "postgresql"], indirect=True)


@pytest.fixture
def trip_store(request: pytest.FixtureRequest) -> Store:
    """SQLite, unless the test is marked with `on_both_stores`."""
    found: Store = request.getfixturevalue(f"{getattr(request, 'param', 'sqlite')}_store")
    return found


@pytest_asyncio.fixture
async def trip(trip_store: Store, tmp_path: Path) -> AsyncIterator[Trip]:
    """On a server of its own: cohorts of two stores would have the same names there."""
    async with (
        time_skipping() as environment,
        travelling(trip_store, tmp_path / "outbox", environment) as trip,
    ):
        yield trip


@pytest.fixture
def apply(trip: Trip, tmp_path: Path) -> Apply:
    return partial(apply_texts, trip, tmp_path / "programme")


async def apply_texts(
    trip: Trip,
    folder: Path,
    *journeys: str,
    policy: str = POLICY,
    segments: str = "",
    templates: dict[str, str] | None = None,
) -> Outcome:
    """`templates` are bodies by file, e.g. "hello/sms.txt"; those that are not given are made up."""
    write_programme(folder, *journeys, policy=policy, segments=segments, templates=templates or {})
    return await apply_folder(trip.store, read_folder(folder), await trip.now())
