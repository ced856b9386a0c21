"""The calls that the documentation shows are made with curl, one after the other, and all are answered."""

import asyncio
import os
import re
import shutil
from pathlib import Path

import pytest

from journeyflow.store.api_keys import SCOPES, add_key
from journeyflow.store.database import Store
from tests.api.ingest.calling import NOW, serving
from tests.engine.programmes import World

PAGE = Path(__file__).parents[2] / "docs" / "api.md"
KEY = "jf_test_helpdesk"
_BLOCK = re.compile(r"^```\n(curl .*?)^```$", re.MULTILINE | re.DOTALL)
_CAREFUL = 'set -e\ncurl() { command curl --silent --show-error --fail-with-body "$@"; echo; }\n'
WELCOME = """
    journey: welcome
    enter: {event: member.joined}
    steps: [{wait: 1 day}]
"""


def _script(port: int) -> str:
    calls = "".join(_BLOCK.findall(PAGE.read_text(encoding="utf-8")))
    calls = calls.replace("https://events.example.com", f"http://127.0.0.1:{port}")
    return _CAREFUL + calls.replace("jf_kQ0v...", "$KEY")


@pytest.mark.skipif(not shutil.which("curl") and not os.environ.get("CI"), reason="curl is not there")
async def test_the_examples_run(sqlite_store: Store, tmp_path: Path) -> None:
    world = World(sqlite_store, tmp_path / "programme", NOW)
    await world.apply(WELCOME)
    await world.customers("customer-17", "customer-18", "customer-19")
    async with world.store.writing() as connection:
        await add_key(connection, "helpdesk", KEY, list(SCOPES), NOW)
    async with serving(sqlite_store) as port:
        assert _script(port).count("\ncurl ") > 7
        shell = await asyncio.create_subprocess_exec(
            "bash", "-c", _script(port), env={**os.environ, "KEY": KEY},
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        )  # fmt: skip
        told, _ = await shell.communicate()
    assert shell.returncode == 0, told.decode()
    assert '"outcome":"changed"' in told.decode()
    assert '"outcome":"asked"' in told.decode()
