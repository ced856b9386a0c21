from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from journeyflow.store.database import Store
from tests.api.visiting import POLICY, Visitor, visiting
from tests.engine.programmes import World

LETTERS = """
    journey: letters
    enter: {event: began}
    steps:
      - send: {email: hello}
"""
ABOUT_NEWS = """
    journey: about-news
    topic: news
    enter: {event: began}
    steps:
      - send: {email: news}
"""


@pytest_asyncio.fixture
async def visitor(store: Store, tmp_path: Path) -> AsyncIterator[Visitor]:
    """On both databases; two journeys, one of them about a topic."""
    world = World(store, tmp_path / "programme")
    await world.apply(LETTERS, ABOUT_NEWS, policy=POLICY)
    async with visiting(world) as found:
        yield found


@pytest.fixture
def world(visitor: Visitor) -> World:
    return visitor.world
