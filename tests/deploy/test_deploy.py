"""What is in deploy/ fits the program: variables, commands, ports, times."""

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest
import yaml
from jsonschema import Draft7Validator

from journeyflow.bootstrap import QUEUES
from journeyflow.cli.main import cli
from journeyflow.settings import Settings
from journeyflow.testing.servers import free_port

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
UNITS = sorted((DEPLOY / "systemd").glob("*.service"))
_SCHEMA = Path(__file__).parent / "compose-spec.json"  # github.com/compose-spec/compose-spec, Apache-2.0
_VARIABLE = re.compile(r"JOURNEYFLOW_[A-Z_]*[A-Z]")
_NOT_OURS = {"JOURNEYFLOW_IMAGE"}  # of the compose file itself
_GRACE = 30  # seconds that a worker takes to stop at most
_COMPOSE: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
_OURS = {name: one for name, one in _COMPOSE["services"].items() if "env_file" in one}


def test_the_compose_file_follows_its_schema() -> None:
    problems = Draft7Validator(json.loads(_SCHEMA.read_text())).iter_errors(_COMPOSE)
    assert [problem.message for problem in problems] == []


def test_services_wait_for_services_that_are_there() -> None:
    for name, service in _COMPOSE["services"].items():
        assert set(service.get("depends_on", {})) <= set(_COMPOSE["services"]), name
        named = [volume.partition(":")[0] for volume in service.get("volumes", []) if volume[0] not in "./"]
        assert set(named) <= set(_COMPOSE["volumes"]), name


def test_there_is_a_worker_for_each_queue() -> None:
    working = [service["command"][1:] for service in _OURS.values() if service["command"][0] == "worker"]
    assert working == [[queue] for queue in QUEUES]


@pytest.mark.parametrize("name", _OURS)
def test_each_command_can_be_called(name: str) -> None:
    _parse(_OURS[name]["command"])


def test_the_api_listens_at_the_port_that_is_published_and_looked_at() -> None:
    api = _OURS["api"]
    port = api["command"][api["command"].index("--port") + 1]
    assert [one.rpartition(":")[2] for one in api["ports"]] == [port]
    assert f":{port}/healthz" in api["healthcheck"]["test"][-1]


@pytest.mark.parametrize("path", [path for path in sorted(DEPLOY.rglob("*")) if path.is_file()], ids=str)
def test_every_variable_is_a_setting(path: Path) -> None:
    known = {f"JOURNEYFLOW_{name}".upper() for name in Settings.model_fields}
    assert set(_VARIABLE.findall(path.read_text())) - _NOT_OURS <= known


@pytest.mark.parametrize("path", UNITS, ids=lambda path: path.name)
def test_a_unit_starts_a_command_and_waits_until_it_has_stopped(path: Path) -> None:
    unit = dict(_entries(path))
    _parse(unit["ExecStart"].replace("%i", QUEUES[0]).split()[1:])
    assert int(unit["TimeoutStopSec"]) > _GRACE
    assert all(int(one["stop_grace_period"].rstrip("s")) > _GRACE for one in _OURS.values())


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not installed")
def test_systemd_understands_the_units(tmp_path: Path) -> None:
    for path in UNITS:  # the program itself has to be there, and is elsewhere here
        text = path.read_text().replace("/opt/journeyflow/bin/journeyflow", sys.executable)
        (tmp_path / path.name).write_text(text)
    command = ["systemd-analyze", "verify", *(str(tmp_path / path.name) for path in UNITS)]
    told = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (told.returncode, told.stderr) == (0, "")


def test_the_image_copies_what_is_there() -> None:
    text = (DEPLOY / "Dockerfile").read_text()
    copied = [
        line.split()[1:-1] for line in text.splitlines() if line.startswith("COPY ") and "--" not in line
    ]
    assert copied
    assert all((ROOT / name).exists() for names in copied for name in names)


def test_there_is_an_entry_point_for_each_queue() -> None:
    for queue in QUEUES:
        text = (ROOT / "workers" / f"{queue}.py").read_text()
        assert text.splitlines()[-1] == f'main(["worker", "{queue}"])'
        assert len(text.splitlines()) < 20


def test_an_entry_point_runs(tmp_path: Path) -> None:
    store, address = f"sqlite:///{tmp_path}/journeyflow.db", f"127.0.0.1:{free_port()}"
    told = subprocess.run(
        [sys.executable, str(ROOT / "workers" / "webhook.py")],
        env={"JOURNEYFLOW_STORE": store, "TEMPORAL_ADDRESS": address, "PYTHONPATH": str(ROOT / "src")},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert told.returncode == 1
    assert told.stderr.startswith("journeyflow: Temporal cannot be used (")


def _parse(words: list[str]) -> None:
    """Raises when the command line would refuse it."""
    command = cli.get_command(click.Context(cli), words[0])
    assert command is not None, words
    command.make_context(words[0], words[1:])


def _entries(unit: Path) -> Iterator[tuple[str, str]]:
    for line in unit.read_text().splitlines():
        if "=" in line and not line.startswith("#"):
            name, _, value = line.partition("=")
            yield name, value
