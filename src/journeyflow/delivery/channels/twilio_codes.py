"""What Twilio's error codes mean for a message, as https://www.twilio.com/docs/api/errors tells them.

They come with the answer to a request or later with a report. Our words stand for Twilio's, which may quote a
number.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal

Kind = Literal[
    "dead",  # nothing will ever reach this number
    "stopped",  # whoever has the number has told Twilio or us STOP
    "rejected",  # this message will not arrive; the number may be good
    "ours",  # an account, a sender or a setting is at fault, not the message
    "later",  # Twilio or a carrier has too much to do
]


@dataclass(frozen=True, slots=True)
class Meaning:
    kind: Kind
    words: str
    alone: bool = False  # of ours: it depends on the recipient's country or network, so others may go on


def meaning(code: int) -> Meaning:
    """Of a code that the table does not know: rejected."""
    return _MEANINGS.get(code, _UNKNOWN)


def known() -> Collection[int]:
    """The codes of the table."""
    return _MEANINGS.keys()


_UNKNOWN = Meaning("rejected", "see Twilio's page on this code")

_LOGIN = "Twilio does not know this account SID with this auth token; look at both settings"
_SENDER = "Twilio does not let this account send from this sender; look at the policy's sender"
_SERVICE = (
    "Twilio has no such messaging service with a sender in it; look at JOURNEYFLOW_TWILIO_MESSAGING_SERVICE"
)
_ACCOUNT = "Twilio has closed or suspended this account, or not opened it for this; look at its console"
_REGISTRATION = (
    "the sender needs a registration or a verification that it has not got; look at Twilio's console"
)
_FOREIGN = "the recipient's country or network takes nothing from this sender; use another or register it"
_BUSY = "Twilio has too many messages of ours to take another one"
_QUOTA = "a carrier takes no more messages from this sender today"

_DEAD = {
    21211: "this is not a phone number",
    21265: "a short code can get no message",
    21268: "a premium number can get no message",
    21614: "this is not a mobile number",
    21635: "a landline can get no message",
    30005: "the network does not know this number",
    30006: "this is a landline, or its network takes no messages",
}
_STOPPED = {21610: "the recipient has told Twilio to stop"}
_REJECTED = {
    21266: "recipient and sender are the same number",
    21408: "this account may not send to this country; allow it in Twilio's console",
    21602: "the message has no text",
    21604: "the message has no recipient",
    21608: "an account on trial sends to verified numbers alone",
    21612: "Twilio has no way from this sender to this number",
    21617: "the text is longer than 1600 characters",
    21618: "the text cannot be sent",
    21619: "the message has no text",
    30003: "the phone could not be reached",
    30004: "the recipient or the network blocks these messages",
    30007: "the network or Twilio took the message for unwanted",
    30008: "the network gave no reason",
    30009: "a part of the message got lost",
    30010: "the message costs more than the limit",
    30011: "the number takes no pictures",
    30012: "the message had too little time to arrive",
    30019: "the network takes no message of this size",
    30036: "the message was not sent in time",
    30038: "the text looks like a one-time password that this account may not send",
    30044: "the text is too long for an account on trial",
    30410: "the network did not answer in time",
    30450: "Twilio took the message for fraud at the cost of who sends",
    30453: "Twilio took the message for fraud at the cost of who sends",
}
_OURS = {
    20003: _LOGIN,
    20005: _ACCOUNT,
    20006: _LOGIN,
    20008: _LOGIN,
    20403: _ACCOUNT,
    20404: _LOGIN,
    21210: _SENDER,
    21212: _SENDER,
    21267: _SENDER,
    21601: _SENDER,
    21603: _SENDER,
    21607: _SENDER,
    21609: "Twilio cannot use our address for reports; look at JOURNEYFLOW_PUBLIC_URL",
    21616: _SENDER,
    21660: _SENDER,
    21661: _SENDER,
    21701: _SERVICE,
    21703: _SERVICE,
    21704: _SERVICE,
    21705: _SERVICE,
    30002: _ACCOUNT,
    30028: _REGISTRATION,
    30032: _REGISTRATION,
    30033: _REGISTRATION,
    30034: _REGISTRATION,
    30127: _SERVICE,
}
_OURS_ALONE = {
    21606: _SENDER,
    21657: _FOREIGN,
    21659: _SENDER,
    30018: _FOREIGN,
    30024: _FOREIGN,
    30040: _FOREIGN,
    30042: _FOREIGN,
}
_LATER = {
    14107: _BUSY,
    20429: _BUSY,
    21611: _BUSY,
    21730: "Twilio is being maintained",
    30001: _BUSY,
    30017: "the network has too much to do",
    30022: _QUOTA,
    30023: _QUOTA,
    30027: _QUOTA,
    63038: "this account has sent all that it may in a day",
}

_MEANINGS: dict[int, Meaning] = {
    **{code: Meaning("dead", words) for code, words in _DEAD.items()},
    **{code: Meaning("stopped", words) for code, words in _STOPPED.items()},
    **{code: Meaning("rejected", words) for code, words in _REJECTED.items()},
    **{code: Meaning("ours", words) for code, words in _OURS.items()},
    **{code: Meaning("ours", words, alone=True) for code, words in _OURS_ALONE.items()},
    **{code: Meaning("later", words) for code, words in _LATER.items()},
}
