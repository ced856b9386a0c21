"""Coupons in messages: each code to one message, each message one code, whatever happens in between."""

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update

from journeyflow.audience.rights import erase, export
from journeyflow.delivery.channels.outbox import Outbox
from journeyflow.delivery.claim import Claim
from journeyflow.delivery.coupons import take
from journeyflow.delivery.courier import Courier
from journeyflow.delivery.deliver import Attempt, deliver
from journeyflow.messages.templates import Template
from journeyflow.store.coupons import NEVER, add_codes, coupons
from journeyflow.store.database import Store
from journeyflow.store.ledger import messages
from journeyflow.workflows.contracts import DeliveryRequest
from tests.delivery.test_deliver import statements
from tests.engine.programmes import NOON, World, keys

PRESENTS = """
    journey: presents
    enter: {event: began, again: always}
    steps:
      - send: {sms: present}
      - wait: 1 day
"""
PRESENT = "---\ncoupon: birthday-10\n---\nYour code: {{ coupon }}\n"
SWEDISH = "---\ncoupon: fodelsedag\n---\nDin kod: {{ coupon }}\n"
PLAIN = "Happy birthday\n"


async def stock(world: World, *codes: str, pool: str = "birthday-10", days: int | None = None) -> None:
    expires = NEVER if days is None else world.now + timedelta(days=days)
    async with world.store.writing() as connection:
        await add_codes(connection, pool, codes, expires, world.now)


async def queue(world: World, *customers: str, text: str = PRESENT, **templates: str) -> None:
    files = {"present/sms.txt": text} | {f"present/sms.{name}.txt": body for name, body in templates.items()}
    await world.apply(PRESENTS, templates=files)
    await world.customers(*customers)
    await world.enter(*customers)
    world.now += timedelta(minutes=1)


async def sent(world: World, folder: Path, attempt: int = 1) -> dict[str, str]:
    """What each customer has been written, by their number."""
    await world.deliver(Outbox(folder), name="sms", attempt=attempt)
    return await asyncio.to_thread(_read, folder)


def _read(folder: Path) -> dict[str, str]:
    texts = {}
    for path in folder.glob("*"):
        head, _, body = path.read_text(encoding="utf-8").partition("\n\n")
        texts[head.partition("To: ")[2].partition("\n")[0]] = body.strip()
    return texts


async def taken(world: World) -> dict[str, tuple[Any, Any]]:
    """Message and customer by code."""
    query = select(coupons).where(coupons.c.taken_at.is_not(None)).order_by(coupons.c.id)
    return {row.code: (row.message_id, row.customer_id) for row in await world.rows(query)}


async def test_each_message_gets_a_code_of_its_own(world: World, tmp_path: Path) -> None:
    await stock(world, *(f"C{number}" for number in range(30)))
    await queue(world, *keys(25))
    texts = await sent(world, tmp_path / "outbox")
    owned = {row.id: row.customer_id for row in await world.rows(select(messages))}
    assert sorted(texts.values()) == sorted(f"Your code: C{number}" for number in range(25))
    assert await taken(world) == {f"C{number}": pair for number, pair in enumerate(sorted(owned.items()))}, (
        "the codes of the file in their order"
    )


async def test_a_message_that_is_claimed_again_has_the_same_code(world: World, tmp_path: Path) -> None:
    await stock(world, "FIRST", "SECOND")
    await queue(world, "ann")
    before = await sent(world, tmp_path / "outbox")
    async with world.store.writing() as connection:
        await connection.execute(update(messages).values(state="queued"))
    assert await sent(world, tmp_path / "again") == before
    assert list(await taken(world)) == ["FIRST"]


async def test_what_expires_first_goes_first_and_what_has_expired_stays(world: World, tmp_path: Path) -> None:
    await stock(world, "FOR-EVER")
    await stock(world, "LATER", days=20)
    await stock(world, "SOONER", days=10)
    await stock(world, "OVER", days=-1)
    await queue(world, *keys(3))
    await sent(world, tmp_path / "outbox")
    order = {code: message for code, (message, _) in (await taken(world)).items()}
    assert sorted(order, key=lambda code: order[code]) == ["SOONER", "LATER", "FOR-EVER"]


async def test_each_language_may_have_a_pool_of_its_own(world: World, tmp_path: Path) -> None:
    await stock(world, "ENGLISH")
    await stock(world, "SVENSK", pool="fodelsedag")
    await world.customers("bea", locale="sv-SE")
    await queue(world, "ann", sv=SWEDISH)
    await world.customers("bea", locale="sv-SE", phone="+46701740699")
    await world.enter("bea")
    await sent(world, tmp_path / "outbox")
    await world.deliver(Outbox(tmp_path / "outbox"), name="sms", cohort=2)
    assert sorted((await asyncio.to_thread(_read, tmp_path / "outbox")).values()) == [
        "Din kod: SVENSK",
        "Your code: ENGLISH",
    ]


