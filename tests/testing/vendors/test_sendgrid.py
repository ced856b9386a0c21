"""The server that stands for SendGrid: what it refuses, in which words, and what it takes."""

import asyncio
import json
from collections.abc import AsyncIterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import httpx2
import pytest
import pytest_asyncio
from sendgrid import SendGridAPIClient
from sendgrid.helpers.mail import Mail

from journeyflow.testing.vendors.http import Behaviour
from journeyflow.testing.vendors.sendgrid import SendGridServer, sendgrid_server, throttled

MAIL: dict[str, Any] = {
    "personalizations": [{"to": [{"email": "kim@example.com"}], "custom_args": {"message_id": "7"}}],
    "from": {"email": "club@example.com", "name": "Klubb Ås"},
    "subject": "Hello",
    "content": [{"type": "text/plain", "value": "Hi"}, {"type": "text/html", "value": "<p>Hi</p>"}],
}
ADDRESS = "Does not contain a valid address."


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def server() -> AsyncIterator[SendGridServer]:
    async with sendgrid_server() as server:
        yield server


async def ask(server: SendGridServer, content: bytes, **changes: str | None) -> httpx2.Response:
    headers = {"authorization": f"Bearer {server.key}", "content-type": "application/json"}
    told = headers | {name.replace("_", "-"): value for name, value in changes.items()}
    sent = {name: value for name, value in told.items() if value is not None}
    async with httpx2.AsyncClient(verify=False) as client:
        return await client.post(f"{server.url}/v3/mail/send", content=content, headers=sent)


def changed(place: str, value: Any) -> dict[str, Any]:
    """The mail with another value at a place such as `from.email`; an ellipsis takes it away."""
    mail = deepcopy(MAIL)
    *way, last = [int(part) if part.isdecimal() else part for part in place.split(".")]
    holder: Any = mail
    for part in way:
        if isinstance(holder, dict):
            holder.setdefault(part, {})
        holder = holder[part]
    if value is ...:
        del holder[last]
    else:
        holder[last] = value
    return mail


TO = "personalizations.0.to"
REFUSED: list[tuple[str, Any, str | None]] = [
    ("personalizations", ..., "personalizations"),
    ("personalizations", [], "personalizations"),
    ("personalizations", {}, "personalizations"),
    ("personalizations", [MAIL["personalizations"][0]] * 1001, "personalizations"),
    (TO, ..., TO),
    (TO, [], TO),
    (TO, [{"name": "Kim"}], f"{TO}.0.email"),
    (TO, [{"email": "kim"}], f"{TO}.0.email"),
    (TO, [{"email": "kim@example"}], f"{TO}.0.email"),
    (TO, [{"email": "k..im@example.com"}], f"{TO}.0.email"),
    (TO, [{"email": "kim@example.com, eve@example.com"}], f"{TO}.0.email"),
    (TO, [{"email": "kim@exämple.com"}], f"{TO}.0.email"),
    (TO, [{"email": f"kim@{'example.' * 50}com"}], f"{TO}.0.email"),
    (TO, [{"email": 7}], f"{TO}.0.email"),
    (TO, [{"email": "kim@example.com", "name": "K; L"}], f"{TO}.0.name"),
    (TO, [{"email": "kim@example.com", "phone": "1"}], f"{TO}.0"),
    (TO, [{"email": "kim@example.com"}, {"email": "KIM@example.com"}], "personalizations.0"),
    (TO, [{"email": f"{number}@example.com"} for number in range(1001)], TO),
    ("personalizations.0.custom_args", {}, "personalizations.0.custom_args"),
    ("personalizations.0.custom_args.message_id", 7, "personalizations.0.custom_args.message_id"),
    ("personalizations.0.custom_args.a", "x" * 9_989, "personalizations.0.custom_args"),
    ("personalizations.0.subject", "", "personalizations.0.subject"),
    ("custom_args", "a", "custom_args"),
    ("custom_args.a", "å" * 5_000, "personalizations.0.custom_args"),
    ("from", ..., "from"),
    ("from", "club@example.com", "from"),
    ("from.email", "Club <club@example.com>", "from.email"),
    ("reply_to", {"name": "Help"}, "reply_to.email"),
    ("subject", ..., "subject"),
    ("subject", "", "subject"),
    ("subject", None, "subject"),
    ("content", ..., "content"),
    ("content", [], "content"),
    ("content", MAIL["content"][::-1], "content"),
    ("content", MAIL["content"][:1] * 2, "content"),
    ("content.0.value", "", "content.0.value"),
    ("content.0.value", ..., "content.0.value"),
    ("content.0.type", "text/plain; charset=utf-8", "content.0.type"),
    ("headers.Subject", "a", "headers"),
    ("headers.list-unsubscribe", 1, "headers.list-unsubscribe"),
    ("headers.X-Å", "a", "headers"),
    ("headers.X A", "a", "headers"),
    ("headers.X-A", "a\r\nBcc: eve@example.com", "headers"),
    ("headers", {"X-A": "a", "x-a": "b"}, "headers"),
    ("categories", ["a"] * 2, "categories"),
    ("categories", [str(number) for number in range(11)], "categories"),
    ("categories", ["x" * 256], "categories.0"),
    ("send_at", 1.5, "send_at"),
    ("send_at", 4_000_000_000, "send_at"),
    ("send_at", True, "send_at"),
    ("tracking_settings.click_tracking.enable", "no", "tracking_settings.click_tracking.enable"),
    ("tracking_settings.open_tracking.pixel", True, "tracking_settings.open_tracking"),
    ("asm", {"groups_to_display": [1]}, "asm.group_id"),
    ("reply_to_list", [{"email": "a@example.com"}] * 2, "reply_to_list"),
    ("colour", "blue", None),
]


