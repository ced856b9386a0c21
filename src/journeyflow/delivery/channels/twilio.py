"""Text messages through Twilio, by its own client.

Twilio takes no key that would tell a repeated message from a new one, so each is handed over once; what
became of one in doubt is asked of the list of those sent to that number.
"""

import re
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlencode, urlsplit

from twilio.base.exceptions import TwilioException  # type: ignore[import-untyped]
from twilio.rest import Client  # type: ignore[import-untyped]

from journeyflow.addresses import is_phone
from journeyflow.delivery.channels.base import (
    Accepted,
    Ambiguous,
    Outcome,
    Outgoing,
    Rejected,
    Sought,
    Throttled,
    Unanswerable,
)
from journeyflow.delivery.channels.http import RETRY_AFTER, Timeouts, pause
from journeyflow.delivery.channels.twilio_client import Doubtful, PooledClient, Refused, Unreached
from journeyflow.delivery.channels.twilio_codes import Meaning, meaning
from journeyflow.errors import ConfigurationError
from journeyflow.policy import Sender

LONGEST_TEXT = 1600  # characters
_LONGEST_VALIDITY = 36_000  # seconds
_THIS_MACHINE = ("localhost", "127.0.0.1", "::1")
_STATUS_PATH = "/webhooks/twilio/status"
_SENDER = re.compile(r"\+[1-9][0-9]{1,14}|[0-9]{3,8}|(?=.*[A-Za-z])[A-Za-z0-9 +\-_&]{1,11}")
_SID = re.compile(r"(SM|MM)[0-9a-fA-F]{32}")
# What the client makes of a strange answer.
_UNREADABLE = (TwilioException, ValueError, TypeError, AttributeError, KeyError)
_OWN_ENVIRONMENT = {"TWILIO_EDGE": ""}  # else the client would follow variables that no setting of ours names
_MOST_FOUND = 1000  # as many as Twilio lists on one page
_CLOCKS = timedelta(minutes=1)  # ours and Twilio's may differ by as much
_SETTLED = timedelta(minutes=5)  # by then Twilio lists whatever it has taken


class Twilio:
    """`token` signs in. `service` (MG...) sends; without one the sender of the message does.

    `public_url` is where Twilio reports to; without it it reports nothing. `installation` tells the messages
    of two stores apart there. A message that has not left within `validity` seconds never will. `origin`
    stands for https://api.twilio.com.
    """

    batch = 10

    def __init__(
        self,
        account: str,
        token: str,
        installation: str,
        service: str | None = None,
        public_url: str | None = None,
        origin: str | None = None,
        validity: int = 3600,
        timeouts: Timeouts | None = None,
    ) -> None:
        if not 1 <= validity <= _LONGEST_VALIDITY:
            raise ConfigurationError(f"Twilio keeps a message for 1 to {_LONGEST_VALIDITY} seconds")
        self._installation = installation
        self._service = service
        self._reports_to = _reports_to(public_url, origin)
        self._validity = validity
        self._http = PooledClient(origin, timeouts or Timeouts(), self.batch)
        client = Client(account, token, http_client=self._http, environment=_OWN_ENVIRONMENT)
        self._messages: Any = client.messages

    async def send(self, message: Outgoing) -> Outcome:
        refusal = _unsendable(message)
        if refusal is not None:
            return refusal
        try:
            taken = await self._messages.create_async(to=message.to, **self._parameters(message))
        except Refused as answer:
            return _outcome(answer, message.at)
        except Unreached:
            return Throttled(RETRY_AFTER, "Twilio cannot be reached")
        except Doubtful:
            return Ambiguous("Twilio gave no whole answer after the message was handed over")
        except _UNREADABLE:
            return Ambiguous("Twilio's answer cannot be read")
        if not isinstance(taken.sid, str) or not _SID.fullmatch(taken.sid):
            return Ambiguous("Twilio's answer names no message")
        return Accepted(taken.sid)

    async def lookup(self, sought: Sought) -> Accepted | Unanswerable | None:
        """By the number and the time alone. None only if Twilio has had the time to list what it has."""
        if not is_phone(sought.to):
            return Unanswerable()
        try:
            answer = await self._messages.list_with_http_info_async(to=sought.to, limit=_MOST_FOUND)
        except (Refused, Unreached, Doubtful, *_UNREADABLE):
            return Unanswerable(for_now=True)
        if len(answer.data) >= _MOST_FOUND:  # there may be more, and ours among them
            return Unanswerable()
        near = [found for found in answer.data if self._may_be(found, sought)]
        if not near:
            return None if _is_settled(answer.headers, sought) else Unanswerable()
        if len(near) == 1 and self._is_from_us(near[0], sought.sender) and not sought.doubled:
            return Accepted(near[0].sid)
        return Unanswerable()

    async def close(self) -> None:
        await self._http.close()

    def _parameters(self, message: Outgoing) -> dict[str, Any]:
        parameters: dict[str, Any] = {
            "body": _sound(message.text),
            "validity_period": self._validity,
        }
        if self._service is not None:
            parameters["messaging_service_sid"] = self._service
        else:
            parameters["from_"] = _known_sender(message.sender)
        if self._reports_to is not None:
            ours = {"message": message.message_id, "installation": self._installation}
            parameters["status_callback"] = f"{self._reports_to}?{urlencode(ours)}"
        return parameters

    def _may_be(self, found: Any, sought: Sought) -> bool:
        if found.direction != "outbound-api" or found.sid in sought.taken:
            return False
        created = found.date_created
        if created is None:
            return True
        end = sought.claimed_at + timedelta(seconds=self._validity)
        return bool(sought.claimed_at - _CLOCKS <= created <= end)

    def _is_from_us(self, found: Any, sender: Sender) -> bool:
        if self._service is not None:
            return bool(found.messaging_service_sid == self._service)
        return bool(found.from_ == sender.from_)


