"""Twilio on this machine: it takes messages as the real API does, and calls back with its signature.

    async with twilio_server() as server:
        channel = Twilio(server.account, server.token, "here", origin=server.url)

What it accepts is written down before it is answered.
"""

import base64
import json
import re
from collections.abc import AsyncIterator, Callable, Collection, Mapping
from contextlib import AbstractAsyncContextManager, aclosing, asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path
from typing import IO, Any, Final
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit
from uuid import uuid4

import httpx2
from twilio.request_validator import RequestValidator  # type: ignore[import-untyped]

from journeyflow.testing.vendors.http import Behaviour, HttpServer, Reply, Request, serving
from journeyflow.testing.vendors.twilio_parameters import Account, Problem, refusal

ACCOUNT: Final = "AC" + "0123456789abcdef" * 2
TOKEN: Final = "0fedcba9876543210fedcba987654321"
SERVICE: Final = "MG" + "89abcdef01234567" * 2

_API = "2010-04-01"
_LONGEST_REQUEST = 1_000_000  # bytes
_PAGE, _LARGEST_PAGE = 50, 1000
_STOP = {"STOP", "STOPALL", "UNSUBSCRIBE", "CANCEL", "END", "QUIT", "OPTOUT", "REVOKE"}
_START = {"START", "YES", "UNSTOP"}
_MESSAGES = re.compile(rf"/{_API}/Accounts/([^/]+)/Messages\.json")
_FILTERS = {"To", "From", "DateSent", "DateSent<", "DateSent>", "PageSize", "Page", "PageToken"}
_DATE = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})(T[0-9:.]+Z?)?")
_PLACE = {
    f"{side}{part}": value
    for side in ("From", "To")
    for part, value in {"City": "", "State": "", "Zip": "", "Country": "SE"}.items()
}


@dataclass(frozen=True, slots=True)
class Taken:
    """A message that Twilio has, with its parameters as they came."""

    sid: str
    params: Mapping[str, str]
    created: datetime
    sent: datetime | None = None
    status: str = "queued"
    error: int | None = None

    @property
    def to(self) -> str:
        return self.params["To"]

    @property
    def text(self) -> str:
        return self.params.get("Body", "")


@dataclass(frozen=True, slots=True)
class Heard:
    """What the address answered that Twilio called."""

    status: int
    content_type: str
    text: str


