from pathlib import Path

import pytest

from journeyflow.store.database import Store
from tests.engine.programmes import World


@pytest.fixture
def world(store: Store, tmp_path: Path) -> World:
    """On both databases."""
    return World(store, tmp_path / "programme")
