"""The clients that shops use, unchanged: a thousand events each through a proxy that cuts connections."""

import asyncio
import os
import shutil
import subprocess
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from rudderstack.analytics.client import Client as RudderStack
from segment.analytics.client import Client as Segment
from sqlalchemy import func, select

from journeyflow.store.customers import customers, events
from journeyflow.store.database import Store
from tests.api.ingest.calling import KEYS, serving
from tests.clients.cutting import cutting

KEY = KEYS["ingest"]
COUNT = 1_000
NO_CLIENT = "Node's npm cannot install @segment/analytics-node here"


async def segment(host: str) -> None:
    await asyncio.to_thread(_send, Segment(KEY, host=host, upload_size=400, upload_interval=0.05))


async def rudderstack(host: str) -> None:
    await asyncio.to_thread(_send, RudderStack(KEY, host=host, upload_size=400, upload_interval=0.05))


def _send(client: Segment | RudderStack) -> None:
    for number in range(COUNT):
        if number % 100 == 0:
            client.identify(f"c{number % 100}", {"points": number})
        client.track(f"c{number % 100}", "order.completed", {"number": number})
    client.shutdown()


@pytest.fixture(scope="session")
def node_modules(request: pytest.FixtureRequest) -> Path:
    """Installed once for each version. Where it cannot be: skipped, loudly; in CI an error."""
    package = Path(__file__).with_name("package.json")
    version = package.read_text().split('analytics-node": "')[1].split('"')[0]
    folder = Path(request.config.cache.mkdir(f"analytics-node-{version}"))
    if not (folder / "node_modules" / "@segment" / "analytics-node").exists():
        shutil.copy(package, folder)
        command = ["npm", "install", "--no-package-lock", "--no-audit", "--no-fund", "--ignore-scripts"]
        try:
            subprocess.run(command, cwd=folder, check=True, capture_output=True, timeout=150)
        except (OSError, subprocess.SubprocessError) as error:
            if os.environ.get("CI"):
                pytest.fail(f"{NO_CLIENT}: {error}")
            pytest.skip(f"{NO_CLIENT}: {error}")
    return folder / "node_modules"


@pytest.mark.parametrize("send", [segment, rudderstack], ids=["segment", "rudderstack"])
async def test_a_python_client(sqlite_store: Store, send: Callable[[str], Awaitable[None]]) -> None:
    await _all_arrive_once(sqlite_store, send)


async def test_the_client_for_node(postgresql_store: Store, node_modules: Path) -> None:
    async def send(host: str) -> None:
        script = Path(__file__).with_name("thousand.js")
        process = await asyncio.create_subprocess_exec(
            "node", str(script), host, KEY, str(COUNT), env=os.environ | {"NODE_PATH": str(node_modules)}
        )
        assert await process.wait() == 0

    await _all_arrive_once(postgresql_store, send)


async def _all_arrive_once(store: Store, send: Callable[[str], Awaitable[None]]) -> None:
    async with serving(store) as port, cutting(port) as proxy:
        await send(f"http://127.0.0.1:{proxy.port}")
        assert proxy.lost_answers > 0, "the proxy has cut nothing that had been done"
        assert proxy.lost_requests > 0
    async with store.reading() as connection:
        rows = (await connection.execute(select(events.c.key, events.c.properties))).all()
        assert sorted(row.properties["number"] for row in rows) == list(range(COUNT))
        people = await connection.execute(select(func.count()).select_from(customers))
        assert people.scalar_one() == 100
        first = select(customers.c.attributes).where(customers.c.key == "c0")
        assert (await connection.execute(first)).scalar_one() == {"points": 900}
