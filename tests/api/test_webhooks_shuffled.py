"""A thousand things that providers tell: in any order, however often, the same comes of them."""

import random
from collections import Counter
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import delete, insert, select

from journeyflow.delivery.machines import HOLD
from journeyflow.store.customers import consents, events, suppressions
from journeyflow.store.database import Store
from journeyflow.store.ledger import messages
from journeyflow.store.reports import reports
from journeyflow.store.types import metadata
from tests.api.providing import Provided, from_sendgrid, from_twilio, providing, status
from tests.delivery.ledgers import NOON, left

NOW = NOON + timedelta(hours=5)
PERSON = "Mozilla/5.0 (X11; Linux x86_64; rv:127.0) Gecko/20100101 Firefox/127.0"
LETTERS, TEXTS = 40, 20
SAID = 1_000


@dataclass(frozen=True, slots=True)
class Email:
    """What SendGrid tells of a message: a name, when, in seconds after it left, and the rest."""

    message: int
    name: str
    after: int
    more: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Sms:
    message: int
    said: str
    error: int | None


Said = Email | Sms


def click(link: int, agent: str = PERSON) -> dict[str, Any]:
    return {"useragent": agent, "url_offset": {"index": link, "type": "html"}}


HARD, FULL = {"type": "bounce", "reason": "550 unknown"}, {"type": "blocked", "reason": "554 full"}
ARRIVED = ("delivered", 3, {})

# Stories of letters, which the letters take in turn, and what they come to.
STORIES: list[tuple[list[tuple[str, int, dict[str, Any]]], str, str | None]] = [
    ([("processed", 1, {}), ARRIVED], "delivered", None),
    ([("processed", 1, {}), ("deferred", 5, {"response": "421 later"})], "sent", None),
    ([("processed", 1, {}), ("bounce", 6, HARD)], "bounced", "550"),
    ([ARRIVED, ("bounce", 60, FULL)], "bounced", "554"),
    ([("bounce", 6, HARD), ("bounce", 7, FULL | {"reason": "511 no"})], "bounced", "511"),
    ([("dropped", 2, {"reason": "Unsubscribed Address"})], "failed", "unsubscribed-address"),
    ([ARRIVED, ("open", 4, {"sg_machine_open": True, "useragent": PERSON})], "delivered", None),
    ([ARRIVED, ("click", 8, click(0)), ("click", 9, click(1)), ("click", 9, click(2))], "delivered", None),
    ([ARRIVED, ("click", 500, click(0)), ("click", 500, click(1))], "delivered", None),
    ([ARRIVED, ("click", 500, click(0)), ("click", 700, click(1))], "clicked", None),
    ([ARRIVED, ("click", 500, click(0, "curl/8.5.0"))], "delivered", None),
    ([ARRIVED, ("spamreport", 800, {})], "delivered", None),
    ([ARRIVED, ("unsubscribe", 800, {}), ("group_unsubscribe", 801, {})], "delivered", None),
    ([("open", 400, {"useragent": PERSON}), ("bounce", 500, HARD)], "opened", None),
]
TEXT_STORIES: list[tuple[list[tuple[str, int | None]], str, str | None]] = [
    ([("queued", None), ("sent", None), ("delivered", None)], "delivered", None),
    ([("sent", None), ("undelivered", 30003)], "failed", "30003"),
    ([("undelivered", 30005)], "failed", "30005"),
    ([("failed", 21610)], "failed", "21610"),
    ([("queued", None)], "sent", None),
]


