"""What held a message back or stopped it, and what became of it, in plain words."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from journeyflow.engine.explaining.messages import Fate, Other
from journeyflow.language.durations import in_words
from journeyflow.preview.words import WEEKDAYS, channel

_RULES = ("quiet-hours", "send-window", "paused")  # that hold back what is queued
_ADDRESS = {"email": "e-mail address", "sms": "telephone number"}
_LEFT = {
    "exited": "the passage was left, or an exit rule held, before it was handed over",
    "failed": "the passage failed before it was handed over",
}
_HOW_FAR = {
    "delivered": "the provider says that it arrived",
    "opened": "it was opened",
    "clicked": "a link in it was followed",
    "bounced": "it came back",
}


@dataclass(frozen=True, slots=True)
class Moments:
    """Moments in UTC, with the customer's own time beside."""

    zone: ZoneInfo

    def told(self, at: datetime) -> str:
        there = at.astimezone(self.zone)
        day = "" if there.date() == at.astimezone(UTC).date() else f"{there:%Y-%m-%d} "
        return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S} ({day}{there:%H:%M})"


def stopped_by(fate: Fate, moments: Moments) -> Iterator[str]:
    """The rule, in full, of a message that was held, dropped, outranked or cancelled."""
    if fate.outranked_by is not None or "outranked_by" in fate.detail:
        yield from _outranked(fate, moments)
    match fate.reason:
        case "cap":
            yield from _cap(fate, moments)
        case "consent":
            yield _consent(fate, moments)
        case "suppressed":
            yield _suppressed(fate, moments)
        case "no-address":
            yield f"the customer had no {_ADDRESS.get(fate.channel, 'address')}"
        case "quiet-hours" | "send-window":
            yield _hours(fate, moments)
        case "holdout":
            yield "the customer belongs to the programme's holdout, which gets nothing that needs consent"
        case "paused":
            yield f"the journey is paused since {moments.told(datetime.fromisoformat(fate.detail['since']))}"
        case "exited" | "failed" if fate.state == "cancelled":
            yield _LEFT[fate.reason]
        case _:
            return


def became(fate: Fate, moments: Moments) -> Iterator[str]:
    """After the gate."""
    given = f", number {fate.provider_id} there" if fate.provider_id else ""
    if fate.sent_at is not None and fate.state != "unknown":
        yield f"sent {moments.told(fate.sent_at)}{given}"
    match fate.state:
        case "cancelled":
            yield "cancelled before it was handed over"
        case "queued" if fate.reason is None:
            yield "waits to be handed over"
        case "queued" if fate.reason not in _RULES:
            yield f"not handed over yet: {fate.reason}"
        case "outranked":
            yield "asks for room again when it is handed over"
        case "sending":
            yield "is being handed over"
        case "failed":
            yield f"failed: {fate.reason}"
        case "unknown":
            when = f"handed over {moments.told(fate.sent_at)} at the latest; " if fate.sent_at else ""
            yield f"{when}nobody can say whether it arrived ({fate.reason})"
        case "delivered" | "opened" | "clicked" | "bounced":
            yield _HOW_FAR[fate.state] + (f": {fate.reason}" if fate.reason else "")
        case _:
            return


def _outranked(fate: Fate, moments: Moments) -> Iterator[str]:
    by = fate.outranked_by
    rule = cap_in_words(fate.detail["cap"])
    if by is None:
        yield f"outranked by a message that has been purged, under the cap of {rule}"
    else:
        priorities = f"priority {by.priority} against {fate.priority}"
        yield f"outranked by {by.journey} ({priorities}) under the cap of {rule}: {_other(by, moments)}"


def _cap(fate: Fate, moments: Moments) -> Iterator[str]:
    if "outranked_by" in fate.detail:
        yield "when it was handed over, no room had come free"
        return
    yield f"the cap of {cap_in_words(fate.detail['cap'])} was full"
    yield from (f"filled by {_other(other, moments)}" for other in fate.filled_by)
    gone = len(fate.detail["messages"]) - len(fate.filled_by)
    if gone:
        yield f"filled by {gone} more that have been purged"
    yield f"there is room from {moments.told(datetime.fromisoformat(fate.detail['room_at']))}"


def cap_in_words(cap: dict[str, Any]) -> str:
    """`detail["cap"]` of the ledger: "at most 1 SMS per 7 days"."""
    where = channel(cap["channel"]) if "channel" in cap else ""
    what = " ".join(filter(None, (cap.get("category", ""), where))) or "messages"
    about = f" about {cap['topic']}" if "topic" in cap else ""
    journey = f" of the journey {cap['journey']}" if "journey" in cap else ""
    country = f" in {cap['country']}" if "country" in cap else ""
    per = in_words(cap["per"]) if isinstance(cap["per"], int) else f"calendar {cap['per']}"
    return f"at most {cap['at_most']} {what}{about}{journey}{country} per {per}"


def _other(other: Other, moments: Moments) -> str:
    name = f"message {other.id} ({channel(other.channel)} {other.template} of {other.journey}"
    return f"{name}, {other.state} {moments.told(other.at)})"


def _consent(fate: Fate, moments: Moments) -> str:
    what = channel(fate.channel) + (f" about {fate.topic}" if fate.topic else "")
    if fate.consent is None:
        state = fate.detail.get("consent", "denied")
        told = "nobody has decided on it" if state == "none" else f"{state}; the decision has been purged"
        return f"no consent to {what}: {told}"
    by = fate.consent
    topic = f", for {by.topic}" if by.topic else ", for the channel as a whole"
    return f"no consent to {what}: {by.state} {moments.told(by.at)} by {by.source} ({by.actor}){topic}"


def _suppressed(fate: Fate, moments: Moments) -> str:
    address = _ADDRESS.get(fate.channel, "address")
    if fate.suppressed is None:
        return f"nothing was sent to the {address} then; it is not suppressed now"
    return f"the {address} is suppressed: {fate.suppressed.reason}, {moments.told(fate.suppressed.at)}"


def _hours(fate: Fate, moments: Moments) -> str:
    rule = fate.detail
    if "opens" in rule:
        opens = moments.told(datetime.fromisoformat(rule["opens"]))
        return f"no send window was open; the next opens {opens}"
    days = [WEEKDAYS[day] for day in rule.get("days", ())] + ["holidays"] * ("holidays" in rule)
    on = f" on {', '.join(days)}" if days else ""
    country = f" in {rule['country']}" if "country" in rule else ""
    return f"quiet hours from {rule['from']} to {rule['to']}{on}{country}"
