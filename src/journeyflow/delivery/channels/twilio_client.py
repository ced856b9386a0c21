"""The HTTP client below Twilio's: it keeps connections, ends every wait, and logs nothing.

Twilio's own logs numbers, may wait for ever, and keeps the last message for its tests.
"""

import asyncio
import base64
import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import aiohttp
from twilio.http.async_http_client import AsyncTwilioHttpClient  # type: ignore[import-untyped]
from twilio.http.response import Response  # type: ignore[import-untyped]

from journeyflow.delivery.channels.http import IDLE, Timeouts

_TURNS = 2  # of the loop: it hears of connections that Twilio has closed, and the pool lends them no more


class Refused(Exception):
    """An answer that is no 2xx. The code is Twilio's own, if it names one; its words stay here."""

    def __init__(self, status: int, code: int | None, headers: Mapping[str, str]) -> None:
        super().__init__(f"{status} {code or ''}".strip())
        self.status = status
        self.code = code
        self.headers = headers


class Unreached(Exception):
    """There was no connection, so Twilio has got nothing."""


class Doubtful(Exception):
    """The request was begun, and no whole answer came."""


class PooledClient(AsyncTwilioHttpClient):  # type: ignore[misc]
    """Raises Refused, Unreached or Doubtful; whatever it returns is a 2xx with a JSON object."""

    def __init__(self, origin: str | None, timeouts: Timeouts, connections: int) -> None:
        super().__init__(pool_connections=False)
        self.session: aiohttp.ClientSession | None = None
        self._origin = urlsplit(origin) if origin is not None else None
        self._connections = connections
        total = timeouts.reach + timeouts.reply
        self._timeout = aiohttp.ClientTimeout(total, connect=timeouts.reach, sock_read=timeouts.reply)

    async def request(
        self,
        method: str,
        url: str,
        params: dict[str, object] | None = None,
        data: dict[str, object] | None = None,
        headers: dict[str, str] | None = None,
        auth: tuple[str, str] | None = None,
        timeout: float | None = None,  # noqa: ASYNC109 - Twilio's own; nobody sets it
        allow_redirects: bool = False,
    ) -> Response:
        for _ in range(_TURNS):
            await asyncio.sleep(0)
        sent: Any = {"params": params, "data": data, "headers": {**(headers or {}), **_login(auth)}}
        try:
            async with self._pool().request(
                method, self._placed(url), allow_redirects=False, **sent
            ) as answer:
                return await _read(answer)
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError):
            raise Unreached from None
        except (aiohttp.ClientError, TimeoutError):
            raise Doubtful from None

    async def close(self) -> None:
        session, self.session = self.session, None
        if session is not None:
            await session.close()

    def _pool(self) -> aiohttp.ClientSession:
        """Made when it is needed, since it belongs to the loop that runs then."""
        if self.session is None:
            self.session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=self._connections, keepalive_timeout=IDLE),
                cookie_jar=aiohttp.DummyCookieJar(),
                timeout=self._timeout,
            )
        return self.session

    def _placed(self, url: str) -> str:
        if self._origin is None:
            return url
        return urlsplit(url)._replace(scheme=self._origin.scheme, netloc=self._origin.netloc).geturl()


def _login(auth: tuple[str, str] | None) -> dict[str, str]:
    if auth is None:
        return {}
    return {"Authorization": "Basic " + base64.b64encode(":".join(auth).encode()).decode()}


async def _read(answer: aiohttp.ClientResponse) -> Response:
    """The status is certain as soon as it is there, the rest of the answer may be cut off."""
    headers = {name.lower(): value for name, value in answer.headers.items()}
    try:
        text = (await answer.read()).decode("utf-8", "replace")
    except (aiohttp.ClientError, TimeoutError):
        if answer.status < 300:
            raise
        text = ""
    content = _json(text)
    if not 200 <= answer.status < 300:
        code = content.get("code") if isinstance(content, dict) else None
        raise Refused(answer.status, code if isinstance(code, int) else None, headers)
    if not isinstance(content, dict):
        raise Doubtful
    return Response(answer.status, text, headers)


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None
