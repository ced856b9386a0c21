"""Caps hold when hundreds of passages of one customer ask several processes for the last places at once.

Measured by what a provider noted: never more than the cap in any window, and the cap is used up.
"""

import asyncio
import json
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from time import monotonic
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import func, select

from journeyflow import countries
from journeyflow.messages.templates import Template
from journeyflow.plan import End, EnterByHand, IfCapped, Plan, Send, Wait
from journeyflow.policy import DAY, Cap, Category, Policy, QuietHours, Sender
from journeyflow.store.applying import PlannedJourney, StoredTemplate, apply_programme
from journeyflow.store.database import Store
from journeyflow.store.ledger import OPEN, messages
from tests.engine.programmes import World
from tests.proofs import carrier
from tests.proofs.carrier import Entrance, Load
from tests.proofs.provider import Clock, read_log
from tests.proofs.sizes import size
from tests.proofs.windows import Left, fullest

ENTRANCES = size(40, 200)
PROCESSES = size(2, 4)
START = datetime(2031, 10, 24, 5, tzinfo=UTC)  # clocks are put back on the 26th in Europe
PLACES = {
    "c0": ("Europe/Stockholm", None),
    "c1": ("America/New_York", "US-FL"),
    "c2": ("Europe/Lisbon", "PT"),
}
POLICY = Policy(
    {"marketing": Category(), "news": Category(), "receipts": Category("not-required", "exempt", "exempt")},
    senders={"email": Sender("Club <club@example.com>"), "sms": Sender("+46700000000")},
    spread=0,
)
TEXTS = [
    Template("hello", "email", "", text="Hello", subject="Hello", html="<p>Hello</p>"),
    Template("hello", "sms", "", text="Hello"),
]
PATIENT = {"accepts": 9, "doubts": 1}
MOODY = {"accepts": 6, "doubts": 1, "rejects": 2, "pauses": 1}


@pytest.mark.timeout(1200)
@pytest.mark.parametrize("shape", ["each a journey", "one journey"])
async def test_the_last_places_go_to_exactly_as_many(store: Store, tmp_path: Path, shape: str) -> None:
    """Everybody asks at once, within one window; slow and doubtful deliveries run meanwhile."""
    caps = (
        Cap(7, DAY),
        Cap(3, 2 * DAY, channel="sms"),
        Cap(2, "week", topic="offers"),
        Cap(6, "day", category="news"),
    )
    random = Random(shape)
    plans = [a_plan(f"j{number}", random, IfCapped()) for number in range(ENTRANCES)]
    if shape == "one journey":
        plans = [a_plan("again", random, IfCapped(), channel="email", topic="")]
    policy = with_rules(caps)
    entrances = [
        Entrance(plans[number % len(plans)].journey, f"o{number}", [1], 0) for number in range(ENTRANCES)
    ]
    left = await carried(store, tmp_path, policy, plans, entrances, PATIENT, pace=1)
    counted = [one for one in left if one.category != "receipts"]
    assert_within(policy, left)
    assert len(counted) == 7
    assert len(counted) == len(await taking_room(store)), "what the ledger counts is what left"


