"""`journeyflow preview` as it is typed: what it writes and what it tells."""

import asyncio
import re
import webbrowser
from email import message_from_bytes
from email import policy as email_policy
from email.message import EmailMessage
from pathlib import Path

import pytest

from journeyflow.cli.main import run
from journeyflow.delivery.channels.outbox import Outbox
from journeyflow.store.database import Store
from tests.cli.test_status import here
from tests.engine.programmes import World
from tests.journeys.writing import write_programme

__all__ = ["here"]

POLICY = """
    senders:
      email: {from: "Club <club@example.com>", reply_to: help@example.com}
      sms: {from: "+46700000000"}
    tracking: {utm: {campaign: "{journey}"}}
    defaults: {timezone: Europe/Stockholm, locale: en}
"""
JOURNEY = """
    journey: orders
    enter: {event: began}
    steps:
      - send: {email: thanks}
      - send: {sms: thanks}
"""
EMAIL = """\
---
subject: Thank you, {{ customer.first_name }}
preheader: Your order of {{ event.total | money("SEK") }}
defaults:
  customer.tier: bronze
---
<p>Hello {{ customer.first_name }} of {{ customer.tier }}, {{ event.total | money("SEK") }}.</p>
<p><a href="https://shop.example/orders?id={{ customer.id }}">Your order</a>
<a href="{{ preferences_url }}">Choose</a> <a href="mailto:help@example.com">Help</a></p>
"""
TEMPLATES = {
    "thanks/email.html": EMAIL,
    "thanks/email.sv.html": EMAIL.replace("Thank you", "Tack"),
    "thanks/sms.txt": "Thanks {{ customer.first_name }}! https://shop.example/a See you.\n",
}


@pytest.fixture
def programme(tmp_path: Path, here: None) -> Path:
    folder = tmp_path / "programme"
    write(folder)
    return folder


def write(folder: Path, policy: str = POLICY, **changed: str) -> None:
    files = TEMPLATES | {f"thanks/{name.replace('_', '.')}": text for name, text in changed.items()}
    write_programme(folder, JOURNEY, policy=policy, segments="", templates=files)


def look(folder: Path, *arguments: str, template: str = "thanks") -> int:
    options = ["--root", str(folder), "--out", str(folder.parent / "out")]
    return run(["preview", template, *options, *arguments])


def told(text: str) -> dict[str, list[str]]:
    """What stands behind each label, of one message."""
    found: dict[str, list[str]] = {}
    label = ""
    for line in text.splitlines()[1:]:
        label = line[2:14].strip() or label
        found.setdefault(label, []).append(line[14:].strip())
    return found


def messages(text: str) -> dict[str, dict[str, list[str]]]:
    return {block.splitlines()[0].strip(): told(block) for block in text.strip().split("\n\n")}


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.glob("*"))


