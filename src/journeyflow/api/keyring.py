"""Who asks: the key in a request, what it may do, and how much of it."""

import base64
import binascii
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from fastapi import Request

from journeyflow.api.problem import Refused
from journeyflow.store.api_keys import ApiKey, find_key, hash_of, mark_used
from journeyflow.store.database import Store

_KNOWN_FOR = 10.0  # seconds for which a key is not looked up again
_USED = timedelta(hours=1)  # how exactly it is kept when a key was used
_CHALLENGE = 'Basic realm="journeyflow", charset="UTF-8"'


@dataclass(slots=True)
class _Holder:
    key: ApiKey
    until: float  # by the machine's own clock
    tokens: float
    filled_at: float


class Keyring:
    def __init__(self, store: Store, clock: Callable[[], datetime], rate: float) -> None:
        self._store = store
        self._clock = clock
        self._rate = rate  # items a second for each key, and as many at once
        self._holders: dict[str, _Holder] = {}

    async def admit(self, request: Request, scope: str) -> ApiKey:
        """Raises Refused for who has no key, or one that may not do this."""
        holder = await self._holder(request)
        if scope not in holder.key.scopes:
            raise Refused(403, f'the key may not do this; it needs the scope "{scope}"')
        return holder.key

    def spend(self, key: ApiKey, items: int) -> None:
        """Raises Refused when the key has had its share; who asks for much at once waits longer."""
        holder = next((one for one in self._holders.values() if one.key.id == key.id), None)
        if holder is None:  # revoked while the body was read
            return
        now = time.monotonic()
        holder.tokens = min(self._rate, holder.tokens + (now - holder.filled_at) * self._rate)
        holder.filled_at = now
        if holder.tokens <= 0:
            wait = max(1, math.ceil(-holder.tokens / self._rate))
            raise Refused(429, "the key has sent more than its share; try again later", Retry_After=str(wait))
        holder.tokens -= items

    def charge(self, key: ApiKey, items: int) -> None:
        """For a call that was let in and turned out to be larger: what comes after it waits longer."""
        for holder in self._holders.values():
            if holder.key.id == key.id:
                holder.tokens -= items

    async def _holder(self, request: Request) -> _Holder:
        hashed = hash_of(_presented(request))
        holder = self._holders.get(hashed)
        if holder is not None and holder.until > time.monotonic():
            return holder
        async with self._store.reading() as connection:
            key = await find_key(connection, hashed)
        if key is None:
            self._holders.pop(hashed, None)
            raise Refused(401, "the key is not known, or was revoked", WWW_Authenticate=_CHALLENGE)
        await self._note_use(key)
        return self._keep(hashed, key)

    def _keep(self, hashed: str, key: ApiKey) -> _Holder:
        now = time.monotonic()
        before = self._holders.get(hashed)
        tokens, filled_at = (before.tokens, before.filled_at) if before else (self._rate, now)
        self._holders[hashed] = _Holder(key, now + _KNOWN_FOR, tokens, filled_at)
        return self._holders[hashed]

    async def _note_use(self, key: ApiKey) -> None:
        now = self._clock()
        if key.last_used_at is None or now - key.last_used_at > _USED:
            async with self._store.writing() as connection:
                await mark_used(connection, key.id, now)


def _presented(request: Request) -> str:
    """As the user name of Basic, with any password, or as a bearer's token."""
    kind, _, value = request.headers.get("authorization", "").partition(" ")
    if kind.lower() == "bearer" and value.strip():
        return value.strip()
    if kind.lower() == "basic":
        try:
            user = base64.b64decode(value.strip(), validate=True).decode().partition(":")[0]
        except (binascii.Error, ValueError):
            user = ""
        if user:
            return user
    raise Refused(
        401, "there is no key; send it as the user name of Basic, or as a bearer's token",
        WWW_Authenticate=_CHALLENGE,
    )  # fmt: skip