async def test_an_empty_pool_fails_those_who_come_too_late(
    world: World, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    await stock(world, "LAST")
    await queue(world, *keys(3))
    assert list((await sent(world, tmp_path / "outbox")).values()) == ["Your code: LAST"]
    reason = (
        'template "present": the pool "birthday-10" has no code left; import more with '
        '"journeyflow coupons import"'
    )
    assert [await world.ledger(key) for key in keys(3)] == [
        [("present", "sent", None)],
        [("present", "failed", reason)],
        [("present", "failed", reason)],
    ]
    [told] = [record.getMessage() for record in caplog.records if "birthday-10" in record.getMessage()]
    assert told == 'the pool "birthday-10" has no code left for 2 messages'


async def test_a_default_stands_in_for_an_empty_pool(world: World, tmp_path: Path) -> None:
    text = PRESENT.replace("---\nYour", "defaults: {coupon: HELLO}\n---\nYour")
    await queue(world, "ann", text=text)
    assert list((await sent(world, tmp_path / "outbox")).values()) == ["Your code: HELLO"]


async def test_without_coupons_nobody_asks_for_them(world: World, tmp_path: Path) -> None:
    await queue(world, *keys(3), text=PLAIN)
    with statements(world) as given:
        await sent(world, tmp_path / "outbox")
    assert [one for one in given if "coupons" in one] == []
    await stock(world, "A", "B", "C")
    await queue(world, "ann", "bea", "cia")
    with statements(world) as given:
        await world.deliver(Outbox(tmp_path / "outbox"), name="sms", cohort=2)
    kinds = [one.split()[0] for one in given if "coupons" in one]
    assert kinds[:2] == ["SELECT", "SELECT"], "what they have, and what is free"
    assert set(kinds[2:]) == {"UPDATE"}
    assert await world.ledger("bea") == [("present", "sent", None)]


async def test_deliveries_at_the_same_time_share_a_pool(world: World, tmp_path: Path) -> None:
    """Each of four cohorts with a worker of its own; the codes are just enough."""
    await stock(world, *(f"C{number}" for number in range(40)))
    groups = [[f"{name}{number}" for number in range(10)] for name in "abcd"]
    for group in groups:
        await queue(world, *group)
    await asyncio.gather(*(_deliver(world, tmp_path / "outbox", cohort) for cohort in range(1, 5)))
    rows = await world.rows(select(messages.c.state, messages.c.id))
    assert [row.state for row in rows] == ["sent"] * 40
    given = await taken(world)
    assert sorted(message for message, _ in given.values()) == sorted(row.id for row in rows)


async def _deliver(world: World, folder: Path, cohort: int) -> None:
    courier = Courier(world.store, {"sms": Outbox(folder)}, world.programme)
    attempt = Attempt(1, lambda: world.now, lambda: False)
    await deliver(courier, DeliveryRequest(cohort, 0, "sms"), attempt)


async def test_nobody_waits_for_another_who_is_taking_codes(postgresql_store: Store) -> None:
    async with postgresql_store.writing() as connection:
        await add_codes(connection, "birthday-10", ["A", "B"], NEVER, NOON)
    templates = {"present": {"": Template("present", "sms", "", "{{ coupon }}", coupon="birthday-10")}}
    async with asyncio.timeout(20), postgresql_store.writing() as one, postgresql_store.writing() as other:
        first = await take(one, [claimed(1)], templates, "en", NOON)
        second = await take(other, [claimed(2)], templates, "en", NOON)
    assert (first, second) == ({1: "A"}, {2: "B"})


def claimed(message: int) -> Claim:
    return Claim(message, 1, 1, "marketing", 0, NOON, "present", "", None, {}, {})


async def test_erasing_a_customer_keeps_the_code_and_forgets_whose_it_was(
    world: World, tmp_path: Path
) -> None:
    await stock(world, "MINE", "HERS")
    await queue(world, "ann", "bea")
    await sent(world, tmp_path / "outbox")
    found = await export(world.store, "ann", "sam", world.now)
    assert found is not None
    assert [(row["pool"], row["code"]) for row in found["coupons"]] == [("birthday-10", "MINE")]
    await erase(world.store, "ann", "sam", world.now)
    given = await taken(world)
    assert given["MINE"] == (None, None)
    assert None not in given["HERS"]