def _reports_to(public_url: str | None, origin: str | None) -> str | None:
    """None for an address on this machine, unless what stands for Twilio is here too: it would refuse it."""
    if public_url is None or (origin is None and urlsplit(public_url).hostname in _THIS_MACHINE):
        return None
    return public_url.rstrip("/") + _STATUS_PATH


def _unsendable(message: Outgoing) -> Rejected | None:
    if message.channel != "sms" or message.subject is not None or message.html is not None:
        return Rejected("channel", "Twilio takes text messages alone")
    if not is_phone(message.to):
        return Rejected("address", "the recipient is not a phone number", address_is_dead=True)
    if not message.text.strip():
        return Rejected("text", "the text is empty")
    if len(message.text) > LONGEST_TEXT:
        return Rejected("text", f"the text is longer than {LONGEST_TEXT} characters")
    return None


def _sound(text: str) -> str:
    """JSON can hold lone surrogates, UTF-8 cannot."""
    return text.encode(errors="replace").decode()


def _known_sender(sender: Sender) -> str:
    if not _SENDER.fullmatch(sender.from_):
        raise ConfigurationError(
            f'policy: Twilio sends from no such sender as "{sender.from_}"; write a number like '
            '"+46700000000", a short code, or a name of at most 11 letters, digits and spaces'
        )
    return sender.from_


def _outcome(answer: Refused, now: datetime) -> Outcome:
    """Of an answer that is no acceptance. Its words are never told, since they quote numbers."""
    if answer.status >= 500:
        return Ambiguous(f"Twilio answered {answer.status}")
    code, known = _reading(answer)
    if answer.status == 429 or known.kind == "later":
        return Throttled(pause(answer.headers, now), f"Twilio answered {code}: {known.words}")
    if known.kind == "ours":
        return Throttled(RETRY_AFTER, f"Twilio refuses with {code}: {known.words}", known.alone)
    return Rejected(str(code), known.words, known.kind == "dead", known.kind == "stopped")


_OF_STATUS = {401: 20003, 403: 20003, 404: 20404, 429: 20429}
_TIMED_OUT = Meaning("later", "it waited too long for the request")
_ELSEWHERE = Meaning("ours", "this is not Twilio's API; look at JOURNEYFLOW_TWILIO_URL")


def _reading(answer: Refused) -> tuple[int, Meaning]:
    """The code and what it means; where there is none, something on the way may have answered."""
    if answer.code is not None:
        return answer.code, meaning(answer.code)
    if answer.status in (408, 425):
        return answer.status, _TIMED_OUT
    if answer.status < 400 or answer.status in (405, 407):
        return answer.status, _ELSEWHERE
    return answer.status, meaning(_OF_STATUS.get(answer.status, answer.status))


def _is_settled(headers: dict[str, str], sought: Sought) -> bool:
    """By Twilio's own clock, and only if the number is surely the one that the message went to."""
    try:
        now = parsedate_to_datetime(headers.get("date", ""))
    except ValueError:
        return False
    now = now if now.tzinfo else now.replace(tzinfo=UTC)
    return not sought.moved and now - sought.claimed_at >= _SETTLED
