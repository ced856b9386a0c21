"""Segment's calls become customers and events, once, and what cannot be taken is told item by item."""

import asyncio
import json
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from journeyflow.api.app import Limits
from journeyflow.api.ingest.items import Span
from journeyflow.store.customers import events
from journeyflow.store.database import Store
from tests.api.ingest.calling import NOW, Caller, calling, track


async def test_an_order_becomes_an_event_of_a_customer_nobody_knew(caller: Caller) -> None:
    at = NOW - timedelta(hours=3)
    item = track(properties={"total": 99.5, "items": [{"sku": "a"}]}, timestamp=at.isoformat())
    answer = await caller.batch(item)
    assert (answer.status_code, answer.json()) == (200, {"success": True})
    [event] = await caller.events("ada")
    assert (event.key, event.name, event.at, event.received_at, event.routed_at) == (
        "m-1", "order.completed", at, NOW, None,
    )  # fmt: skip
    assert event.properties == {"total": 99.5, "items": [{"sku": "a"}]}


async def test_what_is_sent_again_counts_once(caller: Caller) -> None:
    for _ in range(2):
        assert (await caller.batch(track(1), track(2), track(2))).status_code == 200
    assert [row.key for row in await caller.events("ada")] == ["m-1", "m-2"]


async def test_without_a_message_id_the_same_words_are_the_same_event(caller: Caller) -> None:
    item = {"userId": "ada", "event": "tried", "timestamp": "2026-02-01T10:00:00Z"}
    for properties in ({"a": 1}, {"a": 1}, {"a": 2}):
        assert (await caller.post("/v1/track", item | {"properties": properties})).status_code == 200
    assert len(await caller.events("ada")) == 2


async def test_traits_become_columns_and_attributes(caller: Caller) -> None:
    traits = {
        "email": "Ada@example.com", "phone": "+46701740605", "country": "se", "points": 3, "tags": ["a", "b"],
        "address": {"city": "Umeå"}, "timezone": "Europe/Stockholm",
    }  # fmt: skip
    context = {"locale": "sv_SE", "timezone": "Europe/Paris", "ip": "192.0.2.7"}
    await caller.post("/v1/identify", {"userId": "ada", "traits": traits, "context": context})
    row = await caller.customer("ada")
    assert (row.email, row.phone, row.country, row.locale, row.timezone) == (
        "Ada@example.com", "+46701740605", "SE", "sv-SE", "Europe/Stockholm",
    )  # fmt: skip
    assert row.attributes == {"points": 3, "tags": ["a", "b"], "address_city": "Umeå"}
    device = {"locale": "en-US", "timezone": "Mars/Olympus"}
    await caller.post("/v1/identify", {"userId": "ada", "traits": {"points": None}, "context": device})
    row = await caller.customer("ada")
    assert row.locale == "sv-SE", "what a device says is no reason to change what is known"
    assert "points" not in row.attributes


async def test_pages_screens_and_groups(caller: Caller) -> None:
    who = {"userId": "ada"}
    await caller.post("/v1/page", who | {"name": "Sale", "properties": {"path": "/sale"}, "messageId": "p"})
    await caller.post("/v1/screen", who | {"name": "Home", "messageId": "s"})
    await caller.post("/v1/group", who | {"groupId": "g1", "traits": {"plan": "pro"}})
    seen = [(row.name, row.properties) for row in await caller.events("ada")]
    assert seen == [("page.viewed", {"path": "/sale", "name": "Sale"}), ("screen.viewed", {"name": "Home"})]
    assert (await caller.customer("ada")).attributes == {"group": "g1", "group_plan": "pro"}


async def test_a_consent_that_needs_an_answer_waits_for_it(caller: Caller) -> None:
    context = {"consents": {"email": "granted", "sms": "denied"}}
    await caller.post("/v1/identify", {"userId": "ada", "context": context})
    assert await caller.consents("ada") == {("email", ""): "granted", ("sms", ""): "denied"}
    again = {"consents": {"sms": "granted"}}
    await caller.post("/v1/identify", {"userId": "ada", "context": again})
    assert (await caller.consents("ada"))[("sms", "")] == "denied"


@pytest.mark.parametrize("days", [400, -400])
async def test_a_clock_that_is_wrong_is_corrected_by_when_it_says_it_sent(caller: Caller, days: int) -> None:
    ahead = timedelta(days=days)
    sent, at = NOW + ahead, NOW + ahead - timedelta(minutes=5)
    answer = await caller.batch(track(timestamp=at.isoformat()), sentAt=sent.isoformat())
    assert answer.json() == {"success": True}
    [event] = await caller.events("ada")
    assert event.at == NOW - timedelta(minutes=5)


