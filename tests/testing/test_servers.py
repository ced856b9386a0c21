"""The embedded servers are real, survive being killed, and go away."""

import asyncio
import os
import socket
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from temporalio.client import Client
from temporalio.service import RPCError

from journeyflow.errors import ConfigurationError, JourneyflowError
from journeyflow.testing import servers
from journeyflow.testing.servers import DevServer, dev_server, find_binary, free_port, time_skipping


async def test_a_workflow_outlives_a_kill_of_the_server(tmp_path: Path) -> None:
    async with dev_server(tmp_path / "temporal.db") as server:
        client = await Client.connect(server.address)
        await client.start_workflow("Nobody", id="survivor", task_queue="nobody")
        first = server.pid
        await server.kill()
        await server.start()
        assert server.pid != first
        again = await Client.connect(server.address)
        description = await again.get_workflow_handle("survivor").describe()
        assert description.id == "survivor"


async def test_the_process_is_gone_after_a_failure() -> None:
    pids: list[int] = []
    with pytest.raises(KeyError, match="a failing test"):
        await _fail_while_it_runs(pids)
    with pytest.raises(ProcessLookupError):
        os.kill(pids[0], 0)


async def test_the_server_goes_when_its_parent_is_killed(tmp_path: Path) -> None:
    parent = (
        "import asyncio, pathlib, sys\n"
        "from journeyflow.testing.servers import dev_server\n"
        "async def rest():\n"
        "    async with dev_server(pathlib.Path(sys.argv[1])) as server:\n"
        "        print(server.pid, flush=True)\n"
        "        await asyncio.Event().wait()\n"
        "asyncio.run(rest())\n"
    )
    command = [sys.executable, "-c", parent, str(tmp_path / "temporal.db")]
    process = await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE)
    assert process.stdout is not None
    group = int(await process.stdout.readline())
    assert _lives(group)
    process.kill()
    await process.wait()
    await _until_it_is_gone(group)


@pytest.mark.parametrize("ending", [DevServer.kill, DevServer.stop])
async def test_nothing_of_the_server_stays(
    tmp_path: Path, ending: Callable[[DevServer], Awaitable[None]]
) -> None:
    server = DevServer(tmp_path / "temporal.db", free_port(), tmp_path / "temporal.log")
    await server.start()
    group = server.pid
    assert group is not None
    await ending(server)
    await _until_it_is_gone(group)


async def test_a_taken_port_is_refused(tmp_path: Path) -> None:
    async with dev_server() as server:
        second = DevServer(tmp_path / "two.db", server.port, tmp_path / "two.log")
        with pytest.raises(JourneyflowError, match=f"port {server.port} is taken"):
            await second.start()


async def test_a_server_that_cannot_start_points_to_its_log(tmp_path: Path) -> None:
    server = DevServer(tmp_path / "no-such-folder" / "temporal.db", free_port(), tmp_path / "temporal.log")
    with pytest.raises(JourneyflowError, match=r"ended with code \d+; see .*temporal\.log"):
        await server.start()
    assert server.pid is None
    assert server.log.read_text()


async def test_dynamic_config_reaches_the_server() -> None:
    async with dev_server(dynamic_config={"limit.maxIDLength": 20}) as server:
        client = await Client.connect(server.address)
        with pytest.raises(RPCError, match="length"):
            await client.start_workflow("Nobody", id="i" * 21, task_queue="nobody")


async def test_time_is_skipped() -> None:
    async with time_skipping() as environment:
        before = await environment.get_current_time()
        await environment.sleep(86_400)
        passed = await environment.get_current_time() - before
        assert passed.total_seconds() >= 86_400


def test_a_missing_binary_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(ConfigurationError, match=r"journeyflow\[dev\]"):
        find_binary("temporal-of-another-world")


def test_free_ports_are_above_the_privileged_ones() -> None:
    assert free_port() > 1023


async def test_another_port_is_tried_when_somebody_was_quicker(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as quicker:
        quicker.bind(("127.0.0.1", 0))
        quicker.listen()
        ports = iter([quicker.getsockname()[1], free_port()])
        monkeypatch.setattr(servers, "free_port", lambda: next(ports))
        async with dev_server() as server:
            assert server.pid is not None


async def _until_it_is_gone(group: int) -> None:
    async with asyncio.timeout(30):
        while _lives(group):
            await asyncio.sleep(0.02)


def _lives(group: int) -> bool:
    """Whether any process of the group is running."""
    listed = subprocess.run(["ps", "-A", "-o", "pgid=,stat="], capture_output=True, text=True, check=True)
    rows = (line.split() for line in listed.stdout.splitlines())
    return any(row[0] == str(group) and not row[1].startswith("Z") for row in rows)


async def _fail_while_it_runs(pids: list[int]) -> None:
    async with dev_server() as server:
        assert server.pid is not None
        pids.append(server.pid)
        raise KeyError("a failing test")
