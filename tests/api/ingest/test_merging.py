"""An anonymous id that turns out to be a customer's: nothing is lost, and no denial becomes a grant."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, literal, select

from journeyflow.audience.incoming import ANONYMOUS, Told, record_told
from journeyflow.audience.ingest import record_customers
from journeyflow.audience.merging import Merge, merge
from journeyflow.audience.records import CustomerRow, EventRow
from journeyflow.audience.rights import erase, export
from journeyflow.store.customers import aliases, customers, events
from journeyflow.store.database import Store
from journeyflow.store.passages import enrollments
from tests.api.ingest.calling import LINKS, NOW, Caller, calling, track
from tests.engine.programmes import World

DEVICE = {"anonymousId": "d1", "userId": ""}


async def test_who_was_anonymous_keeps_the_number(caller: Caller) -> None:
    await caller.batch(track(1, **DEVICE))
    before = await caller.customer("anonymous:d1")
    await caller.post("/v1/alias", {"previousId": "d1", "userId": "ada"})
    assert await caller.keys() == ["ada"]
    assert (await caller.customer("ada")).id == before.id
    await caller.batch(track(2, **DEVICE))
    assert [row.key for row in await caller.events("ada")] == ["m-1", "m-2"]


@pytest.mark.parametrize(
    "call",
    [
        ("/v1/alias", {"previousId": "d1", "userId": "ada"}),
        ("/v1/identify", {"anonymousId": "d1", "userId": "ada"}),
        (
            "/v1/batch",
            {"batch": [{"type": "alias", "previousId": "d1", "userId": "ada"}, track(2, **DEVICE)]},
        ),
    ],
    ids=["alias", "identify", "batch"],
)
async def test_two_become_one(caller: Caller, call: tuple[str, Any]) -> None:
    known = CustomerRow("ada", {"email": "ada@example.com"}, {"points": 3})
    await record_customers(caller.store, [known], NOW, "import")
    await caller.batch(track(1, **DEVICE))
    traits = {"points": 9, "seen": True, "locale": "sv"}
    await caller.post("/v1/identify", {"anonymousId": "d1", "traits": traits})
    for _ in range(2):
        assert (await caller.post(*call)).status_code == 200
    assert await caller.keys() == ["ada"]
    row = await caller.customer("ada")
    assert (row.email, row.locale, row.attributes) == ("ada@example.com", "sv", {"points": 3, "seen": True})
    assert "m-1" in [event.key for event in await caller.events("ada")]


@pytest.mark.parametrize(
    ("theirs", "own", "joined"),
    [
        ({"email": "granted"}, {}, {("email", ""): "granted"}),
        ({"email": "granted"}, {"email": "denied"}, {("email", ""): "denied"}),
        ({"email.news": "granted"}, {"email": "denied"}, {("email", ""): "denied"}),
        ({"email": "denied"}, {"email": "granted"}, {("email", ""): "denied"}),
        ({"email": "denied"}, {}, {("email", ""): "denied"}),
        ({"sms": "granted"}, {"email": "granted"}, {("email", ""): "granted", ("sms", ""): "granted"}),
    ],
)
async def test_no_denial_becomes_a_grant(
    caller: Caller, theirs: dict[str, str], own: dict[str, str], joined: dict[tuple[str, str], str]
) -> None:
    rows = [CustomerRow("anonymous:d1", consents=theirs), CustomerRow("ada", consents=own)]
    await record_customers(caller.store, rows, NOW, "import")
    await caller.post("/v1/alias", {"previousId": "d1", "userId": "ada"})
    assert await caller.consents("ada") == joined


async def test_an_anonymous_id_is_nobody_elses_afterwards(caller: Caller) -> None:
    await caller.post("/v1/alias", {"previousId": "d1", "userId": "ada"})
    await caller.batch(track(1, **DEVICE))
    await caller.post("/v1/identify", {"anonymousId": "d1", "userId": "bob"})
    assert [row.key for row in await caller.events("ada")] == ["m-1"]
    assert await caller.events("bob") == []


async def test_who_is_erased_leaves_no_other_id_behind(caller: Caller) -> None:
    await caller.post("/v1/alias", {"previousId": "d1", "userId": "ada"})
    held = await export(caller.store, "ada", "test", NOW)
    assert held is not None
    assert [row["key"] for row in held["aliases"]] == ["anonymous:d1"]
    assert await erase(caller.store, "ada", "test", NOW) is not None
    assert await caller.rows(select(aliases)) == []


async def test_a_link_that_an_anonymous_customer_got_withdraws_the_customers_consent(caller: Caller) -> None:
    rows = [
        CustomerRow(key, {"email": "ada@example.com"}, {}, {"email": "granted"})
        for key in ("anonymous:d1", "ada")
    ]
    await record_customers(caller.store, rows, NOW, "import")
    link = LINKS.unsubscribe_url((await caller.customer("anonymous:d1")).id, 0, "email")
    await caller.post("/v1/alias", {"previousId": "d1", "userId": "ada"})
    assert (await caller.http.post(link)).status_code == 200
    assert await caller.consents("ada") == {("email", ""): "denied"}


async def test_who_travels_as_two_goes_on_as_one(store: Store, tmp_path: Path) -> None:
    """Messages and passages become the customer's; of two passages through one journey one ends."""
    world = World(store, tmp_path / "programme")
    await world.apply("""
        journey: letters
        enter: {event: began}
        steps:
          - wait: 1 day
    """)
    await world.customers("anonymous:d1", "ada")
    await world.enter("anonymous:d1", "ada")
    async with calling(store) as caller:
        assert (await caller.post("/v1/alias", {"previousId": "d1", "userId": "ada"})).status_code == 200
        number = (await caller.customer("ada")).id
        passages = await caller.rows(select(enrollments).order_by(enrollments.c.id))
    assert {row.customer_id for row in passages} == {number}
    assert sorted((row.state, row.reason) for row in passages) == [("active", None), ("exited", "merged")]


async def test_of_two_merges_at_once_one_counts_and_no_event_is_left_behind(store: Store) -> None:
    """Whatever comes first of them and of what is told of the device."""
    for number in range(8):
        key = f"{ANONYMOUS}d{number}"
        event = Told(event=EventRow(f"e{number}", key, "looked", NOW, {}))
        merges = [merge(store, Merge(key, customer), NOW) for customer in ("ada", "bea")]
        await asyncio.gather(record_told(store, [event], NOW), *merges)
    async with store.reading() as connection:
        device = literal(f"{ANONYMOUS}d") + func.substr(events.c.key, 2)
        owners = select(aliases.c.customer_id.label("meant"), events.c.customer_id)
        rows = (await connection.execute(owners.join_from(aliases, events, device == aliases.c.key))).all()
        left = await connection.execute(select(customers.c.key).where(customers.c.key.startswith(ANONYMOUS)))
        assert left.all() == []
    assert len(rows) == 8
    assert all(row.meant == row.customer_id for row in rows)