def _utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(slots=True)
class TwilioServer:
    """`clock` is Twilio's. `ledger` gets a line for each accepted message."""

    account: str = ACCOUNT
    token: str = field(default=TOKEN, repr=False)
    services: Collection[str] = (SERVICE,)
    senders: Collection[str] | None = None  # None: whatever has the form of one
    ledger: IO[str] | None = None
    clock: Callable[[], datetime] = _utc_now
    stopped: set[str] = field(default_factory=set)  # who sent STOP gets nothing more
    http: HttpServer = field(init=False)
    _taken: dict[str, Taken] = field(default_factory=dict)  # by sid, the oldest first
    _caller: httpx2.AsyncClient | None = None

    def __post_init__(self) -> None:
        self.http = HttpServer(self._take, refused, _LONGEST_REQUEST)

    @property
    def url(self) -> str:
        return self.http.url

    @property
    def accepted(self) -> list[Taken]:
        return list(self._taken.values())

    def behave(self, behaviour: Behaviour | None = None) -> None:
        """From now on; without an argument properly and at once."""
        self.http.behave(behaviour)

    def away(self) -> AbstractAsyncContextManager[None]:
        """Refuses connections as long as the block lasts."""
        return self.http.away()

    def put(self, params: Mapping[str, str], created: datetime | None = None) -> Taken:
        """A message that was sent from elsewhere; nothing of it is checked."""
        status = "accepted" if "MessagingServiceSid" in params else "queued"  # no sender was chosen yet
        taken = Taken(_new_sid(), params, created or self.clock(), status=status)
        self._taken[taken.sid] = taken
        return taken

    async def aclose(self) -> None:
        """Its own connections."""
        if self._caller is not None:
            await self._caller.aclose()
            self._caller = None

    async def report(
        self, sid: str, status: str, error_code: int | None = None, via: str | None = None
    ) -> Heard:
        """Tells the message's StatusCallback that it is now queued, sent, delivered, undelivered, failed ...

        `via`: where that is reached in truth, as in http://127.0.0.1:8000; what is signed is the public URL.
        """
        taken = self._move(sid, status, error_code)
        params = {
            "AccountSid": self.account,
            "ApiVersion": _API,
            "From": taken.params.get("From", "+15005550006"),
            "MessageSid": sid,
            "MessageStatus": status,
            "SmsSid": sid,
            "SmsStatus": status,
            "To": taken.to,
        }
        if "MessagingServiceSid" in taken.params:
            params["MessagingServiceSid"] = taken.params["MessagingServiceSid"]
        if error_code is not None:
            params["ErrorCode"] = str(error_code)
        if status in ("delivered", "undelivered"):
            params["RawDlrDoneDate"] = f"{self.clock():%y%m%d%H%M}"
        return await self.call(taken.params["StatusCallback"], params, via)

    async def write_in(
        self,
        from_: str,
        to: str,
        body: str,
        url: str,
        sid: str | None = None,
        opt_out: str | None = None,
        via: str | None = None,
    ) -> Heard:
        """A person writes to a number of ours.

        `opt_out` (STOP, START or HELP) is what Twilio adds for services with Advanced Opt-Out.
        """
        self.hear(from_, body)
        sid = sid or _new_sid()
        params = {
            **{"MessageSid": sid, "SmsSid": sid, "SmsMessageSid": sid, "AccountSid": self.account},
            **{"ApiVersion": _API, "From": from_, "To": to, "Body": body, "SmsStatus": "received"},
            **{"NumMedia": "0", "NumSegments": "1", **_PLACE},
        }
        if opt_out is not None:
            params["OptOutType"] = opt_out
        return await self.call(url, params, via)

    def hear(self, from_: str, body: str) -> None:
        """Twilio obeys these words by itself, before anybody else is told."""
        word = body.strip().upper()
        if word in _STOP:
            self.stopped.add(from_)
        if word in _START:
            self.stopped.discard(from_)

    async def call(
        self, url: str, params: Mapping[str, str], via: str | None = None, signature: str | None = None
    ) -> Heard:
        """POSTs to one of our webhooks, signed unless another signature is given."""
        headers = {
            "content-type": "application/x-www-form-urlencoded; charset=UTF-8",
            "i-twilio-idempotency-token": str(uuid4()),
            "user-agent": "TwilioProxy/1.1",
            "x-twilio-signature": signature if signature is not None else self.sign(url, params),
        }
        if self._caller is None:
            self._caller = httpx2.AsyncClient(timeout=15)  # as long as Twilio waits
        answer = await self._caller.post(_through(url, via), headers=headers, content=urlencode(params))
        return Heard(answer.status_code, answer.headers.get("content-type", ""), answer.text)

    def sign(self, url: str, params: Mapping[str, str]) -> str:
        return str(RequestValidator(self.token).compute_signature(url, params))

    def _take(self, request: Request) -> Reply:
        reply = self._answer(request)
        return replace(reply, headers={**reply.headers, "Date": format_datetime(self.clock(), usegmt=True)})

    def _answer(self, request: Request) -> Reply:
        place = _MESSAGES.fullmatch(request.path)
        if not self._knows(request):
            return problem(401, 20003, "Authenticate", {"WWW-Authenticate": 'Basic realm="Twilio API"'})
        if place is None or place[1] != self.account:
            return problem(404, 20404, f"The requested resource {request.path} was not found")
        if request.method == "POST":
            return self._create(request)
        if request.method == "GET":
            return self._list(request)
        return problem(405, 20004, "Method not allowed")

    def _knows(self, request: Request) -> bool:
        login = base64.b64encode(f"{self.account}:{self.token}".encode()).decode()
        return request.headers.get("authorization") == f"Basic {login}"

    def _create(self, request: Request) -> Reply:
        form = request.headers.get("content-type", "").partition(";")[0].strip()
        is_form = form == "application/x-www-form-urlencoded"  # else no parameter is read, so "To" is missed
        params = _form(request.body) if is_form else {}
        if params is None:
            return problem(400, 20001, "The parameters are not UTF-8")
        why = refusal(params, Account(self.account, self.services, self.senders, self.stopped))
        if why is not None:
            return _told(why)
        taken = self.put({name: values[0] for name, values in params.items()})
        if self.ledger is not None:
            self.ledger.write(json.dumps({"id": taken.sid, **taken.params}) + "\n")
            self.ledger.flush()
        return _json(201, self._resource(taken))

    def _move(self, sid: str, status: str, error: int | None) -> Taken:
        taken = self._taken[sid]
        sent = taken.sent or (self.clock() if status in ("sent", "delivered", "undelivered") else None)
        self._taken[sid] = replace(taken, status=status, error=error, sent=sent)
        return self._taken[sid]

    def _list(self, request: Request) -> Reply:
        query = dict(parse_qsl(request.query, keep_blank_values=True))
        size = query.get("PageSize", str(_PAGE))
        dates = [query[name] for name in ("DateSent", "DateSent<", "DateSent>") if name in query]
        if query.keys() - _FILTERS or not all(_DATE.fullmatch(date) for date in dates):
            return problem(400, 20001, "Unknown parameters")
        if not size.isdecimal() or not 1 <= int(size) <= _LARGEST_PAGE:
            return problem(400, 20007, "Page size is not a number from 1 to 1000")
        found = [taken for taken in reversed(self._taken.values()) if _matches(taken, query)]
        return _json(200, self._page(found, query, int(size)))

    def _page(self, found: list[Taken], query: dict[str, str], size: int) -> dict[str, Any]:
        """The token of a page is the last message before it, as it is with Twilio."""
        token, page = query.get("PageToken", ""), int(query.get("Page", "0"))
        sids = [taken.sid for taken in found]
        start = sids.index(token.removeprefix("PA")) + 1 if token else 0
        shown = found[start : start + size]
        filters = {name: value for name, value in query.items() if name not in ("Page", "PageToken")}
        here = f"/{_API}/Accounts/{self.account}/Messages.json"
        is_last = start + size >= len(found)

        def uri(number: int, **more: str) -> str:
            return f"{here}?{urlencode({**filters, 'PageSize': size, 'Page': number, **more})}"

        return {
            "first_page_uri": uri(0),
            "end": start + max(len(shown) - 1, 0),
            "previous_page_uri": uri(page - 1) if page else None,
            "messages": [self._resource(taken) for taken in shown],
            "uri": uri(page),
            "page_size": size,
            "start": start,
            "next_page_uri": None if is_last else uri(page + 1, PageToken=f"PA{shown[-1].sid}"),
            "page": page,
        }

    def _resource(self, taken: Taken) -> dict[str, Any]:
        service = taken.params.get("MessagingServiceSid")
        uri = f"/{_API}/Accounts/{self.account}/Messages/{taken.sid}"
        created = format_datetime(taken.created)
        return {
            "account_sid": self.account,
            "api_version": _API,
            "body": taken.text,
            "date_created": created,
            "date_sent": format_datetime(taken.sent) if taken.sent else None,
            "date_updated": format_datetime(taken.sent) if taken.sent else created,
            "direction": "outbound-api",
            "error_code": taken.error,
            "error_message": None,
            "from": taken.params.get("From"),
            "messaging_service_sid": service,
            "num_media": "0",
            "num_segments": "0" if service else "1",  # with a service it is known when there is a sender
            "price": None,
            "price_unit": None,
            "sid": taken.sid,
            "status": taken.status,
            "subresource_uris": {"media": f"{uri}/Media.json"},
            "tags": None,
            "to": taken.to,
            "uri": f"{uri}.json",
        }


