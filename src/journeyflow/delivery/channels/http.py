"""HTTP to a provider: a pool of connections for each channel, and what it means when no answer comes."""

import asyncio
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import cache
from http.cookiejar import CookieJar, DefaultCookiePolicy
from ssl import SSLContext

import httpx2

from journeyflow.delivery.channels.base import Ambiguous, Throttled

RETRY_AFTER = 60.0
_LONGEST_PAUSE = 86_400.0
IDLE = 4.0  # seconds; providers close later, and a request on a connection that they close is in doubt
_LONGEST_BODY = 65_536  # bytes; no answer that we read is longer
_NOT_BEGUN = (
    httpx2.ConnectError,  # DNS, refused, TLS
    httpx2.ConnectTimeout,
    httpx2.PoolTimeout,
    httpx2.ProxyError,
    httpx2.LocalProtocolError,
    httpx2.UnsupportedProtocol,
)


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds. Together below the 30 after which a later attempt takes a message over."""

    reach: float = 5.0  # until there is a connection; what goes wrong by then is no doubt
    reply: float = 20.0  # from then on, until the answer begins
    body: float = 2.0  # until it ends


@dataclass(frozen=True, slots=True)
class Answer:
    """Its status is certain; its content may have been cut off, and may quote an address."""

    status: int
    headers: Mapping[str, str]  # names in small letters
    content: bytes = field(repr=False)


class Pool:
    """Clients of one connection each, as many as there are requests at once; the last one used is next.

    One client with many connections looks at all of them, twice for each request.
    """

    def __init__(self, make: Callable[[], httpx2.AsyncClient]) -> None:
        self._make = make
        self._all: list[httpx2.AsyncClient] = []
        self._free: list[httpx2.AsyncClient] = []

    @contextmanager
    def lend(self) -> Iterator[httpx2.AsyncClient]:
        if not self._free:
            self._free.append(self._make())
            self._all.append(self._free[-1])
        client = self._free.pop()
        try:
            yield client
        finally:
            self._free.append(client)

    async def aclose(self) -> None:
        for client in self._all:
            await client.aclose()


def pooled(timeouts: Timeouts, headers: Mapping[str, str]) -> Pool:
    """Clients that keep connections, no cookies, and follow no redirect."""

    def make() -> httpx2.AsyncClient:
        return httpx2.AsyncClient(
            headers={"accept-encoding": "identity", **headers},
            timeout=httpx2.Timeout(timeouts.reply, connect=timeouts.reach, pool=timeouts.reach),
            limits=httpx2.Limits(max_connections=1, max_keepalive_connections=1, keepalive_expiry=IDLE),
            verify=_authorities(),
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
        )

    return Pool(make)


async def post(
    pool: Pool, url: str, content: bytes, timeouts: Timeouts, provider: str
) -> Answer | Throttled | Ambiguous:
    """`provider` is its name in reasons. Without an answer it is told whether there is doubt."""
    with pool.lend() as client:
        request = client.build_request("POST", url, content=content)
        try:
            async with asyncio.timeout(timeouts.reach + timeouts.reply):  # httpx2 begins anew at each byte
                response = await client.send(request, stream=True)
        except _NOT_BEGUN:
            return Throttled(RETRY_AFTER, f"{provider} cannot be reached")
        except (httpx2.TransportError, TimeoutError):
            return Ambiguous(f"{provider} gave no answer after the message was handed over")
        return Answer(response.status_code, response.headers, await _content(response, timeouts.body))


def pause(headers: Mapping[str, str], now: datetime) -> float:
    """Seconds for which the provider wants to be left alone, by Retry-After or by the end of its window."""
    retry_after, reset = headers.get("retry-after", ""), headers.get("x-ratelimit-reset", "")
    try:
        if retry_after:
            seconds = float(retry_after) if retry_after.isdecimal() else _until(retry_after, now)
        else:
            seconds = float(int(reset)) - now.timestamp()
    except (ValueError, TypeError, OverflowError):
        return RETRY_AFTER
    return min(max(seconds, 1.0), _LONGEST_PAUSE)


@cache
def _authorities() -> SSLContext:
    """Those that may vouch for a host: reading them takes longer than all else about a client."""
    return httpx2.create_ssl_context()


async def _content(response: httpx2.Response, patience: float) -> bytes:
    """Read to its end, so that the connection can be used again, unless it is long or does not come."""
    content = b""
    try:
        with suppress(httpx2.HTTPError, TimeoutError):
            async with asyncio.timeout(patience):
                async for chunk in response.aiter_raw():
                    content += chunk
                    if len(content) > _LONGEST_BODY:
                        break
    finally:
        await response.aclose()
    return content[:_LONGEST_BODY]


def _until(date: str, now: datetime) -> float:
    moment = parsedate_to_datetime(date)
    return ((moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - now).total_seconds()
