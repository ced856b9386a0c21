"""SMTP against a real server: what each of its answers, and each of its silences, means."""

import asyncio
import ssl
import subprocess
from pathlib import Path
from shutil import which

import pytest

from journeyflow.delivery.channels.base import Accepted, Ambiguous, Outcome, Rejected, Throttled
from journeyflow.delivery.channels.smtp import Smtp
from journeyflow.errors import ConfigurationError
from tests.delivery.channels.providers import PASSWORD, USER, SmtpServer, outgoing, smtp_server

pytestmark = pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")
LOGIN = "club:p%40ss%3Aw%2Frd@"


async def send_to(name: str) -> tuple[Outcome, SmtpServer]:
    async with smtp_server() as server:
        return await server.channel.send(outgoing(1, f"{name}@example.com")), server


@pytest.mark.parametrize(
    ("name", "code", "dead"),
    [
        ("gone", "550 5.1.1", True),
        ("old", "550", True),
        ("blocked", "550 5.7.1", False),
        ("spam", "554 5.7.1", False),
    ],
)
async def test_refused_for_good(name: str, code: str, dead: bool) -> None:
    outcome, _ = await send_to(name)
    assert isinstance(outcome, Rejected)
    assert (outcome.code, outcome.address_is_dead) == (code, dead)
    assert "@" not in repr(outcome)


@pytest.mark.parametrize("name", ["grey", "full", "closing"])
async def test_refused_for_now(name: str) -> None:
    outcome, server = await send_to(name)
    assert isinstance(outcome, Throttled)
    assert "@" not in repr(outcome)
    assert server.contents == []


@pytest.mark.parametrize("name", ["foreign", "stranger"])
async def test_a_refusal_that_is_about_us_fails_no_message(name: str) -> None:
    outcome, server = await send_to(name)
    assert isinstance(outcome, Throttled)
    assert "@" not in repr(outcome)
    assert server.contents == []


@pytest.mark.parametrize("answer", ["553 5.7.1 <club@example.com> is not yours", "550 no", "451 later"])
async def test_a_sender_that_is_refused_fails_no_message(answer: str) -> None:
    async with smtp_server(sender_answer=answer) as server:
        outcome = await server.channel.send(outgoing())
        assert outcome == Throttled(60, f"the SMTP server answered {answer[:3]} to the sender")
        server.sender_answer = "250 OK"
        assert isinstance(await server.channel.send(outgoing()), Accepted)


async def test_a_reply_lost_after_acceptance_leaves_doubt() -> None:
    outcome, server = await send_to("lost")
    assert isinstance(outcome, Ambiguous)
    assert len(server.contents) == 1


async def test_a_reply_that_does_not_come_leaves_doubt() -> None:
    async with smtp_server() as server:
        channel = Smtp(server.url(), reply_timeout=0.05)
        assert isinstance(await channel.send(outgoing(1, "slow@example.com")), Ambiguous)
        assert len(server.contents) == 1


async def test_a_server_that_does_not_greet_has_not_got_it() -> None:
    silent = await asyncio.start_server(lambda _reader, _writer: None, "127.0.0.1", 0)
    async with silent:
        port = silent.sockets[0].getsockname()[1]
        channel = Smtp(f"smtp://127.0.0.1:{port}?tls=none", reach_timeout=0.05)
        assert isinstance(await channel.send(outgoing()), Throttled)


