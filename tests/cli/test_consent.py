"""`journeyflow consent` and `journeyflow sms`, as they are called."""

import getpass
import io
from pathlib import Path

import pytest

from journeyflow.cli.main import run
from tests.cli.test_imports import database, query

__all__ = ["database"]


@pytest.fixture
def ada(database: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    """A store with one customer."""
    Path("people.csv").write_text("id,phone\nada,+46701740601\n")
    assert run(["customers", "import", "people.csv"]) == 0
    capsys.readouterr()
    return database


def test_what_staff_records_is_shown_with_its_basis(ada: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = ["--wording", "Yes, [b]write[/b]", "--wording-version", "2", "--origin", "the shop"]
    call = ["consent", "record", "ada", "--channel", "email", "--state", "granted", "--source", "paper"]
    assert run([*call, *options]) == 0
    assert run([*call, *options]) == 0
    assert capsys.readouterr().out.splitlines() == ["email: granted", "email: nothing has changed"]
    assert run(["consent", "show", "ada"]) == 0
    now, heading, row = capsys.readouterr().out.splitlines()
    assert now.startswith("email: granted since 20")
    assert heading == "decisions, times in UTC:"
    who = f"paper ({getpass.getuser()})"
    assert row.endswith(f'email granted by {who}, "Yes, [b]write[/b]" (version 2), from the shop')
    ((action, subject),) = query(ada, "SELECT action, subject FROM audit_log")
    assert (action, subject) == ("consent", "1")


def test_nobody_has_decided_yet(ada: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["consent", "show", "ada"]) == 0
    assert capsys.readouterr().out == "nothing has been decided yet\n"


@pytest.mark.usefixtures("ada")
@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["show", "bob"], 'no customer has the id "bob"'),
        (["record", "bob", "--channel", "sms", "--state", "denied"], 'no customer has the id "bob"'),
        (
            ["record", "ada", "--channel", "sms", "--state", "denied", "--topic", "newz"],
            'the policy in force has no topic "newz"; it has: none',
        ),
        (["record", "ada", "--channel", "fax", "--state", "denied"], "'fax' is not one of"),
        (["record", "ada", "--channel", "sms", "--state", "maybe"], "'maybe' is not one of"),
    ],
)
def test_what_cannot_be_done(arguments: list[str], reason: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["consent", *arguments]) != 0
    assert reason in capsys.readouterr().err


def test_a_message_is_taken_in_once(ada: Path, capsys: pytest.CaptureFixture[str]) -> None:
    call = ["sms", "receive", "--from", "+46701740601", "--to", "+46701740605", "--id", "m1"]
    assert run([*call, "STOP"]) == 0
    assert run([*call, "START"]) == 0
    assert run([*call[:-1], "m2", "Are you open?"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "understood as STOP; from 1 customer, consent changed for 1",
        "this message has been taken in before",
        "no keyword; from 1 customer",
    ]
    assert query(ada, "SELECT state FROM consents") == [("denied",)]


CALL = ["sms", "receive", "--from", "+46701740601", "--to", "+46701740605", "--id", "m1"]


@pytest.mark.parametrize(
    ("arguments", "typed", "keyword"),
    [
        (["-STOP"], "", "understood as STOP"),
        (["--stop--"], "", "understood as STOP"),
        (["--help"], "", "understood as HELP"),
        (["-h"], "", "no keyword"),
        (["--", "--help"], "", "understood as HELP"),
        (["--", "--from"], "", "no keyword"),
        (["-"], "--id STOP\n", "no keyword"),
        (["-"], "-STOP\n", "understood as STOP"),
    ],
)
def test_a_text_may_look_like_an_option(
    ada: Path,
    arguments: list[str],
    typed: str,
    keyword: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(typed.encode())))
    assert run([*CALL, *arguments]) == 0
    assert capsys.readouterr().out.startswith(f"{keyword}; from 1 customer")


def test_help_is_help_when_it_stands_alone(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["sms", "receive", "--help"]) == 0
    assert "--from TEXT" in capsys.readouterr().out


def test_a_stop_that_cannot_be_placed_fails(ada: Path, capsys: pytest.CaptureFixture[str]) -> None:
    call = ["SHOP" if one == "+46701740601" else one for one in CALL]
    assert run([*call, "STOP"]) == 1
    assert run([*call, "STOP"]) == 1, "it has not been taken in"
    error = capsys.readouterr().err
    assert "from what is no telephone number, so nobody is opted out" in error
    assert "SHOP" not in error
    assert run([*CALL, "STOP"]) == 0
    assert query(ada, "SELECT state FROM consents") == [("denied",)]


def test_join_from_a_new_number_makes_a_customer(ada: Path, capsys: pytest.CaptureFixture[str]) -> None:
    call = ["sms", "receive", "--from", "+46701740602", "--to", "+46701740605", "--id", "m1", "join"]
    assert run(call) == 0
    assert capsys.readouterr().out == "understood as JOIN; from 1 customer, consent changed for 1\n"
    ((key,),) = query(ada, "SELECT key FROM customers WHERE phone = '+46701740602'")
    assert key.startswith("sms-")
    assert "46701740602" not in key


def test_a_message_without_an_id_is_refused(ada: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["sms", "receive", "--from", "+46701740601", "--to", "x", "--id", "", "STOP"]) == 1
    assert "needs an id of 1 to 200 characters" in capsys.readouterr().err
