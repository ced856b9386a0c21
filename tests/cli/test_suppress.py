"""`journeyflow suppress`."""

import pytest

from journeyflow.cli.main import run
from tests.cli.test_status import filled, here

__all__ = ["filled", "here"]


@pytest.mark.usefixtures("filled", "here")
def test_add_check_list_and_remove(capsys: pytest.CaptureFixture[str]) -> None:
    def told(*arguments: str) -> str:
        assert run(["suppress", *arguments]) == 0
        return capsys.readouterr().out

    assert told("check", "email", "odd@example.com") == "email: not suppressed\n"
    told("add", "email", "odd@example.com")
    told("add", "sms", "+46701740609")
    assert told("check", "email", "ODD@example.com") == "email: suppressed (manual)\n"
    assert told("list") == "email manual 1: odd\nsms manual 1\n"
    assert "(it was: manual)" in told("remove", "email", "odd@example.com")
    assert told("list") == "sms manual 1\n"
    assert run(["audit"]) == 0
    log = capsys.readouterr().out
    assert log.count("suppress") == 2
    assert log.count("lift") == 1
    assert "example.com" not in log
    assert "+4670" not in log


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["add", "email", "ann"], "email is not an address"),
        (["add", "sms", "0701740601"], "phone is not in E.164 form"),
        (["add", "sms", " "], "the address is empty"),
        (["remove", "email", "ann@example.com"], "is not suppressed"),
    ],
)
def test_what_cannot_be_done_is_said(
    arguments: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["suppress", *arguments]) == 1
    assert told in capsys.readouterr().err
