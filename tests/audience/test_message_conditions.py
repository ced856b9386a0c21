"""What became of messages, asked as a condition: each state says all that it implies, and no more."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from journeyflow.audience.conditions import Frame, holds
from journeyflow.conditions import Message, Was
from journeyflow.store.customers import customers
from journeyflow.store.database import Store
from journeyflow.store.ledger import WAS, messages
from tests.engine.programmes import NOON, World

LETTERS = """
    journey: letters
    enter: {event: began, again: always}
    steps:
      - send: {email: hello}
      - send: {sms: code}
"""
IMPLIED = {
    "held": set(),
    "dropped": set(),
    "queued": set(),
    "sending": set(),
    "unknown": set(),
    "cancelled": set(),
    "failed": {"failed"},
    "sent": {"sent"},
    "delivered": {"sent", "delivered"},
    "opened": {"sent", "delivered", "opened"},
    "clicked": {"sent", "delivered", "opened", "clicked"},
    "bounced": {"sent", "bounced"},
}


@pytest.fixture
async def world(store: Store, tmp_path: Path) -> World:
    """Ann has had both messages, Ben none."""
    world = World(store, tmp_path / "programme")
    await world.apply(LETTERS)
    await world.customers("ann", "ben")
    await world.enter("ann")
    return world


async def put(world: World, **values: Any) -> None:
    async with world.store.writing() as connection:
        await connection.execute(messages.update().where(messages.c.channel == "email").values(**values))


async def who(world: World, condition: Message) -> list[str]:
    frame = Frame(customers, world.now)
    rows = await world.rows(select(customers.c.key).where(holds(condition, frame)).order_by(customers.c.key))
    return [row.key for row in rows]


@pytest.mark.parametrize("state", IMPLIED)
async def test_what_a_state_says(world: World, state: str) -> None:
    await put(world, state=state, sent_at=NOON)
    asked: list[Was] = list(WAS)
    assert {was for was in asked if await who(world, Message("hello", was)) == ["ann"]} == IMPLIED[state]


async def test_which_message_is_meant(world: World) -> None:
    await put(world, state="opened", sent_at=NOON)
    assert await who(world, Message("hello", "opened")) == ["ann"]
    assert await who(world, Message("hello", "opened", "email")) == ["ann"]
    assert await who(world, Message("hello", "opened", "sms")) == []
    assert await who(world, Message("code", "opened")) == []


async def test_how_long_ago_counts_from_its_sending(world: World) -> None:
    await put(world, state="sent", at=NOON, sent_at=NOON + timedelta(hours=1))
    world.now = NOON + timedelta(hours=3)
    assert await who(world, Message("hello", "sent", within=2 * 3_600 + 1)) == ["ann"]
    assert await who(world, Message("hello", "sent", within=2 * 3_600)) == []
    await put(world, state="failed", sent_at=None)
    assert await who(world, Message("hello", "failed", within=3 * 3_600 + 1)) == ["ann"]
    assert await who(world, Message("hello", "failed", within=3 * 3_600)) == []
