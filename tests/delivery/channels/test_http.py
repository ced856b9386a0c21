"""What channels over HTTP have in common: when there is doubt, how long to wait, which connections to use."""

import asyncio
import socket
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
import pytest_asyncio

from journeyflow.delivery.channels.base import Ambiguous, Throttled
from journeyflow.delivery.channels.http import Answer, Timeouts, pause, pooled, post
from journeyflow.testing.vendors.http import Behaviour, HttpServer, Reply, Request, serving

NOON = datetime(2031, 5, 7, 12, tzinfo=UTC)
SHORT = Timeouts(reach=5, reply=5, body=0.05)


@pytest_asyncio.fixture
async def server() -> AsyncIterator[HttpServer]:
    server = HttpServer(lambda request: Reply(200, b"yes", {"X-Path": request.path}))
    async with serving(server):
        yield server


async def ask(url: str, timeouts: Timeouts = SHORT) -> Answer | Throttled | Ambiguous:
    client = pooled(timeouts, {})
    try:
        return await post(client, url, b"{}", timeouts, "Somebody")
    finally:
        await client.aclose()


async def test_an_answer_is_status_headers_and_content(server: HttpServer) -> None:
    answer = await ask(f"{server.url}/a")
    assert isinstance(answer, Answer)
    assert (answer.status, answer.headers["x-path"], answer.content) == (200, "/a", b"yes")
    assert "yes" not in repr(answer)


@pytest.mark.parametrize("url", ["http://nowhere.invalid", "http://127.0.0.1:{}"])
async def test_before_there_is_a_connection_there_is_no_doubt(url: str) -> None:
    """A name that DNS does not know, a port at which nobody listens."""
    with socket.socket() as taken:  # without listening
        taken.bind(("127.0.0.1", 0))
        assert await ask(url.format(taken.getsockname()[1])) == Throttled(60, "Somebody cannot be reached")


async def test_without_encryption_that_was_asked_for_there_is_no_connection() -> None:
    async def refuse(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()

    plain = await asyncio.start_server(refuse, "127.0.0.1", 0)
    async with plain:
        url = f"https://127.0.0.1:{plain.sockets[0].getsockname()[1]}"
        assert await ask(url) == Throttled(60, "Somebody cannot be reached")


async def test_a_host_that_does_not_greet_has_not_got_it() -> None:
    """It takes the connection, but never ends the TLS handshake."""
    silent = await asyncio.start_server(lambda _reader, _writer: None, "127.0.0.1", 0)
    async with silent:
        url = f"https://127.0.0.1:{silent.sockets[0].getsockname()[1]}"
        assert isinstance(await ask(url, Timeouts(reach=0.05)), Throttled)


@pytest.mark.parametrize(
    "behaviour", [Behaviour(lose=True), Behaviour(garble=True), Behaviour(silent=True)], ids=str
)
async def test_after_that_there_is(server: HttpServer, behaviour: Behaviour) -> None:
    server.behave(behaviour)
    assert isinstance(await ask(server.url, Timeouts(reply=0.1)), Ambiguous)
    assert server.requests == 1


@pytest.mark.parametrize("length", [100, 10_000_000])
async def test_a_status_counts_though_the_rest_does_not_come(length: int) -> None:
    async def half(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        head = f"HTTP/1.1 202 Accepted\r\nX-Message-Id: a\r\nContent-Length: {length}\r\n\r\n"
        writer.write(head.encode() + b"x" * (length - 1))

    server = await asyncio.start_server(half, "127.0.0.1", 0)
    async with server:
        answer = await ask(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
    assert isinstance(answer, Answer)
    assert (answer.status, answer.headers["x-message-id"]) == (202, "a")
    assert len(answer.content) == min(length - 1, 65_536)


async def test_connections_are_used_again_and_replaced_when_they_died(server: HttpServer) -> None:
    client = pooled(SHORT, {})
    for _ in range(3):
        assert isinstance(await post(client, server.url, b"{}", SHORT, "Somebody"), Answer)
    assert server.connections == 1
    await server.hang_up()
    answers = [await post(client, server.url, b"{}", SHORT, "Somebody") for _ in range(2)]
    assert all(isinstance(answer, Answer) for answer in answers)
    assert server.connections == 2
    await client.aclose()


async def test_no_cookie_goes_from_one_message_to_the_next_and_no_redirect_is_followed() -> None:
    seen: list[Request] = []

    def elsewhere(request: Request) -> Reply:
        seen.append(request)
        return Reply(302, b"", {"Set-Cookie": "a=b", "Location": "/b"})

    server = HttpServer(elsewhere)
    async with serving(server):
        client = pooled(SHORT, {})
        for _ in range(2):
            await post(client, f"{server.url}/a", b"{}", SHORT, "Somebody")
        await client.aclose()
    assert [(one.path, one.headers.get("cookie")) for one in seen] == [("/a", None), ("/a", None)]


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "120"}, 120),
        ({"retry-after": "0"}, 1),
        ({"retry-after": "9999999"}, 86_400),
        ({"retry-after": format_datetime(NOON + timedelta(minutes=5), usegmt=True)}, 300),
        ({"retry-after": format_datetime(NOON - timedelta(minutes=5), usegmt=True)}, 1),
        ({"retry-after": "soon"}, 60),
        ({"retry-after": "²"}, 60),
        ({"x-ratelimit-reset": str(int(NOON.timestamp()) + 30)}, 30),
        ({"x-ratelimit-reset": str(int(NOON.timestamp()) - 30)}, 1),
        ({"x-ratelimit-reset": "9" * 400}, 60),
        ({"x-ratelimit-reset": "later"}, 60),
        ({"x-ratelimit-reset": str(int(NOON.timestamp()) + 30), "retry-after": "5"}, 5),
        ({}, 60),
    ],
)
def test_how_much_later(headers: dict[str, str], seconds: float) -> None:
    assert pause(headers, NOON) == seconds
