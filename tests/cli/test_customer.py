"""`journeyflow customer show`."""

import pytest

from journeyflow.cli.main import run
from tests.cli.test_status import filled, here

__all__ = ["filled", "here"]


@pytest.mark.usefixtures("filled", "here")
def test_the_story_is_a_table(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["customer", "show", "odd"]) == 0
    title, _heading, _line, *rows = capsys.readouterr().out.splitlines()
    assert title.strip() == "customer odd"
    cells = [[cell.strip() for cell in row.split("│")] for row in rows]
    at = "2031-05-07 12:00:00"
    assert [at, "event", "began", ""] in cells
    assert [at, "step", "reviews steps/0", "send: queued"] in cells
    assert cells[-1] == [
        at,
        "enrollment",
        "reviews",
        "failed: steps/1: the attribute to add to is not a number",
    ]


@pytest.mark.usefixtures("filled", "here")
def test_a_customer_who_is_not_there(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["customer", "show", "nobody"]) == 1
    assert 'no customer has the id "nobody"' in capsys.readouterr().err
