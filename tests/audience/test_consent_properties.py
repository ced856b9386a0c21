"""What must hold for consent after any series of choices."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Row, insert, select

from journeyflow.audience.consent import Basis, Choice, State, decide_all, standings
from journeyflow.audience.permission import NO_CONSENT, consent_state
from journeyflow.policy import Policy
from journeyflow.store.customers import consent_log, customers, events
from journeyflow.store.database import Store

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
BASIS = Basis("page", "customer")
CHANNELS, TOPICS = ("email", "sms"), ("", "news", "ads")
DOUBLE = Policy(double_opt_in=("email",))

states = st.sampled_from(["granted", "denied", "pending"])
choices = st.builds(Choice, st.sampled_from(CHANNELS), st.sampled_from(TOPICS), states)
turns = st.lists(st.tuples(st.lists(choices, max_size=4), st.booleans()), min_size=1, max_size=8)


class Model:
    """The rules, said a second time: own rows by channel and topic, and what each turn may do to them."""

    def __init__(self) -> None:
        self.own: dict[tuple[str, str], str] = {}
        self.logged = 0

    def holds(self, channel: str, topic: str) -> str:
        return self.own.get((channel, topic), self.own.get((channel, ""), NO_CONSENT))

    def take(self, choice: Choice, confirmed: bool) -> None:
        channel, topic, state = choice.channel, choice.topic, str(choice.state)
        granted = self.holds(channel, topic) == "granted"
        if state == "pending" and granted:
            return
        if state == "granted" and channel in DOUBLE.double_opt_in and not granted and not confirmed:
            state = "pending"
        self.logged += self.own.get((channel, topic)) != state
        self.own[channel, topic] = state
        if topic == "" and state == "denied":
            for other in TOPICS[1:]:
                if self.own.get((channel, other), "denied") != "denied":
                    del self.own[channel, other]
                    self.logged += 1


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(turns)
def test_the_store_agrees_with_the_model(
    tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path, said: list[tuple[list[Choice], bool]]
) -> None:
    file = tmp_path_factory.mktemp("store") / "journeyflow.db"
    file.write_bytes(sqlite_template.read_bytes())
    asyncio.run(_compare(file, said))


async def _compare(file: Path, said: list[tuple[list[Choice], bool]]) -> None:
    store, model = Store.open(f"sqlite:///{file}"), Model()
    customer = await _customer(store)
    for number, (chosen, confirmed) in enumerate(said):
        now = NOW + timedelta(hours=number)
        async with store.writing() as connection:
            before = (await standings(connection, [customer]))[customer]
            decided = await decide_all(connection, DOUBLE, {customer: chosen}, BASIS, now, confirmed)
        for choice in chosen:
            model.take(choice, confirmed)
        await _check(store, customer, model)
        _check_changes(before.rows, model, decided[customer])
    await store.close()


async def _check(store: Store, customer: int, model: Model) -> None:
    """Standing, the gate's SQL, and the model say the same; each change is in the log and an event."""
    async with store.reading() as connection:
        standing = (await standings(connection, [customer]))[customer]
        for channel in CHANNELS:
            for topic in TOPICS:
                asked = select(consent_state(channel, topic, customers)).where(customers.c.id == customer)
                assert (await connection.execute(asked)).scalar_one() == model.holds(channel, topic)
                assert (standing.holds(channel, topic) or NO_CONSENT) == model.holds(channel, topic)
        log = (await connection.execute(select(consent_log).order_by(consent_log.c.id))).all()
        told = (await connection.execute(select(events).order_by(events.c.id))).all()
    assert len(log) == model.logged
    assert [_event_of(row) for row in log] == [(row.name, row.properties, row.at) for row in told]


def _event_of(row: Row[Any]) -> tuple[str, dict[str, str], datetime]:
    return f"consent.{row.state}", {"channel": row.channel, "topic": row.topic}, row.at


def _check_changes(
    before: dict[tuple[str, str], tuple[State, datetime]], model: Model, changed: list[Choice]
) -> None:
    """Nothing is told that was not so, and what was denied is granted only by its own name."""
    kept = {key: state for key, (state, _) in before.items()}
    if not changed:
        assert kept == model.own
    for key, state in model.own.items():
        if state == "granted" and kept.get(key) == "denied":
            assert Choice(key[0], key[1], "granted") in changed


async def _customer(store: Store) -> int:
    async with store.writing() as connection:
        values = {"key": "ada", "attributes": {}, "created_at": NOW, "updated_at": NOW}
        statement = insert(customers).values(values).returning(customers.c.id)
        return int((await connection.execute(statement)).scalar_one())
