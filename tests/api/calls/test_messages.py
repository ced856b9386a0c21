"""`/v1/messages`: the ledger over HTTP, filtered and page by page, without addresses."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
import pytest_asyncio

from journeyflow.store.database import Store
from tests.api.ingest.calling import NOW, Caller, calling
from tests.engine.programmes import World

JOURNEYS = [
    f"""
    journey: {name}
    enter: {{event: {name}, again: always}}
    steps:
      - send: {{email: hello}}
      - send: {{sms: hi}}
"""
    for name in ("letters", "others")
]
PATH = "/v1/messages"


@pytest_asyncio.fixture
async def caller(store: Store, tmp_path: Path) -> AsyncIterator[Caller]:
    """Ann got four messages, Ben, who has not agreed to SMS, two; the last an hour later."""
    world = World(store, tmp_path / "programme", NOW)
    await world.apply(*JOURNEYS)
    await world.customers("ann")
    await world.customers("ben", consents={"email": "granted"})
    await world.enter("ann", "ben", name="letters")
    world.now += timedelta(hours=1)
    await world.enter("ann", name="others")
    async with calling(store) as found:
        yield found


async def test_a_message_is_told_with_what_was_decided_about_it(caller: Caller) -> None:
    [message] = (await caller.ask("GET", f"{PATH}?customer=ben&channel=sms")).json()["messages"]
    assert message == {
        "number": message["number"], "customer": "ben", "journey": "letters", "version": message["version"],
        "step": "steps/1", "channel": "sms", "template": "hi", "category": "marketing", "topic": "",
        "priority": 50, "state": "dropped", "reason": "consent", "detail": {"consent": "none"},
        "decided_at": NOW.isoformat(), "claimed_at": None, "sent_at": None, "provider_id": None,
    }  # fmt: skip
    assert (await caller.ask("GET", f"{PATH}/{message['number']}")).json() == message


async def test_messages_are_found(caller: Caller) -> None:
    numbers = {
        "": 6, "customer=ann": 4, "journey=others": 2, "template=hi": 3, "state=queued": 5, "journey=none": 0,
        "customer=ann&state=dropped": 0, "since=2026-03-01T13:00:00Z": 2, "until=2026-03-01T13:00:00Z": 4,
    }  # fmt: skip
    for query, number in numbers.items():
        assert len((await caller.ask("GET", f"{PATH}?{query}")).json()["messages"]) == number, query


async def test_they_are_read_page_by_page_from_the_newest(caller: Caller) -> None:
    seen: list[int] = []
    query = "limit=4"
    while query:
        page = (await caller.ask("GET", f"{PATH}?{query}")).json()
        seen += [one["number"] for one in page["messages"]]
        query = f"limit=4&before={page['next']}" if page["next"] else ""
    assert seen == sorted(seen, reverse=True)
    assert len(set(seen)) == 6


@pytest.mark.parametrize("store", ["sqlite"], indirect=True)
async def test_what_cannot_be_asked_for(caller: Caller) -> None:
    for query in (
        "limit=500", "before=0", "before=99999999999999999999", "state=secret", "since=secret",
        "since=2026-03-01T13:00:00", "secret=1", "journey=%00secret", "customer=",
    ):  # fmt: skip
        answer = await caller.ask("GET", f"{PATH}?{query}", status=422)
        assert "secret" not in answer.text, query
    await caller.ask("GET", f"{PATH}?customer=joe", status=404)
    for number in ("0", "x", "7", "99999999999999999999", "1.0", "%31%00"):
        await caller.ask("GET", f"{PATH}/{number}", status=404)
