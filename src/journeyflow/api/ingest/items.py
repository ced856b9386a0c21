"""Segment's calls, as what they tell about customers: see its tracking specification.

https://segment.com/docs/connections/spec/
"""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

from journeyflow.api.ingest.body import complaint
from journeyflow.audience.incoming import ANONYMOUS, Told
from journeyflow.audience.merging import Merge
from journeyflow.audience.records import (
    COLUMNS,
    CONSENT_FIELDS,
    CustomerRow,
    EventRow,
    RecordError,
    guessed,
    identifier,
    instant,
    parse_customer,
    parse_event,
)

KINDS = ("track", "identify", "page", "screen", "group", "alias")
_VIEWS = {"page": "page.viewed", "screen": "screen.viewed"}
_ON_THE_WAY = timedelta(minutes=1)
_HINTS = ("locale", "timezone")  # what a device knows about whoever holds it


@dataclass(frozen=True, slots=True)
class Span:
    """How far from now an event may lie."""

    future: timedelta = timedelta(days=1)
    past: timedelta | None = None  # None: as far as it likes


@dataclass(frozen=True, slots=True)
class Arrival:
    at: datetime
    span: Span
    sent_at: datetime | None = None  # by the clock of the sender

    def corrected(self, at: datetime) -> datetime:
        """By how much the sender's clock is wrong shows in when it says that it sent the call.

        A little is the way here, which differs from call to call and would mix up their order.
        """
        wrong = self.at - self.sent_at if self.sent_at is not None else timedelta()
        try:
            moment = at + wrong if abs(wrong) > _ON_THE_WAY else at
        except OverflowError:
            raise RecordError("timestamp and sentAt are too far apart") from None
        if moment > self.at + self.span.future:
            raise RecordError("timestamp is too far in the future; say when it happened")
        if self.span.past is not None and moment < self.at - self.span.past:
            raise RecordError("timestamp is too far in the past; import what is older")
        return moment


def arrival(call: Mapping[str, Any], at: datetime, span: Span) -> Arrival:
    """A sentAt that cannot be read corrects nothing."""
    try:
        return Arrival(at, span, instant(call.get("sentAt"), "sentAt"))
    except RecordError:
        return Arrival(at, span)


def told(item: Any, kind: Any, arrived: Arrival) -> Told:
    """Raises RecordError when the item cannot be taken, which says what to do and quotes no value."""
    if not isinstance(item, dict):
        raise RecordError("the item is not a JSON object")
    if (wrong := complaint(item)) is not None:
        raise RecordError(f"the item {wrong}")
    if not isinstance(kind, str) or kind not in KINDS:
        raise RecordError(f"type is none of {', '.join(KINDS)}")
    return _READERS[kind](item, arrived)


def _track(item: dict[str, Any], arrived: Arrival) -> Told:
    return Told(event=_event(item, item.get("event"), _object(item, "properties"), arrived))


def _view(item: dict[str, Any], arrived: Arrival, kind: str) -> Told:
    more = {name: item[name] for name in ("name", "category") if item.get(name) is not None}
    return Told(event=_event(item, _VIEWS[kind], {**_object(item, "properties"), **more}, arrived))


def _identify(item: dict[str, Any], arrived: Arrival) -> Told:
    context = _object(item, "context")
    traits = {**_object(context, "traits"), **_object(item, "traits")}  # RudderStack has them in the context
    hints = {name: guessed(name, context.get(name)) for name in _HINTS}
    consents = _object(context, "consents") if "consents" in context else {}
    proof = {name: context[name] for name in CONSENT_FIELDS if name in context}
    row = _customer(_who(item), traits, hints, {"consents": consents, **proof}, _moment(item, arrived))
    return Told(customer=row, key=_key(item, "identify"), merge=_both(item))


def _group(item: dict[str, Any], arrived: Arrival) -> Told:
    traits = {f"group_{name}": value for name, value in _object(item, "traits").items()}
    traits["group"] = identifier(item, "groupId")
    return Told(customer=_customer(_who(item), traits, {}, {}, None), key=_key(item, "group"))


def _alias(item: dict[str, Any], arrived: Arrival) -> Told:
    customer = identifier(item, "userId")
    # Also creates the customer, if nobody has told of them yet; see `merge` for one who is anonymous.
    return Told(merge=Merge(_anonymous(item, "previousId"), customer))


_READERS: dict[str, Callable[[dict[str, Any], Arrival], Told]] = {
    "track": _track,
    "identify": _identify,
    "page": lambda item, arrived: _view(item, arrived, "page"),
    "screen": lambda item, arrived: _view(item, arrived, "screen"),
    "group": _group,
    "alias": _alias,
}


def _who(item: Mapping[str, Any]) -> str:
    """The key of the customer whom it is about."""
    if item.get("userId") not in (None, ""):
        return identifier(item, "userId")
    if item.get("anonymousId") in (None, ""):
        raise RecordError("userId is missing; without one, send an anonymousId")
    return _anonymous(item, "anonymousId")


def _anonymous(item: Mapping[str, Any], name: str) -> str:
    return identifier({name: f"{ANONYMOUS}{identifier(item, name)}"}, name)


def _both(item: Mapping[str, Any]) -> Merge | None:
    if any(item.get(name) in (None, "") for name in ("userId", "anonymousId")):
        return None
    return Merge(_anonymous(item, "anonymousId"), identifier(item, "userId"))


def _event(item: Mapping[str, Any], name: Any, properties: Mapping[str, Any], arrived: Arrival) -> EventRow:
    return parse_event(
        {
            "id": _message_id(item),
            "customer": _who(item),
            "name": name,
            "at": _moment(item, arrived),
            "properties": properties,
        }
    )


def _message_id(item: Mapping[str, Any]) -> Any:
    """Without one, what is told a second time word by word is the same."""
    if item.get("messageId") not in (None, ""):
        return item["messageId"]
    text = json.dumps(item, sort_keys=True, ensure_ascii=True)
    return f"sha256:{sha256(text.encode()).hexdigest()}"


def _key(item: Mapping[str, Any], kind: str) -> str | None:
    """Of what is no event; without a messageId it may well be meant to be told again."""
    if item.get("messageId") in (None, ""):
        return None
    return f"{kind}/{identifier(item, 'messageId')}"


def _moment(item: Mapping[str, Any], arrived: Arrival) -> datetime:
    for name in ("timestamp", "originalTimestamp"):
        if item.get(name) not in (None, ""):
            return arrived.corrected(instant(item[name], name))
    return arrived.at


def _customer(
    key: str,
    traits: Mapping[str, Any],
    hints: Mapping[str, str | None],
    more: Mapping[str, Any],
    at: datetime | None,
) -> CustomerRow:
    flat = dict(_flat(traits))
    columns = {name: flat.pop(name) for name in COLUMNS if name in flat}
    row = parse_customer({"id": key, **columns, "attributes": flat, **more})
    useful = {name: value for name, value in hints.items() if value is not None}
    return replace(row, hints=useful, at=at)


def _flat(traits: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, Any]]:
    """An object inside, such as an address, becomes attributes of its own: address_city."""
    for name, value in traits.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{before}{name}_")
        else:
            yield f"{before}{name}", value


def _object(item: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = item.get(name)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise RecordError(f"{name} is not an object")
    return value
