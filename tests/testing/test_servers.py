"""The embedded servers are real, survive being killed, and go away."""

import os
import socket
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


async def _fail_while_it_runs(pids: list[int]) -> None:
    async with dev_server() as server:
        assert server.pid is not None
        pids.append(server.pid)
        raise KeyError("a failing test")