_BAD: dict[str, tuple[Any, str]] = {
    "no object": (7, "not a JSON object"),
    "no type": ({"userId": "a"}, "type is none of"),
    "type is a list": ({"userId": "a", "type": []}, "type is none of"),
    "nobody": ({"type": "track", "event": "x"}, "userId is missing"),
    "no event": ({"type": "track", "userId": "a"}, "name is missing"),
    "a name of ours": (track(event="journeyflow.x"), "only journeyflow itself writes"),
    "a move of ours": (track(event="rfm.moved_up"), "only journeyflow itself writes"),
    "an id of ours": (track(messageId="journeyflow.x"), "only journeyflow itself writes"),
    "far ahead": (track(timestamp=(NOW + timedelta(days=1, seconds=1)).isoformat()), "too far in the future"),
    "no time": (track(timestamp="yesterday-secret"), "not an ISO 8601 time"),
    "no offset": (track(timestamp="2026-02-01T10:00:00"), "no offset"),
    "deep": (track(properties=json.loads('{"a":' * 30 + "1" + "}" * 30)), "deeper than"),
    "many names": (track(properties={str(number): 1 for number in range(501)}), "more than 500 names"),
    "large": (track(properties={"a": ["x" * 9_000] * 4}), "larger than 32 kB"),
    "large number": (track(properties={"a": 2**63}), "too large for the database"),
    "no text": (track(properties={"a": "\x00"}), "not text"),
    "half a character": (track(properties={"a": "\ud800"}), "not text"),
    "long name": (track(event="x" * 201), "longer than"),
    "no address": ({"type": "identify", "userId": "a", "traits": {"email": "secret"}}, "not an address"),
    "traits in a list": ({"type": "identify", "userId": "a", "traits": []}, "traits is not an object"),
    "lists of objects": ({"type": "identify", "userId": "a", "traits": {"x": [{}]}}, "single value"),
    "odd consent": ({"type": "identify", "userId": "a", "context": {"consents": {"email": "x"}}}, "granted"),
    "alias without": ({"type": "alias", "userId": "a"}, "previousId is missing"),
}


async def test_the_good_items_are_taken_and_the_bad_ones_are_named(sqlite_caller: Caller) -> None:
    bad = [item for item, _ in _BAD.values()]
    content = json.dumps({"batch": [track(1), *bad, track(2)]})
    answer = await sqlite_caller.post("/v1/batch", content=content)
    assert answer.status_code == 200
    told = answer.json()["results"]
    assert [one["index"] for one in told] == list(range(1, len(bad) + 1))
    for one, (name, (_, expected)) in zip(told, _BAD.items(), strict=True):
        assert (one["status"], expected in one["error"]) == (422, True), (name, one)
        assert "secret" not in one["error"]
    assert await sqlite_caller.count() == 2
    assert await sqlite_caller.keys() == ["ada"]


async def test_a_single_bad_call_is_a_problem(sqlite_caller: Caller) -> None:
    answer = await sqlite_caller.post("/v1/track", {"userId": "ada"})
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["detail"] == "name is missing or empty"


async def test_calls_that_come_together_are_answered_after_their_commit(caller: Caller) -> None:
    answers = await asyncio.gather(*(caller.post("/v1/track", track(number)) for number in range(40)))
    assert {answer.status_code for answer in answers} == {200}
    assert await caller.count() == 40
    received = await caller.rows(select(events.c.customer_id).distinct())
    assert len(received) == 1


async def test_what_was_said_later_stands_although_it_came_first(caller: Caller) -> None:
    """Clients send several batches at once, and try again what was lost."""

    async def identify(minutes: int, **traits: Any) -> None:
        at = (NOW - timedelta(minutes=minutes)).isoformat()
        await caller.post("/v1/identify", {"userId": "ada", "traits": traits, "timestamp": at})

    await identify(5, points=9, email="new@example.com")
    await identify(10, points=0, email="old@example.com", phone="+46701740605", tier="gold")
    row = await caller.customer("ada")
    assert (row.email, row.phone, row.attributes) == (
        "new@example.com", "+46701740605", {"points": 9, "tier": "gold"},
    )  # fmt: skip
    await identify(1, points=10)
    assert (await caller.customer("ada")).attributes == {"points": 10, "tier": "gold"}


async def test_what_was_told_of_a_customer_is_not_told_again_by_who_sends_it_again(caller: Caller) -> None:
    for group, id in (("blue", "m-1"), ("red", "m-2"), ("blue", "m-1")):
        await caller.post("/v1/group", {"userId": "ada", "groupId": group, "messageId": id})
    for points, id in ((1, "m-1"), (2, "m-2"), (1, "m-1")):
        await caller.post("/v1/identify", {"userId": "ada", "traits": {"points": points}, "messageId": id})
    await caller.batch(track(1))
    assert (await caller.customer("ada")).attributes == {"group": "red", "points": 2}
    assert await caller.count() == 1, "the ids of events are others"


async def test_what_is_older_than_the_settings_allow_is_refused(sqlite_store: Store) -> None:
    async with calling(sqlite_store, Limits(span=Span(past=timedelta(hours=1)))) as caller:
        for minutes, status in ((60, 200), (61, 422)):
            at = (NOW - timedelta(minutes=minutes)).isoformat()
            answer = await caller.post("/v1/track", track(minutes, timestamp=at))
            assert answer.status_code == status
        assert "too far in the past" in answer.json()["detail"]