def said(letters: list[int], texts: list[int]) -> list[Said]:
    """A thousand things; what the stories leave is people who open and follow links for hours."""
    found: list[Said] = []
    for number, id in enumerate(letters):
        found += [Email(id, *part) for part in STORIES[number % len(STORIES)][0]]
    for number, id in enumerate(texts):
        found += [Sms(id, *part) for part in TEXT_STORIES[number % len(TEXT_STORIES)][0]]
    for number in range(SAID - len(found)):
        id, after = letters[number % (len(letters) // 2)], 1_000 + 7 * number
        more = click(number % 3) if number % 3 == 0 else {"useragent": PERSON}
        found.append(Email(id, "click" if number % 3 == 0 else "open", after, more))
    return found


async def tell(here: Provided, told: list[Said], chance: random.Random | None) -> None:
    """In batches such as the providers make. With `chance` somebody follows up now and then in between, while
    the time stands still."""
    for begin in range(0, len(told), 50):
        batch = told[begin : begin + 50]
        for one in batch:
            if isinstance(one, Sms):
                params = status(f"SM{one.message:032x}", one.said, f"+4670{one.message:07}", one.error)
                request = from_twilio(here.status_path(one.message), params)
                assert (await here.post(request)).status_code == 204
        letters = [event_of(here, one) for one in batch if isinstance(one, Email)]
        assert (await here.post(from_sendgrid(letters, NOW))).status_code == 204
        if chance is not None and chance.random() < 0.3:
            await here.follow_up(NOW)
    await here.follow_up(NOW + HOLD)


def event_of(here: Provided, told: Email) -> dict[str, Any]:
    return here.event(told.name, told.message, NOON + timedelta(seconds=told.after), **told.more)


async def came_of_it(here: Provided) -> dict[str, Any]:
    ours = events.c.name.not_like("consent.%")  # the time of those is when somebody followed up
    queries = {
        "ledger": select(
            messages.c.id, messages.c.state, messages.c.reason, messages.c.provider_id, messages.c.sent_at
        ),
        "suppressions": select(suppressions.c.channel, suppressions.c.hash, suppressions.c.reason),
        "consents": select(consents.c.customer_id, consents.c.channel, consents.c.topic, consents.c.state),
        "reports": select(reports.c.key, reports.c.kind, reports.c.at, reports.c.detail),
        "events": select(events.c.key, events.c.customer_id, events.c.at, events.c.properties).where(ours),
        "decisions": select(events.c.name, events.c.customer_id, events.c.properties).where(~ours),
    }
    return {name: sorted(map(repr, await here.rows(query))) for name, query in queries.items()}


async def backup(here: Provided) -> dict[str, list[dict[str, Any]]]:
    return {
        table.name: [dict(row._mapping) for row in await here.rows(select(table))]
        for table in metadata.sorted_tables
    }


async def restore(store: Store, rows: dict[str, list[dict[str, Any]]]) -> None:
    async with store.writing() as connection:
        for table in reversed(metadata.sorted_tables):
            await connection.execute(delete(table))
        for table in metadata.sorted_tables:
            if rows[table.name]:
                await connection.execute(insert(table), rows[table.name])


async def test_a_thousand_shuffled_and_told_three_times_come_to_the_same_as_once_in_order(
    store: Store,
) -> None:
    letters = await left(store, *(f"c{number + 1}" for number in range(LETTERS)))
    letters[::3] = [(await left(store, f"d{n}", state="unknown", reason="timeout"))[0] for n in letters[::3]]
    texts = await left(store, *(f"t{number}" for number in range(TEXTS)), channel="sms", state="sending")
    told = said(letters, texts)
    assert len(told) == SAID
    async with providing(store, NOW) as here:
        before = await backup(here)
        await tell(here, told, None)
        once = await came_of_it(here)
        await restore(store, before)
        chance = random.Random(5)
        await tell(here, chance.sample(told * 3, 3 * SAID), chance)
        assert await came_of_it(here) == once
        await check(here, letters, texts)


async def check(here: Provided, letters: list[int], texts: list[int]) -> None:
    """What the stories of those come to whom nobody read for hours, and what follows from them."""
    ledger = {row.id: (row.state, row.reason) for row in await here.rows(select(messages))}
    for number, id in list(enumerate(letters))[LETTERS // 2 :]:
        assert ledger[id] == STORIES[number % len(STORIES)][1:], number
    for number, id in enumerate(texts):
        assert ledger[id] == TEXT_STORIES[number % len(TEXT_STORIES)][1:], number
    assert Counter(row.reason for row in await here.rows(select(suppressions))) == {
        "bounced": 8, "complained": 3, "unknown-number": 4, "stopped": 4,
    }  # fmt: skip
    denied = await here.rows(select(consents).where(consents.c.state == "denied"))
    assert [(row.channel, row.topic) for row in denied] == [("email", "news")] * 5
