"""`journeyflow api` as it is run: its own process, a real port, and whom it believes about addresses."""

import asyncio
import os
import re
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx2
import pytest
from sqlalchemy import select

from journeyflow.cli.main import run
from journeyflow.messages.links import Links
from journeyflow.store.customers import consent_log
from journeyflow.store.database import Store
from tests.engine.programmes import World

SECRETS = ["n" * 32, "o" * 32]
ONE_CLICK = {"List-Unsubscribe": "One-Click"}


@asynccontextmanager
async def serving(store: Store, **variables: str) -> AsyncIterator[httpx2.AsyncClient]:
    async with running(store, **variables) as (_, url), httpx2.AsyncClient(base_url=url) as client:
        yield client


@asynccontextmanager
async def running(store: Store, **variables: str) -> AsyncIterator[tuple[asyncio.subprocess.Process, str]]:
    settings = {
        "JOURNEYFLOW_STORE": f"sqlite:///{store.engine.url.database}",
        "JOURNEYFLOW_PUBLIC_URL": "https://post.example.com",
        "JOURNEYFLOW_LINK_SECRETS": ",".join(SECRETS),
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "journeyflow", "api", "--port", "0",
        env=os.environ | settings | variables, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout is not None
    try:
        told = (await process.stdout.readline()).decode()
        found = re.search(r"http://127\.0\.0\.1:\d+", told)
        assert found, (told, await process.stderr.read() if process.stderr else "")
        yield process, found[0]
    finally:
        if process.returncode is None:
            process.terminate()
        _, errors = await process.communicate()
        assert process.returncode == 130
        assert b"Traceback" not in errors
        assert b"/u/" not in errors, "the address of a page is the key to it, and belongs into no log"


async def origins(world: World) -> list[str | None]:
    rows = await world.rows(select(consent_log).where(consent_log.c.source == "one-click"))
    return [row.origin for row in rows]


def path(links: Links) -> str:
    return links.unsubscribe_url(1, 0, "email").removeprefix(links.public_url)


async def test_one_press_over_a_real_port(sqlite_store: Store, tmp_path: Path) -> None:
    world = World(sqlite_store, tmp_path / "programme")
    await world.apply()
    await world.customers("ann")
    async with serving(sqlite_store) as client:
        assert (await client.get("/healthz")).status_code == 200
        old = path(Links("https://post.example.com", SECRETS[1:]))
        foreign = path(Links("https://post.example.com", ["f" * 32]))
        forged = {"X-Forwarded-For": "203.0.113.9"}
        assert (await client.post(foreign, data=ONE_CLICK)).status_code == 200
        assert await origins(world) == []
        answer = await client.post(old, files={"List-Unsubscribe": (None, "One-Click")}, headers=forged)
        assert answer.status_code == 200
        assert "server" not in answer.headers
    assert await origins(world) == ["127.0.0.1"]


async def test_a_trusted_proxy_says_where_it_comes_from(sqlite_store: Store, tmp_path: Path) -> None:
    world = World(sqlite_store, tmp_path / "programme")
    await world.apply()
    await world.customers("ann")
    async with serving(sqlite_store, JOURNEYFLOW_TRUSTED_PROXIES="127.0.0.0/8, 10.0.0.1") as client:
        chain = {"X-Forwarded-For": "192.0.2.66, 203.0.113.9, 10.0.0.1"}
        await client.post(path(Links("https://post.example.com", SECRETS)), data=ONE_CLICK, headers=chain)
    assert await origins(world) == ["203.0.113.9"]  # the last one that is no proxy of ours


async def test_it_ends_when_it_was_started_with_interrupts_ignored(sqlite_store: Store) -> None:
    """As a shell without job control starts what runs in the background."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)  # children inherit it
    try:
        async with running(sqlite_store) as (process, _):
            process.terminate()
            assert await asyncio.wait_for(process.wait(), 30) == 130
    finally:
        signal.signal(signal.SIGINT, before)


async def test_whoever_is_being_answered_is_answered_to_the_end(sqlite_store: Store, tmp_path: Path) -> None:
    world = World(sqlite_store, tmp_path / "programme")
    await world.apply()
    await world.customers("ann")
    async with running(sqlite_store) as (process, url):
        port = int(url.rpartition(":")[2])
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        head = f"POST {path(Links('https://post.example.com', SECRETS))} HTTP/1.1\r\nHost: a\r\n"
        writer.write(f"{head}Content-Length: 2\r\n\r\na".encode())
        await writer.drain()
        await _answers_somebody_else(url)  # so the first half has been read as well
        process.terminate()
        while await _listens(port):
            await asyncio.sleep(0.01)
        writer.write(b"=")
        assert (await reader.readline()).startswith(b"HTTP/1.1 200")
        writer.close()
        await process.wait()
    assert await origins(world) == ["127.0.0.1"]


async def _answers_somebody_else(url: str) -> None:
    async with httpx2.AsyncClient(base_url=url) as client:
        assert (await client.get("/healthz")).status_code == 200


async def _listens(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except (ConnectionRefusedError, ConnectionResetError):
        return False
    writer.close()
    return True


def test_without_secrets_it_does_not_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("JOURNEYFLOW_STORE", f"sqlite:///{tmp_path}/new.db")
    assert run(["api", "--port", "0"]) == 1
    assert "set JOURNEYFLOW_PUBLIC_URL and JOURNEYFLOW_LINK_SECRETS" in capsys.readouterr().err


async def test_a_port_that_is_taken_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("JOURNEYFLOW_STORE", f"sqlite:///{tmp_path}/new.db")
    server = await asyncio.start_server(lambda _r, _w: None, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        assert await asyncio.to_thread(run, ["api", "--port", str(port)]) == 1
    [told] = capsys.readouterr().err.splitlines()
    assert told.startswith(f'journeyflow: the pages cannot listen at "127.0.0.1", port {port} (')
