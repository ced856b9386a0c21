"""The entry point: quick help, one sentence an error, a code for each kind of end."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import click
import pytest
from sqlalchemy.exc import DataError

from journeyflow.cli import main
from journeyflow.cli.lazy import Lazy
from journeyflow.errors import ConfigurationError

JOURNEYFLOW = str(Path(sys.executable).parent / "journeyflow")
COMMANDS = [
    "check",
    "explain",
    "graph",
    "preview",
    "send-test",
    "schema",
    "apply",
    "dev",
    "demo",
    "worker",
    "store",
    "schedules",
    "api",
    "keys",
    "enroll",
    "status",
    "journey",
    "results",
    "experiment",
    "segment",
    "rfm",
    "customer",
    "why",
    "suppress",
    "audit",
    "consent",
    "sms",
    "customers",
    "events",
    "coupons",
]


def fail_with(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> int:
    @click.command()
    def broken() -> None:
        raise error

    monkeypatch.setattr(sys.modules[__name__], "broken", broken, raising=False)
    monkeypatch.setitem(main.cli._lazy, "broken", Lazy(f"{__name__}:broken", ""))
    return main.run(["broken"])


def test_help_lists_every_command_and_imports_none() -> None:
    code = (
        "import sys\n"
        "from journeyflow.cli.main import run\n"
        "assert run(['--help']) == 0\n"
        "heavy = {'temporalio', 'sqlalchemy', 'pydantic', 'rich', 'jinja2', 'yaml', 'asyncio'}\n"
        "sys.exit(', '.join(sorted(heavy & sys.modules.keys())) or None)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    listed = [line.split()[0] for line in done.stdout.partition("Commands:")[2].splitlines() if line.strip()]
    assert listed == COMMANDS


def test_an_error_on_purpose_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert fail_with(monkeypatch, ConfigurationError("the store is shut")) == 1
    assert capsys.readouterr().err == "journeyflow: the store is shut\n"


def test_an_error_of_ours_shows_where(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert fail_with(monkeypatch, KeyError("oops")) == 70
    assert "Traceback" in capsys.readouterr().err


@pytest.mark.parametrize("kind", [None, KeyError, ExceptionGroup])
def test_what_a_database_says_of_a_row_is_not_shown(
    kind: type[Exception] | None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    error: Exception = DataError("INSERT", None, Exception("DETAIL: (ada@example.com)"))
    if kind is KeyError:
        outer = KeyError("customer")
        outer.__context__ = error
        error = outer
    elif kind is ExceptionGroup:
        error = ExceptionGroup("tasks", [error])
    assert fail_with(monkeypatch, error) == 70
    told = capsys.readouterr().err
    assert told.startswith("journeyflow: the store failed: DataError at ")
    assert "ada" not in told


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (KeyboardInterrupt(), 130),
        (SystemExit(3), 3),
        (SystemExit(None), 0),
        (SystemExit("why"), 1),
        (click.exceptions.Exit(4), 4),
        (click.UsageError("wrong"), 2),
    ],
)
def test_every_end_has_its_code(monkeypatch: pytest.MonkeyPatch, error: BaseException, code: int) -> None:
    assert fail_with(monkeypatch, error) == code


def test_an_unknown_command_is_a_wrong_call(capsys: pytest.CaptureFixture[str]) -> None:
    assert main.run(["chekc"]) == 2
    assert "No such command 'chekc'" in capsys.readouterr().err


def test_output_reaches_a_pipe_and_the_code_the_shell(tmp_path: Path) -> None:
    done = subprocess.run([JOURNEYFLOW, "--version"], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "journeyflow, version 0.1.0\n")
    wrong = subprocess.run(
        [JOURNEYFLOW, "customers", "import", __file__, "--format", "csv"],
        capture_output=True,
        text=True,
        env={**os.environ, "JOURNEYFLOW_STORE": "mysql://ada:secret@example.com/shop"},
    )
    assert wrong.returncode == 1
    assert wrong.stderr.startswith('journeyflow: the store "mysql://ada:***@example.com/shop" is neither')


def test_a_store_out_of_reach_is_told_without_a_traceback(tmp_path: Path) -> None:
    (tmp_path / "people.csv").write_text("id\n1\n")
    done = subprocess.run(
        [JOURNEYFLOW, "customers", "import", "people.csv"],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={**os.environ, "JOURNEYFLOW_STORE": "sqlite:///no-such-folder/store.db"},
    )
    assert done.returncode == 1
    assert done.stderr.startswith("journeyflow: the store cannot be opened")


def test_sigterm_ends_in_order(tmp_path: Path) -> None:
    program = (
        "import asyncio, click, sys\n"
        "from journeyflow.cli import main\n"
        "from journeyflow.cli.lazy import Lazy\n"
        "async def rest():\n"
        "    try:\n"
        "        print('resting', flush=True)\n"
        "        await asyncio.Event().wait()\n"
        "    finally:\n"
        "        print('cleaned up')\n"
        "@click.command()\n"
        "def wait():\n"
        "    asyncio.run(rest())\n"
        "main.cli._lazy['wait'] = Lazy('__main__:wait', '')\n"
        "sys.argv = ['journeyflow', 'wait']\n"
        "main.main()\n"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "resting\n"
        process.send_signal(signal.SIGTERM)
        assert process.stdout.read() == "cleaned up\n"
        assert process.wait() == 130