def test_every_language_and_channel_is_written_and_told(
    programme: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert look(programme) == 0
    found = messages(capsys.readouterr().out)
    assert list(found) == [
        "thanks: e-mail for every language",
        "thanks: e-mail in sv",
        "thanks: SMS for every language",
    ]
    out = programme.parent / "out"
    assert names(out) == ["thanks.html", "thanks.sms.txt", "thanks.sv.html", "thanks.sv.txt", "thanks.txt"]
    mail, text = found["thanks: e-mail in sv"], found["thanks: SMS for every language"]
    assert mail["subject"] == ["Tack, Alex"]
    assert mail["preheader"] == ["Your order of 42,00\xa0kr"]
    assert mail["from"] == ["Club <club@example.com>"]
    assert mail["replies to"] == ["help@example.com"]
    assert mail["sent by"] == ["the journey orders, steps/0"]
    assert mail["made up"] == ["customer.first_name = Alex", "event.total = 42"]
    assert mail["default"] == ["customer.tier = bronze"]
    assert mail["links"] == [
        '"Your order" leads to https://shop.example/orders?id=alex&utm_campaign=orders',
        '"Choose" leads to this customer\'s preferences',
        '"Help" leads to mailto:help@example.com',
    ]
    assert mail["written to"] == [str(out / "thanks.sv.html"), str(out / "thanks.sv.txt")]
    assert text["length"] == ["1 SMS, 44 of 160 characters"]
    assert text["links"] == ["https://shop.example/a"]
    assert (out / "thanks.sms.txt").read_text() == "Thanks Alex! https://shop.example/a See you."
    assert "Hello Alex of bronze, 42,00\xa0kr." in (out / "thanks.sv.html").read_text()


def test_nothing_is_asked_of_the_store_without_a_customer(programme: Path, tmp_path: Path) -> None:
    assert look(programme) == 0
    assert not (tmp_path / "journeyflow.db").exists()


@pytest.mark.usefixtures("here")
async def test_it_is_what_delivery_sends(sqlite_store: Store, tmp_path: Path) -> None:
    """Apart from links, which are for nobody."""
    world = World(sqlite_store, tmp_path / "programme")
    letter = EMAIL.replace('<a href="{{ preferences_url }}">Choose</a>', "")
    await world.apply(JOURNEY, policy=POLICY, templates={**TEMPLATES, "thanks/email.html": letter})
    await world.customers("ann", first_name="Ann", locale="en-GB")
    await world.happen("began", "ann", total=120)
    await world.route()
    await world.deliver(Outbox(tmp_path / "outbox"))
    arguments = ["--customer", "ann", "--locale", "en-GB", "--event", '{"total": 120}']
    assert await asyncio.to_thread(look, world.folder, *arguments) == 0
    [mail] = await asyncio.to_thread(_mails, tmp_path / "outbox")
    assert (mail["subject"], mail["from"]) == ("Thank you, Ann", "Club <club@example.com>")
    html, text = (mail.get_body((kind,)).get_content() for kind in ("html", "plain"))  # type: ignore[union-attr]
    assert "SEK\xa0120.00" in text
    assert await _read(tmp_path / "out" / "thanks.en-GB.txt") == text.replace("\r\n", "\n")
    written = await _read(tmp_path / "out" / "thanks.en-GB.html")
    assert _LINKS.sub("", written) == _LINKS.sub("", html)


_LINKS = re.compile(r'href="[^"]*"|<img src="https://links[^>]*>|\s')


async def _read(path: Path) -> str:
    return await asyncio.to_thread(path.read_text, "utf-8")


def _mails(outbox: Path) -> list[EmailMessage]:
    parsed = [message_from_bytes(path.read_bytes(), policy=email_policy.default) for path in outbox.glob("*")]
    assert all(isinstance(one, EmailMessage) for one in parsed)
    return parsed  # type: ignore[return-value]


@pytest.mark.usefixtures("here")
async def test_what_is_missing_is_told_at_once_and_the_rest_is_written(
    sqlite_store: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    world = World(sqlite_store, tmp_path / "programme")
    await world.customers("ann")
    await asyncio.to_thread(write, world.folder, sms_txt="Thanks!\n")
    assert await asyncio.to_thread(look, world.folder, "--customer", "ann", "--event", "{}") == 1
    out = capsys.readouterr()
    assert out.err.splitlines()[0] == (
        'template "thanks" (email) uses "customer.first_name", "event.total", which are missing for this '
        "customer; give them defaults in the front matter"
    )
    assert 'template "thanks" (email, sv) uses' in out.err
    assert "Traceback" not in out.err
    assert names(tmp_path / "out") == ["thanks.sms.txt"]


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize(("country", "end"), [("US", "See you.\nReply STOP"), ("SE", "See you.")])
async def test_how_to_stop_is_said_where_the_customer_lives(
    sqlite_store: Store, tmp_path: Path, country: str, end: str
) -> None:
    world = World(sqlite_store, tmp_path / "programme")
    await world.customers("ann", first_name="Ann", country=country)
    rules = "    sms: {opt_out: {en: Reply STOP}, opt_out_in: [US]}\n"
    await asyncio.to_thread(write, world.folder, POLICY + rules)
    assert await asyncio.to_thread(look, world.folder, "--customer", "ann") == 0
    assert (await _read(tmp_path / "out" / "thanks.sms.txt")).endswith(end)


def test_properties_of_the_event_come_from_a_file_too(
    programme: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "event.json").write_text('{"total": 1200}')
    assert look(programme, "--locale", "sv-SE", "--event", f"@{tmp_path / 'event.json'}") == 0
    mail = messages(capsys.readouterr().out)["thanks: e-mail in sv"]
    assert mail["preheader"] == ["Your order of 1\xa0200,00\xa0kr"]
    assert mail["made up"] == ["customer.first_name = Alex"]
    assert names(tmp_path / "out") == ["thanks.sv-SE.html", "thanks.sv-SE.sms.txt", "thanks.sv-SE.txt"]


@pytest.mark.parametrize(
    ("arguments", "code", "expected"),
    [
        (["--event", "{total}"], 2, "this is not JSON"),
        (["--event", "[1]"], 2, "should be an object"),
        (["--event", "@nowhere.json"], 2, '"nowhere.json" cannot be opened'),
        (["--locale", "x/../../y"], 2, "'--locale': locale is not a language with an optional region"),
        (["--customer", "nobody"], 1, "the store has no customer with this id"),
    ],
)
def test_what_cannot_be_done_is_said(
    programme: Path, arguments: list[str], code: int, expected: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert look(programme, *arguments) == code
    assert expected in capsys.readouterr().err


def test_a_misspelt_name(programme: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert look(programme, template="thank") == 1
    assert 'did you mean "thanks"?' in capsys.readouterr().err


def test_only_what_is_wrong_with_this_template_matters(
    programme: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(programme, email_sv_html=EMAIL.replace("money", "mony"))
    write_more(programme, "other/sms.txt", "{{ oops")
    write_more(programme, "../../journeys/broken.yaml", "journey: broken\n")
    assert look(programme) == 1
    err = capsys.readouterr().err
    assert "thanks/email.sv.html:" in err
    assert "other" not in err
    write_more(programme, "thanks/email.sv.html", EMAIL)
    assert look(programme) == 0
    assert "sent by     no journey yet" in capsys.readouterr().out


def write_more(folder: Path, name: str, text: str) -> None:
    path = folder / "templates" / "messages" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


@pytest.mark.parametrize(
    ("text", "length", "warning"),
    [
        ("x" * 170, "2 SMS, 170 of 306 characters", ""),
        ("€" * 10, "1 SMS, 20 of 160 characters", ""),
        (
            "“Hello”… " + "x" * 70,
            "2 SMS, 79 of 134 characters",
            '“ (U+201C), ” (U+201D), … (U+2026); with "sms: {replace: true}" in policy.yaml it takes 1 SMS',
        ),
        ("ИДИ", "1 SMS, 3 of 70 characters", "И (U+0418), Д (U+0414)"),
    ],
    ids=["long", "two places each", "can be replaced", "cannot be replaced"],
)
def test_how_long_an_sms_is(
    programme: Path, text: str, length: str, warning: str, capsys: pytest.CaptureFixture[str]
) -> None:
    write(programme, sms_txt=text)
    assert look(programme) == 0
    sms = messages(capsys.readouterr().out)["thanks: SMS for every language"]
    assert sms["length"] == [length]
    assert warning in " ".join(sms.get("warning", [""]))
    assert ("warning" in sms) == bool(warning)
    assert ("replace" in " ".join(sms.get("warning", ""))) == ("replace" in warning)


def test_a_short_link_is_as_long_as_a_real_one(
    programme: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(programme, POLICY + "    sms: {short_links: true}\n")
    assert look(programme) == 0
    sms = messages(capsys.readouterr().out)["thanks: SMS for every language"]
    assert sms["links"] == ["https://shop.example/a?utm_campaign=orders"]
    [text] = sms["text"]
    assert re.fullmatch(r"Thanks Alex! https://links\.example\.com/s/[0-9A-Za-z]{11} See you\.", text)


def test_gmail_would_cut_it_off(programme: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(programme, email_html=EMAIL + "<p>" + "word " * 21_000 + "</p>")
    assert look(programme) == 0
    mail = messages(capsys.readouterr().out)["thanks: e-mail for every language"]
    assert "Gmail cuts off what is beyond 102 kB" in " ".join(mail["warning"])
    assert mail["size"][0].startswith("107 kB of HTML")


def test_a_coupon_is_made_up(programme: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(programme, sms_txt="---\ncoupon: spring\n---\nYour code: {{ coupon }}\n")
    assert look(programme) == 0
    sms = messages(capsys.readouterr().out)["thanks: SMS for every language"]
    assert sms["text"] == ["Your code: ABCD-1234"]
    assert sms["made up"] == ["coupon = ABCD-1234"]


def test_the_browser_opens_each_email(
    programme: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser = tmp_path / "browser"
    browser.write_text(f'#!/bin/sh\necho "$1" >> {tmp_path}/opened\n')
    browser.chmod(0o755)
    monkeypatch.setenv("BROWSER", f"{browser} %s")
    monkeypatch.setattr(webbrowser, "_tryorder", None)  # as in a process that has opened nothing yet
    assert look(programme, "--open") == 0
    opened = (tmp_path / "opened").read_text().split()
    assert opened == [(tmp_path / "out" / name).as_uri() for name in ("thanks.html", "thanks.sv.html")]