@pytest.mark.parametrize("greeting", [b"421 busy\r\n", b"554 go away\r\n", b"HTTP/1.1 400 Bad Request\r\n"])
async def test_a_server_that_refuses_us_has_not_got_it(greeting: bytes) -> None:
    async def refuse(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(greeting)
        writer.close()

    refusing = await asyncio.start_server(refuse, "127.0.0.1", 0)
    async with refusing:
        port = refusing.sockets[0].getsockname()[1]
        channel = Smtp(f"smtp://127.0.0.1:{port}?tls=none")
        assert isinstance(await channel.send(outgoing()), Throttled)


async def test_connections_are_used_again_also_after_a_refusal() -> None:
    async with smtp_server() as server:
        for number, name in enumerate(["kim", "gone", "spam", "grey", "full", "kim"]):
            await server.channel.send(outgoing(number, f"{name}@example.com"))
        assert server.connections == 1
        assert len(server.contents) == 2


async def test_a_kept_connection_that_died_is_replaced() -> None:
    async with smtp_server() as server:
        await server.channel.send(outgoing(1))
        server.hang_up()
        assert isinstance(await server.channel.send(outgoing(2)), Accepted)
        assert (server.connections, len(server.contents)) == (2, 2)


async def test_no_more_connections_than_messages_that_may_be_in_flight() -> None:
    async with smtp_server() as server:
        await asyncio.gather(*(server.channel.send(outgoing(number)) for number in range(50)))
        assert server.connections <= server.channel.batch


async def test_a_login_with_strange_characters() -> None:
    async with smtp_server(authentication=True) as server:
        channel = Smtp(server.url(LOGIN))
        assert isinstance(await channel.send(outgoing()), Accepted)
        await channel.close()


async def test_a_wrong_password_fails_no_message_and_is_not_repeated(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("DEBUG", "journeyflow")
    async with smtp_server(authentication=True) as server:
        outcome = await Smtp(server.url("club:wrong-secret@")).send(outgoing())
        assert isinstance(outcome, Throttled)
        assert outcome.reason == "the SMTP server answered 535 to the login"
    assert "wrong-secret" not in repr(outcome) + caplog.text


async def test_encryption_that_was_asked_for_is_never_left_out() -> None:
    async with smtp_server() as server:
        channel = Smtp(server.url().replace("tls=none", "tls=starttls"))
        assert isinstance(await channel.send(outgoing()), Throttled)
        assert server.contents == []


@pytest.mark.skipif(which("openssl") is None, reason="openssl makes the certificate")
@pytest.mark.parametrize("tls", ["starttls", "implicit"])
async def test_encryption(tls: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    certificate = make_certificate(tmp_path)
    async with smtp_server(tls=tls, certificate=certificate, authentication=True) as server:
        assert isinstance(await Smtp(server.url(LOGIN)).send(outgoing(1)), Throttled)  # of no known authority
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "cert.pem"))
        channel = Smtp(server.url(LOGIN))
        assert isinstance(await channel.send(outgoing(2)), Accepted)
        await channel.close()


def make_certificate(folder: Path) -> ssl.SSLContext:
    command = (
        "openssl req -x509 -newkey rsa:2048 -nodes -keyout key.pem -out cert.pem -days 2 -subj /CN=127.0.0.1"
    )
    extension = ["-addext", "subjectAltName=IP:127.0.0.1"]
    subprocess.run([*command.split(), *extension], cwd=folder, check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "cert.pem", folder / "key.pem")
    return context


@pytest.mark.parametrize(
    "url",
    [
        "smtp://club:secret@", "http://club:secret@example.com", "smtp://club:secret@example.com?tls=maybe",
        "smtp://club:secret@example.com?secret", "smtp://club:secret@example.com/secret",
        "smtp://club:sec/ret@example.com", "smtp://club:secret@example.com:secret",
        "smtp://club:secret@example.com?tls=none", "smtp://[secret", "smtp://club:secret@example.com?password=secret",
    ],
)  # fmt: skip
def test_a_url_that_cannot_be_used_is_not_repeated(url: str) -> None:
    with pytest.raises(ConfigurationError, match="SMTP URL") as caught:
        Smtp(url)
    error: BaseException | None = caught.value
    assert error.__cause__ is None
    assert "secret" not in str(error)
    assert "ret@" not in str(error)


def test_a_channel_does_not_show_its_password() -> None:
    channel = Smtp(f"smtp://{LOGIN}mail.example.com")
    assert PASSWORD not in repr(channel) + repr(vars(channel))
    assert USER not in repr(vars(channel))
