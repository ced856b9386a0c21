"""The adapter that docs/adding-a-channel.md shows, and its provider."""

import json
import re
from pathlib import Path
from types import ModuleType
from typing import Any

from journeyflow.testing.vendors.http import Behaviour, HttpServer, Reply, Request

TOKEN = "pigeon-token"
_PAGE = Path(__file__).parents[3] / "docs" / "adding-a-channel.md"
_LETTER = {
    "reference": str,
    "from": dict,
    "reply_to": str,
    "to": str,
    "subject": str,
    "text": str,
    "html": str | None,
    "headers": dict,
    "track_clicks": bool,
    "track_opens": bool,
}


def adapter() -> Any:
    """The class, from the page."""
    found = re.search(r"^```python\n(.*?)^```$", _PAGE.read_text(encoding="utf-8"), re.M | re.S)
    assert found is not None
    module = ModuleType("pigeon")
    exec(compile(found[1], str(_PAGE), "exec"), module.__dict__)
    return module.Pigeon


class PigeonServer:
    def __init__(self) -> None:
        self.http = HttpServer(self._take)
        self.accepted: list[dict[str, Any]] = []

    def behave(self, behaviour: Behaviour | None = None) -> None:
        self.http.behave(behaviour)

    def away(self) -> Any:
        return self.http.away()

    def _take(self, request: Request) -> Reply:
        if request.headers.get("authorization") != f"Bearer {TOKEN}":
            return Reply(401)
        letter = json.loads(request.body)
        right = letter.keys() == _LETTER.keys() and all(
            isinstance(letter[name], kind) for name, kind in _LETTER.items()
        )
        if request.path != "/letters" or not right:
            return Reply(422)
        self.accepted.append(letter)
        return Reply(201, headers={"Location": f"/letters/{len(self.accepted)}"})