@pytest.mark.parametrize(("place", "value", "field"), REFUSED)
async def test_what_is_refused(server: SendGridServer, place: str, value: Any, field: str | None) -> None:
    before = len(server.accepted)
    answer = await ask(server, json.dumps(changed(place, value)).encode())
    assert answer.status_code == 400
    assert field in [error["field"] for error in answer.json()["errors"]]
    assert all(error.keys() == {"message", "field", "help"} for error in answer.json()["errors"])
    assert len(server.accepted) == before


@pytest.mark.parametrize(
    ("place", "value"),
    [
        ("content", MAIL["content"][:1]),
        ("content", MAIL["content"][1:]),
        ("headers", {"List-Unsubscribe": "<https://example.com/u>", "List-Unsubscribe-Post": "a=b"}),
        ("custom_args", {"installation": "shop"}),
        ("personalizations.0.custom_args.a", "x" * 9_987),
        ("send_at", 1),
        ("categories", ["marketing"]),
        ("mail_settings.footer", {"enable": True, "text": "x"}),
        ("personalizations.0.dynamic_template_data", {"a": [1, {"b": None}]}),
        ("reply_to", {"email": "help@example.com"}),
    ],
)
async def test_what_is_taken(server: SendGridServer, place: str, value: Any) -> None:
    mail = changed(place, value)
    answer = await ask(server, json.dumps(mail).encode())
    assert (answer.status_code, answer.content) == (202, b"")
    assert server.accepted[-1].mail == mail
    assert answer.headers["x-message-id"] == server.accepted[-1].id


async def test_the_words_are_sendgrid_s(server: SendGridServer) -> None:
    answer = await ask(server, json.dumps(changed(f"{TO}.0.email", "kim")).encode())
    place = "http://sendgrid.com/docs/API_Reference/Web_API_v3/Mail/errors.html#message."
    assert answer.json() == {
        "errors": [
            {"message": ADDRESS, "field": f"{TO}.0.email", "help": f"{place}personalizations.to.email"}
        ]
    }


@pytest.mark.parametrize(
    ("content", "changes", "status"),
    [
        (b"{", {}, 400),
        (b"[]", {}, 400),
        (b"\xff", {}, 415),
        (b"{}", {"content_type": "text/plain"}, 415),
        (b"{}", {"authorization": "Bearer SG.other"}, 401),
        (b"{}", {"authorization": None}, 401),
        (b" " * (30 * 1024 * 1024 + 1), {}, 413),
    ],
    ids=["half", "list", "not UTF-8", "not JSON", "wrong key", "no key", "31 MB"],
)
async def test_what_is_not_looked_at(
    server: SendGridServer, content: bytes, changes: dict[str, str | None], status: int
) -> None:
    answer = await ask(server, content, **changes)
    assert answer.status_code == status
    assert answer.json()["errors"][0]["message"]


async def test_there_is_nothing_else(server: SendGridServer) -> None:
    async with httpx2.AsyncClient(verify=False) as client:
        assert (await client.get(f"{server.url}/v3/mail/send")).status_code == 405
        assert (await client.post(f"{server.url}/v3/mail/batch", content=b"{}")).status_code == 404


async def test_the_official_client_is_at_home_here(server: SendGridServer) -> None:
    mail = Mail("club@example.com", "kim@example.com", "Hello", "Hi", "<p>Hi</p>")
    client = SendGridAPIClient(server.key, host=server.url)
    answer = await asyncio.to_thread(client.send, mail)
    assert answer.status_code == 202
    assert answer.headers["X-Message-Id"] == server.accepted[-1].id


async def test_what_is_accepted_stands_in_the_file_before_it_is_answered(tmp_path: Path) -> None:
    ledger = tmp_path / "accepted"
    async with sendgrid_server(ledger=ledger) as server:
        server.behave(Behaviour(lose=True))
        with pytest.raises(httpx2.RemoteProtocolError):
            await ask(server, json.dumps(MAIL).encode())
        assert json.loads(ledger.read_text()) == {"id": server.accepted[0].id, "message_id": "7"}


async def test_trouble_lasts_as_long_as_was_said(server: SendGridServer) -> None:
    server.behave(Behaviour(answer=throttled(5), times=2))
    content = json.dumps(MAIL).encode()
    assert [(await ask(server, content)).status_code for _ in range(3)] == [429, 429, 202]


async def test_while_it_is_away_it_refuses_connections(server: SendGridServer) -> None:
    async with server.away():
        with pytest.raises(httpx2.ConnectError):
            await ask(server, b"{}")
    assert (await ask(server, json.dumps(MAIL).encode())).status_code == 202