@asynccontextmanager
async def twilio_server(
    ledger: Path | None = None, port: int = 0, **settings: Any
) -> AsyncIterator[TwilioServer]:
    """On a free port of this machine, unless one is given."""
    file = ledger.open("a", encoding="utf-8") if ledger is not None else None
    try:
        server = TwilioServer(ledger=file, **settings)
        server.http.port = port
        async with serving(server.http), aclosing(server):
            yield server
    finally:
        if file is not None:
            file.close()


def problem(status: int, code: int, message: str = "", headers: Mapping[str, str] | None = None) -> Reply:
    """An error in Twilio's form."""
    more = f"https://www.twilio.com/docs/errors/{code}"
    content = {"code": code, "message": message, "more_info": more, "status": status}
    return _json(status, content, headers)


def refused(status: int) -> Reply:
    """What it answers without a look at the message."""
    words = {429: "Too Many Requests", 500: "An internal server error has occurred"}
    return problem(status, 20000 + status, words.get(status, "error"))


def throttled(seconds: int) -> Reply:
    return problem(429, 20429, "Too Many Requests", {"Retry-After": str(seconds)})


def _told(why: Problem) -> Reply:
    return problem(why.status, why.code, why.message)


def _json(status: int, content: dict[str, Any], headers: Mapping[str, str] | None = None) -> Reply:
    own = {
        "Content-Type": "application/json;charset=utf-8",
        "Twilio-Concurrent-Requests": "1",
    }
    return Reply(status, json.dumps(content).encode(), {**own, **(headers or {})})


def _form(body: bytes) -> dict[str, list[str]] | None:
    try:
        return parse_qs(body.decode("ascii"), keep_blank_values=True, errors="strict")
    except UnicodeDecodeError:
        return None


def _matches(taken: Taken, query: Mapping[str, str]) -> bool:
    if query.get("To", taken.to) != taken.to:
        return False
    if "From" in query and query["From"] != taken.params.get("From"):
        return False
    # What waits in Twilio's queue has no such date, so a filter by date hides it.
    sent = f"{taken.sent:%Y-%m-%d}" if taken.sent else None
    after, on, before = (query.get(name, "")[:10] for name in ("DateSent>", "DateSent", "DateSent<"))
    if sent is None:
        return not (after or on or before)
    return (not after or sent >= after) and (not on or sent == on) and (not before or sent <= before)


def _new_sid() -> str:
    return f"SM{uuid4().hex}"


def _through(url: str, via: str | None) -> str:
    if via is None:
        return url
    to = urlsplit(via)
    return urlsplit(url)._replace(scheme=to.scheme, netloc=to.netloc).geturl()