@pytest.mark.timeout(1200)
async def test_caps_hold_while_their_windows_move(store: Store, tmp_path: Path) -> None:
    """Days pass in seconds; messages wait for room and for the morning, fail, are put off and outranked."""
    caps = (
        Cap(5, DAY),
        Cap(3, DAY // 2, channel="email"),
        Cap(2, 2 * DAY, topic="offers"),
        Cap(4, "day"),
        Cap(9, "week"),
        Cap(2, "day", channel="sms"),
        Cap(3, DAY, country="US-FL"),
        Cap(1, DAY, journey="j0"),
    )
    random = Random(7)
    patiences = [IfCapped(), IfCapped("wait", DAY), IfCapped("wait", 2 * DAY), IfCapped("exit")]
    plans = [a_plan(f"j{number}", random, random.choice(patiences)) for number in range(ENTRANCES // 2)]
    policy = with_rules(caps, QuietHours("22:00", "07:00", channel="sms"))
    entrances = [
        Entrance(random.choice(plans[: 1 + number % len(plans)]).journey, f"o{number}", who, after)
        for number in range(ENTRANCES)
        for who in [random.sample([1, 2, 3], random.choice([1, 2, 3]))]
        for after in [random.choice([0, 0, 12 * 3600, random.uniform(0, 2 * DAY)])]
    ]
    left = await carried(store, tmp_path, policy, plans, entrances, MOODY, pace=4 * 3600)
    fullness = assert_within(policy, left)
    reached = {cap for (_, cap), seen in fullness.items() if seen == cap.at_most}
    assert reached >= {Cap(4, "day"), Cap(3, DAY, country="US-FL")}, fullness
    states = await by_state(store)
    assert states.keys() >= {"sent", "unknown", "failed", "dropped"}, states
    assert not states.keys() & {*OPEN, "held"}, states


def a_plan(
    name: str, random: Random, if_capped: IfCapped, channel: str | None = None, topic: str | None = None
) -> Plan:
    """One or two messages, at once or after a while."""
    channels = [channel] if channel else ["email", "sms"]
    category = random.choice(
        ["marketing", "marketing", "news", "receipts"] if channel is None else ["marketing"]
    )
    first, second = (Send("s", 0, random.choice(channels), "hello", if_capped) for _ in range(2))
    shapes: list[tuple[Send | Wait | End, ...]] = [
        (step(first, 1), End("e")),
        (Wait("w", 1, 1), step(first, 2), End("e")),
        (step(first, 1), step(second, 2), End("e")),
    ]
    return Plan(
        name,
        name,
        category,
        random.choice([10, 50, 50, 90]),
        EnterByHand(),
        shapes[0] if channel else random.choice(shapes),
        again=0,
        topic=random.choice(["", "offers", "tips"]) if topic is None else topic,
    )


def step(send: Send, following: int) -> Send:
    return Send(send.path, following, send.channel, send.template, send.if_capped)


def with_rules(caps: tuple[Cap, ...], *quiet: QuietHours) -> Policy:
    return Policy(POLICY.categories, caps=caps, quiet_hours=quiet, senders=POLICY.senders, spread=0)


async def carried(
    store: Store,
    folder: Path,
    policy: Policy,
    plans: Sequence[Plan],
    entrances: Sequence[Entrance],
    moods: dict[str, float],
    pace: float,
) -> list[Left]:
    """What left, once everybody's passages and messages have come to their ends."""
    world = World(store, folder / "programme", START)
    for key, (timezone, country) in PLACES.items():
        await world.customers(key, timezone=timezone, country=country, email=f"{key}@example.com")
    texts = [StoredTemplate(t.name, t.channel, t.locale, t.digest, t.to_json()) for t in TEXTS]
    planned = [PlannedJourney(plan.journey, plan.digest, plan.to_json(), "") for plan in plans]
    await apply_programme(store, policy.to_json(), texts, planned, START)
    log = folder / "provider.log"
    await _run_carriers(store, folder, log, entrances, moods, pace)
    return await _what_left(store, log)


async def _run_carriers(
    store: Store, folder: Path, log: Path, entrances: Sequence[Entrance], moods: dict[str, float], pace: float
) -> None:
    processes = []
    for number in range(PROCESSES):
        url = store.engine.url.render_as_string(hide_password=False)
        plain = url.replace("+aiosqlite", "").replace("+psycopg", "")
        file = folder / f"load{number}.json"
        Load(plain, str(log), number, moods, 0.03, list(entrances[number::PROCESSES])).write(file)
        processes.append(
            await asyncio.create_subprocess_exec(
                sys.executable, "-m", carrier.__name__, str(file),
                cwd=Path(__file__).parents[2], stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
            )
        )  # fmt: skip
    for process in processes:
        assert process.stdout is not None
        assert (await process.stdout.readline()).decode().strip() == carrier.READY
    clock = json.dumps(Clock(START, monotonic(), pace).to_json())
    said = await asyncio.gather(*(process.communicate(clock.encode() + b"\n") for process in processes))
    assert [process.returncode for process in processes] == [0] * PROCESSES, said


async def _what_left(store: Store, log: Path) -> list[Left]:
    async with store.reading() as connection:
        rows = {row.id: row for row in await connection.execute(select(messages))}
    left = []
    for one in read_log(log):
        row = rows[one.message]
        if one.may_have_left:
            scope = (row.channel, row.category, row.topic, row.journey)
            left.append(Left(row.id, row.customer_id, *scope, one.began, one.ended))
    assert len({one.message for one in left}) == len(left), "nothing leaves twice"
    return left


def assert_within(policy: Policy, left: list[Left]) -> dict[tuple[int, Cap], int]:
    """No cap was passed; gives how full its fullest window was, by customer and cap."""
    exempt = {name for name, category in policy.categories.items() if category.caps == "exempt"}
    found = {}
    for number, (timezone, country) in enumerate(PLACES.values(), start=1):
        theirs = [one for one in left if one.customer == number and one.category not in exempt]
        for cap in policy.caps:
            if countries.is_in(country, cap.country):
                found[number, cap] = fullest(cap, theirs, ZoneInfo(timezone))
    assert all(seen <= cap.at_most for (_, cap), seen in found.items()), found
    return found


async def taking_room(store: Store) -> list[int]:
    async with store.reading() as connection:
        counted = (messages.c.state.in_(["sent", "unknown"]), messages.c.category != "receipts")
        return list((await connection.execute(select(messages.c.id).where(*counted))).scalars())


async def by_state(store: Store) -> dict[str, int]:
    async with store.reading() as connection:
        query = select(messages.c.state, func.count().label("number")).group_by(messages.c.state)
        return {row.state: row.number for row in await connection.execute(query)}
