"""`journeyflow send-test`: one message for real, to whoever is named, and nothing else is touched."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select

from journeyflow.audience.suppression import suppress
from journeyflow.cli.main import run
from journeyflow.store.audit import audit_log
from journeyflow.store.database import Store
from journeyflow.store.ledger import messages
from journeyflow.store.short_links import number_of_test, short_links
from journeyflow.testing.vendors.sendgrid import sendgrid_server
from journeyflow.testing.vendors.twilio import twilio_server
from tests.cli.test_preview import POLICY, TEMPLATES, write
from tests.cli.test_status import here
from tests.delivery.channels.providers import smtp_server
from tests.engine.programmes import NOON, World

__all__ = ["here"]

SECRET = "a secret for links that is long enough"
MAIL = ["--to", "me@example.com"]
TEXT = ["--to", "+46701740605"]


@pytest.fixture
def programme(tmp_path: Path, here: None, monkeypatch: pytest.MonkeyPatch) -> Path:
    write(tmp_path / "programme")
    monkeypatch.setenv("JOURNEYFLOW_OUTBOX", str(tmp_path / "outbox"))
    monkeypatch.setenv("JOURNEYFLOW_PUBLIC_URL", "https://post.example.com")
    monkeypatch.setenv("JOURNEYFLOW_LINK_SECRETS", SECRET)
    return tmp_path / "programme"


async def send(folder: Path, *arguments: str, template: str = "thanks") -> int:
    return await asyncio.to_thread(run, ["send-test", template, "--root", str(folder), *arguments])


def set_up(monkeypatch: pytest.MonkeyPatch, **settings: str) -> None:
    for name, value in settings.items():
        monkeypatch.setenv(f"JOURNEYFLOW_{name.upper()}", value)


async def test_an_email_goes_out_marked_as_a_test(
    programme: Path, sqlite_store: Store, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async with smtp_server() as server:
        set_up(monkeypatch, email="smtp", smtp_url=server.url())
        assert await send(programme, *MAIL, "--locale", "sv") == 0
        assert await send(programme, *MAIL) == 0
        first, second = server.received()
    out = capsys.readouterr().out
    assert out.startswith("accepted: <")
    assert (first["to"], first["subject"]) == ("me@example.com", "[test] Tack, Alex")
    assert second["subject"] == "[test] Thank you, Alex"
    assert first["message-id"] != second["message-id"], "mail programs hide what they believe to have"


async def test_each_is_in_the_audit_log_and_nowhere_else(
    programme: Path, tmp_path: Path, sqlite_store: Store
) -> None:
    assert [await send(programme, *MAIL) for _ in range(2)] == [0, 0]
    assert len(await asyncio.to_thread(lambda: list((tmp_path / "outbox").iterdir()))) == 2
    async with sqlite_store.reading() as connection:
        row, _ = (await connection.execute(select(audit_log))).all()
        count = (await connection.execute(select(func.count()).select_from(messages))).scalar_one()
    assert (row.action, row.subject, row.detail) == ("send test", "thanks", {"channel": "email"})
    assert count == 0


async def test_links_to_pages_are_for_nobody(programme: Path, tmp_path: Path) -> None:
    from journeyflow.messages.links import Links

    assert await send(programme, *MAIL) == 0
    [path] = await asyncio.to_thread(lambda: list((tmp_path / "outbox").glob("*.eml")))
    content = (await asyncio.to_thread(path.read_text)).replace("=\n", "")
    links = Links("https://post.example.com", [SECRET])
    tokens = [part.split('"')[0].split(")")[0] for part in content.split("https://post.example.com/p/")[1:]]
    assert tokens
    assert [links.read(token) for token in tokens] == [None] * len(tokens)
    [target] = {part.split('"')[0] for part in content.split("https://post.example.com/l/")[1:]}
    click = links.read_click(target)
    assert click is not None
    assert (click.message, click.target) == (0, "https://shop.example/orders?id=alex&utm_campaign=orders")


async def test_links_to_pages_need_something_to_sign_them_with(
    programme: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("JOURNEYFLOW_PUBLIC_URL")
    monkeypatch.delenv("JOURNEYFLOW_LINK_SECRETS")
    assert await send(programme, *MAIL) == 1
    told = 'uses "preferences_url", and there is nothing to sign it with; set JOURNEYFLOW_PUBLIC_URL'
    assert told in capsys.readouterr().err


async def test_a_short_link_leads_where_it_should(
    programme: Path, tmp_path: Path, sqlite_store: Store
) -> None:
    write(programme, POLICY + "    sms: {short_links: true}\n")
    assert await send(programme, *TEXT) == 0
    async with sqlite_store.reading() as connection:
        [row] = (await connection.execute(select(short_links))).all()
    assert row.target == "https://shop.example/a?utm_campaign=orders"
    [path] = await asyncio.to_thread(lambda: list((tmp_path / "outbox").glob("*.txt")))
    assert "https://post.example.com/s/" in await asyncio.to_thread(path.read_text)
    assert path.stem == str(row.message_id)
    assert number_of_test(datetime.now(UTC) - timedelta(hours=1)) < row.message_id, "purged a day later"


@pytest.mark.parametrize(
    ("to", "expected"),
    [
        ("gone@example.com", "rejected (550 5.1.1)"),
        ("grey@example.com", "not sent: the SMTP server answered 451 to the recipient; try again in "),
        ("lost@example.com", "nobody knows whether it went out"),
    ],
)
async def test_what_came_of_it_is_told(
    programme: Path,
    to: str,
    expected: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    async with smtp_server() as server:
        set_up(monkeypatch, email="smtp", smtp_url=server.url())
        assert await send(programme, "--to", to) == 1
    told = capsys.readouterr()
    assert told.out == ""
    assert expected in told.err
    assert "example.com" not in told.err


async def test_through_sendgrid(
    programme: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async with sendgrid_server() as server:
        set_up(monkeypatch, email="sendgrid", sendgrid_api_key=server.key, sendgrid_url=server.url)
        assert await send(programme, *MAIL) == 0
        [taken] = server.accepted
    assert taken.mail["subject"] == "[test] Thank you, Alex"
    assert capsys.readouterr().out == f"accepted: {taken.id}\n"


async def test_through_twilio(
    programme: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async with twilio_server() as server:
        set_up(
            monkeypatch,
            sms="twilio",
            twilio_account_sid=server.account,
            twilio_auth_tokens=server.token,
            twilio_url=server.url,
        )
        assert await send(programme, *TEXT) == 0
        [taken] = server.accepted
    assert (taken.to, taken.text) == ("+46701740605", "Thanks Alex! https://shop.example/a See you.")
    assert capsys.readouterr().out == f"accepted: {taken.sid}\n"


async def test_written_to_a_customer_it_still_goes_to_the_address_that_is_named(
    programme: Path, tmp_path: Path, sqlite_store: Store
) -> None:
    await World(sqlite_store, tmp_path / "elsewhere").customers("ann", first_name="Ann", locale="sv-SE")
    arguments = [*MAIL, "--customer", "ann", "--event", '{"total": 9}']
    assert await send(programme, *arguments) == 0
    [path] = await asyncio.to_thread(lambda: list((tmp_path / "outbox").glob("*.eml")))
    content = await asyncio.to_thread(path.read_text)
    assert "To: me@example.com\n" in content
    assert "Subject: [test] Tack, Ann\n" in content


async def test_an_address_that_is_suppressed_gets_nothing(
    programme: Path, tmp_path: Path, sqlite_store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    async with sqlite_store.writing() as connection:
        await suppress(connection, "email", ["me@example.com"], "complained", NOON)
    assert await send(programme, *MAIL) == 1
    err = capsys.readouterr().err
    assert "this address is suppressed (complained)" in err
    assert "me@example.com" not in err
    assert not await asyncio.to_thread((tmp_path / "outbox").exists)


async def test_what_is_not_sent_leaves_nothing_behind(programme: Path, sqlite_store: Store) -> None:
    write(programme, POLICY + "    sms: {short_links: true}\n")
    async with sqlite_store.writing() as connection:
        await suppress(connection, "sms", ["+46701740605"], "complained", NOON)
    assert await send(programme, *TEXT) == 1
    async with sqlite_store.reading() as connection:
        for table in (short_links, audit_log):
            assert (await connection.execute(select(table))).all() == []


@pytest.mark.parametrize(
    ("arguments", "code", "expected"),
    [
        (["--to", "me@example"], 2, "email is not an address"),
        (["--to", "0701740605"], 2, "phone is not in E.164 form"),
        (["--to", "+46701740605", "--channel", "email"], 2, "email is not an address"),
        ([*MAIL, "--locale", "english"], 2, "locale is not a language with an optional region"),
        ([*MAIL, "--event", "{}"], 1, '"event.total", which is missing'),
    ],
)
async def test_what_cannot_be_done_is_said(
    programme: Path, arguments: list[str], code: int, expected: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await send(programme, *arguments) == code
    assert expected in capsys.readouterr().err


async def test_a_template_without_this_channel(programme: Path, capsys: pytest.CaptureFixture[str]) -> None:
    only_text = {name: text for name, text in TEMPLATES.items() if "sms" in name}
    assert only_text
    for name in TEMPLATES.keys() - only_text.keys():
        await asyncio.to_thread((programme / "templates" / "messages" / name).unlink)
    assert await send(programme, *MAIL) == 1
    assert 'has no file for the channel "email"' in capsys.readouterr().err
