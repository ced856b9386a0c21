"""The codes in the documentation are those of the table, each where it belongs."""

import re
from pathlib import Path

from journeyflow.delivery.channels.twilio_codes import known, meaning

_PAGE = Path(__file__).parents[2] / "docs" / "channels.md"
_ROWS = ("dead", "stopped", "rejected", "ours", "later")


def test_every_code_stands_in_the_row_of_its_kind() -> None:
    table = _PAGE.read_text().partition("### Codes")[2].partition("### ")[0]
    rows = [re.findall(r"\b[0-9]{5}\b", line) for line in table.splitlines() if line.startswith("| ")][1:]
    assert [sorted(map(int, row)) for row in rows] == [
        sorted(code for code in known() if meaning(code).kind == kind) for kind in _ROWS
    ]
