"""The shipped journeys that answer HELP, STOP, START and JOIN, and that ask for a confirmation."""

import re
import shutil
from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

import httpx2
import pytest_asyncio
from sqlalchemy import select

from journeyflow.api.app import create_app
from journeyflow.audience.consent import Basis, Choice, confirm, decide
from journeyflow.audience.inbound import Received, receive_sms
from journeyflow.engine.programme import Programme
from journeyflow.folder import apply_folder, read_folder
from journeyflow.policy import Policy
from journeyflow.store.customers import customers
from journeyflow.testing.travel import LINKS, Trip
from tests.journeys.conftest import on_both_stores
from tests.journeys.moving import YEAR, skip_to
from tests.journeys.reading import ledger

ROOT = Path(__file__).parents[2]
AT_NIGHT = datetime(YEAR, 6, 2, 23, 30, tzinfo=UTC)  # answers do not wait for the morning
PHONE, STRANGER, US = "+46701740601", "+46701740602", "+46701740605"
ids = count(1)


@pytest_asyncio.fixture(autouse=True)
async def shipped(trip: Trip) -> None:
    await skip_to(trip, AT_NIGHT)
    await apply_folder(trip.store, read_folder(ROOT), await trip.now())


async def ask_twice(trip: Trip, folder: Path) -> None:
    """The shipped programme with a double opt-in on both channels."""
    for name in ("journeys", "templates"):
        shutil.copytree(ROOT / name, folder / name)
    with (folder / "journeys" / "policy.yaml").open("a") as policy:
        policy.write("\ndouble_opt_in: [email, sms]\n")
    await apply_folder(trip.store, read_folder(folder), await trip.now())


async def policy_of(trip: Trip) -> Policy:
    async with trip.store.reading() as connection:
        return await Programme().policy(connection)


async def text(trip: Trip, said: str, sender: str = PHONE) -> Received:
    number, now, policy = next(ids), await trip.now(), await policy_of(trip)
    received = await receive_sms(
        trip.store,
        policy,
        sender=sender,
        to=US,
        text=said,
        message_id=f"m{number}",
        newcomer=f"sms-{number}",
        now=now,
    )
    await trip.settle()
    return received


async def join(trip: Trip) -> str:
    """A stranger becomes a customer; gives their id."""
    (customer,) = (await text(trip, "JOIN", sender=STRANGER)).customers
    async with trip.store.reading() as connection:
        query = select(customers.c.key).where(customers.c.id == customer)
        return str((await connection.execute(query)).scalar_one())


async def number_of(trip: Trip, key: str) -> int:
    async with trip.store.reading() as connection:
        query = select(customers.c.id).where(customers.c.key == key)
        return int((await connection.execute(query)).scalar_one())


async def choose(trip: Trip, key: str, *choices: Choice) -> None:
    policy, now, customer = await policy_of(trip), await trip.now(), await number_of(trip, key)
    async with trip.store.writing() as connection:
        await decide(connection, policy, customer, choices, Basis("page", "customer"), now)
    await trip.settle()


async def written(trip: Trip, tmp_path: Path, key: str) -> list[str]:
    """What the customer was sent, as it stands in the outbox."""
    names: Sequence[int] = [row.id for row in await trip.messages(key) if row.state == "sent"]
    return [file.read_text() for id in names for file in sorted((tmp_path / "outbox").glob(f"{id}.*"))]


@on_both_stores
async def test_help_says_who_writes(trip: Trip, tmp_path: Path) -> None:
    await trip.customer("ann", {"sms": "denied"}, phone=PHONE)
    await trip.customer("bob", phone=PHONE)
    await text(trip, "HJÄLP")
    assert await ledger(trip, "ann") == [("sms-help", "sent", None)]
    assert await trip.messages("bob") == [], "one number gets one answer"
    (answer,) = await written(trip, tmp_path, "ann")
    assert "Skivlyckan AB, Stockholm" in answer
    await text(trip, "help")
    assert len(await trip.messages("ann")) == 1, "two machines that answer each other would never end"


@on_both_stores
async def test_stop_is_answered_once_and_ends_the_rest(trip: Trip, tmp_path: Path) -> None:
    await trip.customer("ann", {"sms": "granted"}, phone=PHONE)
    await text(trip, "Stopp tack!")
    await text(trip, "STOPP!!!")
    assert await ledger(trip, "ann") == [("sms-stopped", "sent", None)]
    (answer,) = await written(trip, tmp_path, "ann")
    assert "START" in answer
    await text(trip, "start")
    assert (await ledger(trip, "ann"))[1:] == [("sms-started", "sent", None)]


@on_both_stores
async def test_join_gets_the_link_to_complete_it(trip: Trip, tmp_path: Path) -> None:
    key = await join(trip)
    assert await ledger(trip, key) == [("sms-join", "sent", None)]
    (answer,) = await written(trip, tmp_path, key)
    assert "https://post.example.com/r/" in answer
    await text(trip, "join", sender=STRANGER)
    assert len(await trip.messages(key)) == 1


@on_both_stores
async def test_join_becomes_a_member_who_is_welcomed(trip: Trip, tmp_path: Path) -> None:
    key = await join(trip)
    (answer,) = await written(trip, tmp_path, key)
    (url,) = re.findall(r"https://post\.example\.com/r/[\w.-]+", answer)
    now = await trip.now()
    transport = httpx2.ASGITransport(create_app(trip.store, LINKS, lambda: now))
    async with httpx2.AsyncClient(transport=transport) as http:
        told = {"first_name": "Åsa", "email": "asa@example.com", "shown": "email/", "yes": "email/"}
        assert (await http.post(url, data=told)).status_code == 200
    await trip.settle()
    assert await ledger(trip, key) == [("sms-join", "sent", None), ("welcome", "sent", None)]
    (_, letter) = await written(trip, tmp_path, key)
    assert "asa@example.com" in letter


async def test_join_is_confirmed_first_where_the_policy_says_so(trip: Trip, tmp_path: Path) -> None:
    await ask_twice(trip, tmp_path / "strict")
    key = await join(trip)
    assert await ledger(trip, key) == [("confirm-sms", "sent", None)]
    await trip.skip(days=1)
    await text(trip, "ja", sender=STRANGER)
    told = {template for template, _, _ in await ledger(trip, key)}
    assert told == {"confirm-sms", "sms-started", "sms-join"}


async def test_an_address_is_asked_once_whether_it_is_theirs(trip: Trip, tmp_path: Path) -> None:
    await ask_twice(trip, tmp_path / "strict")
    await trip.customer("ann", email="ann@example.com")
    await choose(trip, "ann", Choice("email", "", "granted"), Choice("email", "news", "granted"))
    assert await ledger(trip, "ann") == [("confirm-consent", "sent", None)]
    (letter,) = await written(trip, tmp_path, "ann")
    assert "post.example.com/c/" in letter.replace("=\n", "")
    customer, now = await number_of(trip, "ann"), await trip.now()
    async with trip.store.writing() as connection:
        basis = Basis("confirmation", "customer")
        changed = await confirm(connection, await policy_of(trip), customer, "email", basis, now)
    assert [(choice.topic, choice.state) for choice in changed] == [("", "granted"), ("news", "granted")]
    await trip.settle()
    assert len(await trip.messages("ann")) == 1


async def test_without_double_opt_in_nobody_is_asked(trip: Trip) -> None:
    await trip.customer("ann", email="ann@example.com")
    await choose(trip, "ann", Choice("email", "", "granted"))
    assert await trip.messages("ann") == []
