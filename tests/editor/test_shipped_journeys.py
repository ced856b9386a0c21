"""The shipped journeys in an editor: what the YAML language server proposes, explains and marks."""

import os
import shutil
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.editor.language_server import LanguageServer, language_server

ROOT = Path(__file__).parents[2]
FILES = sorted((ROOT / "journeys").glob("*.yaml"))
WELCOME = ROOT / "journeys" / "welcome.yaml"
NO_EDITOR = "Node's npm cannot install yaml-language-server here"


@pytest.fixture(scope="session")
def program(request: pytest.FixtureRequest) -> Path:
    """The server, installed once for each version. Where it cannot be: skipped, loudly; in CI an error."""
    package = Path(__file__).with_name("package.json")
    version = package.read_text().split('"yaml-language-server": "')[1].split('"')[0]
    folder = Path(request.config.cache.mkdir(f"yaml-language-server-{version}"))
    found = folder / "node_modules" / ".bin" / "yaml-language-server"
    if not found.exists():
        shutil.copy(package, folder)
        command = ["npm", "install", "--no-package-lock", "--no-audit", "--no-fund", "--ignore-scripts"]
        try:
            subprocess.run(command, cwd=folder, check=True, capture_output=True, timeout=150)
        except (OSError, subprocess.SubprocessError) as error:
            if os.environ.get("CI"):
                pytest.fail(f"{NO_EDITOR}: {error}")
            pytest.skip(f"{NO_EDITOR}: {error}")
    return found


@pytest_asyncio.fixture
async def server(program: Path) -> AsyncIterator[LanguageServer]:
    async with language_server(program, ROOT) as running:
        yield running


async def test_an_editor_helps(server: LanguageServer) -> None:
    """One server for all, since it takes seconds to start."""
    for file in FILES:
        assert await server.open(file, file.read_text()) == [], file.name
    await _a_misspelt_key_is_marked(server)
    await _steps_are_proposed(server)
    await _a_key_is_explained(server)


async def _a_misspelt_key_is_marked(server: LanguageServer) -> None:
    text = WELCOME.read_text().replace("timeout: 3 days", "timout: 3 days")
    line = next(n for n, line in enumerate(text.splitlines()) if "timout" in line)
    found = await server.open(WELCOME.with_name("misspelt.yaml"), text)
    assert ("Property timout is not allowed.", line) in [
        (one["message"], one["range"]["start"]["line"]) for one in found
    ]


async def _steps_are_proposed(server: LanguageServer) -> None:
    text = WELCOME.read_text().rstrip() + "\n\n  - "
    file = WELCOME.with_name("unfinished.yaml")
    await server.open(file, text)
    proposed = await server.completions(file, text.count("\n"), 4)
    assert {"send", "wait", "wait_for", "branch", "update", "end"} <= set(proposed)


async def _a_key_is_explained(server: LanguageServer) -> None:
    lines = WELCOME.read_text().splitlines()
    line = next(n for n, line in enumerate(lines) if "timeout:" in line)
    told = await server.hover(WELCOME, line, lines[line].index("timeout") + 2)
    assert "How long to wait." in told
