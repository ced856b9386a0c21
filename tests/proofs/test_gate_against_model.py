"""Gate, ledger and claims against a model, over any order of things that can happen to customers."""

import asyncio
import shutil
from collections.abc import Awaitable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import insert, select, text

from journeyflow.audience.consent import Basis, Choice, decide
from journeyflow.audience.suppression import lift, suppress
from journeyflow.delivery.channels.base import Accepted, Ambiguous, Outcome, Rejected, Throttled
from journeyflow.delivery.claim import Claim, claim
from journeyflow.delivery.record import record
from journeyflow.engine.enroll import Entrant, enroll
from journeyflow.engine.programme import Programme, Version
from journeyflow.engine.travel import travel
from journeyflow.instants import to_ms
from journeyflow.members import to_hex
from journeyflow.plan import End, EnterByHand, IfCapped, Plan, Send
from journeyflow.policy import DAY, Cap, Category, Policy, QuietHours, Topic
from journeyflow.store.applying import PlannedJourney, apply_programme
from journeyflow.store.customers import consents, customers
from journeyflow.store.database import Store
from journeyflow.store.ledger import messages
from journeyflow.store.passages import enrollments
from journeyflow.store.programme import journey_versions
from journeyflow.store.types import metadata
from journeyflow.workflows.contracts import Arrival, DeliveryRequest, LegRequest
from tests.proofs.model import OPEN, Key, Message, Model, Person
from tests.proofs.sizes import IS_FULL, size
from tests.proofs.windows import Left, fullest

EXAMPLES, SHARDS = size(25, 10_000), size(1, 40)
STEPS = 25
ZONES = [
    "Europe/Stockholm",
    "America/New_York",
    "America/Havana",
    "Africa/Cairo",
    "Asia/Kolkata",
    "Pacific/Apia",
]
CATEGORIES = {
    "marketing": Category(),
    "service": Category("not-required"),
    "receipts": Category("not-required", "exempt", "exempt"),
}
# Days before clocks are changed somewhere.
STARTS = [
    datetime(2031, month, day, 9, tzinfo=UTC) for month, day in [(3, 8), (3, 29), (10, 25), (11, 1), (5, 6)]
]
BASIS = Basis("page", "customer")
T = TypeVar("T")
Claimed = tuple[DeliveryRequest, datetime, Claim]  # with when its attempt began
Places = list[tuple[str, str | None]]  # the zone and the country of each customer

windows = st.sampled_from([3600, DAY // 2, DAY, DAY, 3 * DAY, "day", "day", "week"])
caps = st.builds(
    Cap,
    st.integers(1, 3),
    windows,
    channel=st.sampled_from([None, "email", "sms"]),
    category=st.sampled_from([None, None, "marketing"]),
    topic=st.sampled_from([None, None, "offers"]),
    journey=st.sampled_from([None, None, "j0"]),
    country=st.sampled_from([None, None, "US", "US-FL"]),
)
on_everything = st.builds(Cap, st.sampled_from([1, 2, 2, 3]), windows)
several_caps = st.tuples(on_everything, st.lists(caps, max_size=2)).map(lambda drawn: (drawn[0], *drawn[1]))
quiet_hours = st.builds(
    QuietHours,
    st.sampled_from(["20:00", "21:30"]),
    st.sampled_from(["06:00", "08:00"]),
    channel=st.sampled_from([None, "sms"]),
    category=st.sampled_from([None, "marketing"]),
)
policies = st.builds(
    Policy,
    st.just(CATEGORIES),
    topics=st.just({"offers": Topic({"": "Offers"}), "tips": Topic({"": "Tips"})}),
    caps=several_caps,
    quiet_hours=st.just(()) | st.lists(quiet_hours, max_size=2).map(tuple),
    spread=st.just(0),
    double_opt_in=st.sampled_from([(), (), (), (), ("email",)]),
)
starts = st.sampled_from(STARTS)
somebody = st.sampled_from([1, 2])
states = st.sampled_from(["granted", "granted", "denied", "pending"])
outcomes = st.sampled_from(["sent", "sent", "sent", "failed", "dead", "unknown", "queued"])
channels = st.sampled_from(["email", "email", "sms"])
topics = st.sampled_from(["", "offers", "tips"])
if_capped = st.sampled_from(
    [IfCapped(), IfCapped("exit"), IfCapped("wait", 7200), *[IfCapped("wait", 3 * DAY)] * 3]
)
people = st.lists(
    st.tuples(st.sampled_from(ZONES), st.sampled_from([None, "US", "US-FL", "SE"])), min_size=2, max_size=2
)


@st.composite
def a_plan(draw: st.DrawFn, name: str, priority: int) -> Plan:
    number = draw(st.sampled_from([1, 1, 2]))
    sends = [Send("s", at + 1, draw(channels), "hello", draw(if_capped)) for at in range(number)]
    category = draw(st.sampled_from(["marketing", "marketing", "marketing", "service", "receipts"]))
    return Plan(
        name, name, category, priority, EnterByHand(), (*sends, End("e")), again=0, topic=draw(topics)
    )


@st.composite
def three_plans(draw: st.DrawFn) -> list[Plan]:
    priorities = draw(st.permutations([10, 50, 90]) | st.just([10, 10, 50]))
    return [draw(a_plan(f"j{number}", priority)) for number, priority in enumerate(priorities)]


durations = st.sampled_from(
    [1, 59, 61, 1800, 3600, 3600, DAY // 4, DAY // 2, DAY - 61, DAY - 30, DAY, DAY + 1, 3 * DAY, 7 * DAY]
)


class Gate(RuleBasedStateMachine):
    """`store` and `runner` are set by the test: one for all examples."""

    store: Store
    runner: asyncio.Runner

    @initialize(
        policy=policies, drawn=three_plans(), where=people, now=st.sampled_from(STARTS), willing=st.booleans()
    )
    def begin(
        self,
        policy: Policy,
        drawn: list[Plan],
        where: list[tuple[str, str | None]],
        now: datetime,
        willing: bool,
    ) -> None:
        self.model = Model(policy, now)
        self.programme = Programme()
        self.cohorts: list[int] = []
        self.claims: dict[Key, Claimed] = {}
        self.attempts = 0  # each begins later than those before it
        self.left: list[Left] = []
        self.people = [Person(id, ZoneInfo(zone), place) for id, (zone, place) in enumerate(where, start=1)]
        self.plans = drawn
        self._run(self._set_up(policy, drawn, where))
        for person in self.people if willing else ():
            for channel in ("email", "sms"):
                self.decide(person.id, channel, "", "granted")

    @rule(
        who=st.sampled_from([1, 2]),
        channel=channels,
        topic=topics,
        state=st.sampled_from(["granted", "denied", "pending"]),
    )
    def decide(self, who: int, channel: str, topic: str, state: Any) -> None:
        self.model.decide(self.people[who - 1], channel, topic, state)
        self._run(self._decide(who, Choice(channel, topic, state)))

    @rule(who=somebody, channel=channels, lifted=st.sampled_from([True, True, False]))
    def suppress(self, who: int, channel: str, lifted: bool) -> None:
        self._run(self._suppress(who, channel, lifted))
        place = (who, channel)
        self.model.suppressed = self.model.suppressed - {place} if lifted else self.model.suppressed | {place}

    @rule(who=st.sampled_from([[1], [2], [1, 2], [2, 1]]), number=st.sampled_from([0, 1, 2]))
    def enter(self, who: list[int], number: int) -> None:
        cohort = len(self.cohorts) + 1
        self.cohorts.append(cohort)
        self.model.enter(cohort, [self.people[one - 1] for one in who], self.plans[number])
        self._run(self._enter(cohort, who, number))
        self.model.travel(cohort, 0)
        self._read()

    @rule(who=somebody, numbers=st.lists(st.sampled_from([0, 1, 2]), min_size=3, max_size=3))
    def crowd(self, who: int, numbers: list[int]) -> None:
        """One journey after the other, so that places become scarce."""
        for number in numbers:
            self.enter([who], number)

    @rule(who=somebody, times=st.sampled_from([1, 1, 2]))
    def rivals(self, who: int, times: int) -> None:
        """The most important journey comes last."""
        for number in sorted([0, 1, 2] * times, key=lambda number: self.plans[number].priority):
            self.enter([who], number)

    @rule(seconds=durations)
    def wait(self, seconds: int) -> None:
        self.model.now += timedelta(seconds=seconds)

    @precondition(lambda self: any(one.until for one in self.model.passages.values()))
    @rule()
    def wait_until_somebody_is_due(self) -> None:
        due = min(one.until for one in self.model.passages.values() if one.until)
        self.model.now = max(self.model.now, due)
        self.travel()

    @rule()
    def travel(self) -> None:
        """Every cohort with somebody who is due sets out."""
        for cohort in self.cohorts:
            due = [one for one in self._members(cohort) if one.until and one.until <= self.model.now]
            if due:
                leg = 1 + max(one.leg for one in self._members(cohort))
                self._run(self._travel(cohort, leg, due))
                for one in self._members(cohort):
                    one.leg = leg
                self.model.travel(cohort, leg)
                self._read()

    @precondition(lambda self: self._open())
    @rule(data=st.data())
    def claim(self, data: st.DataObject) -> None:
        self._take(data.draw(st.sampled_from(self._open())))

    @rule()
    def claim_all(self) -> None:
        for one in self._open():
            if one.state in OPEN:
                self._take(one)

    @precondition(lambda self: self.claims)
    @rule(
        data=st.data(),
        outcome=st.sampled_from(["sent", "sent", "sent", "failed", "dead", "unknown", "queued"]),
    )
    def settle(self, data: st.DataObject, outcome: str) -> None:
        self._settle(data.draw(st.sampled_from(sorted(self.claims))), outcome)

    @precondition(lambda self: self.claims)
    @rule()
    def accept_all(self) -> None:
        for key in sorted(self.claims):
            self._settle(key, "sent")

    @invariant()
    def the_ledger_says_what_the_model_says(self) -> None:
        if not hasattr(self, "model"):
            return
        said = {key: (row.state, row.reason, row.at, row.sent_at) for key, row in self._read().items()}
        assert said == {key: one.row() for key, one in self.model.messages.items()}
        passages = self.model.passages.values()
        assert self.passages == {one.enrollment: (one.state, one.rests_at, one.until) for one in passages}
        assert self.consents == self.model.consents

    def _take(self, one: Message) -> None:
        """What a delivery does first with everything of its request."""
        request = DeliveryRequest(one.key[0] // 1000, one.leg, one.send.channel)
        taken = self._run(self._claim(request))
        expected = self.model.claim(request.cohort, request.leg, request.channel)
        assert taken == {message.key for message in expected}

    def _settle(self, key: Key, outcome: str) -> None:
        claimed = self.claims.pop(key)
        message = self.model.messages[key]
        outcomes: dict[str, Outcome] = {
            "sent": Accepted("theirs"),
            "failed": Rejected("no", "no"),
            "dead": Rejected("no", "no", address_is_dead=True),
            "unknown": Ambiguous("silence"),
            "queued": Throttled(60, "later"),
        }
        reasons = {"failed": "rejected: no", "dead": "rejected: no", "unknown": "silence", "queued": "later"}
        self._run(self._record(claimed, outcomes[outcome]))
        self.model.settle(message, "failed" if outcome == "dead" else outcome, reasons.get(outcome))
        if outcome == "dead":
            self.model.suppressed.add((message.person.id, message.send.channel))
        if outcome in ("sent", "unknown"):
            self._check_windows(message)

    def _check_windows(self, last: Message) -> None:
        plan, at = last.plan, last.handed or self.model.now
        if CATEGORIES[plan.category].caps == "exempt":
            return
        scope = (last.send.channel, plan.category, plan.topic, plan.journey)
        self.left.append(Left(last.id, last.person.id, *scope, at, self.model.now))
        theirs = [one for one in self.left if one.customer == last.person.id]
        country = last.person.country or ""
        for cap in self.model.policy.caps:
            if cap.country in (None, country, country[:2]):
                assert fullest(cap, theirs, last.person.zone) <= cap.at_most, cap

    def _members(self, cohort: int) -> list[Any]:
        return [one for one in self.model.passages.values() if one.enrollment // 1000 == cohort]

    def _open(self) -> list[Message]:
        return [one for one in self.model.messages.values() if one.state in OPEN]

    def _read(self) -> dict[Key, Any]:
        """The ledger, whose numbers the model takes over."""
        found, self.passages, self.consents = self._run(self._rows())
        for key, row in found.items():
            if key in self.model.messages:
                self.model.messages[key].id = row.id
        return found

    def _run(self, work: Awaitable[T]) -> T:
        return self.runner.run(work)  # type: ignore[arg-type]

    async def _set_up(self, policy: Policy, drawn: list[Plan], where: Places) -> None:
        now = self.model.now
        planned = [PlannedJourney(plan.journey, plan.digest, plan.to_json(), "") for plan in drawn]
        rows = [
            {
                "key": f"c{id}", "email": f"c{id}@example.com", "phone": f"+4670174060{id}", "timezone": zone,
                "country": place, "attributes": {}, "created_at": now, "updated_at": now,
            }
            for id, (zone, place) in enumerate(where, start=1)
        ]  # fmt: skip
        async with self.store.writing() as connection:
            for table in reversed(metadata.sorted_tables):
                await connection.execute(table.delete())
            await connection.execute(text("DELETE FROM sqlite_sequence"))
            await connection.execute(insert(customers), rows)
        await apply_programme(self.store, policy.to_json(), [], planned, now)

    async def _decide(self, who: int, choice: Choice) -> None:
        async with self.store.writing() as connection:
            await decide(connection, self.model.policy, who, [choice], BASIS, self.model.now)

    async def _suppress(self, who: int, channel: str, lifted: bool) -> None:
        address = f"c{who}@example.com" if channel == "email" else f"+4670174060{who}"
        async with self.store.writing() as connection:
            if lifted:
                await lift(connection, channel, address)
            else:
                await suppress(connection, channel, [address], "manual", self.model.now)

    async def _enter(self, cohort: int, who: list[int], number: int) -> None:
        now = self.model.now
        async with self.store.writing() as connection:
            query = select(journey_versions.c.id).where(
                journey_versions.c.journey == self.plans[number].journey
            )
            version = Version((await connection.execute(query)).scalar_one(), self.plans[number])
            entrants = [Entrant(one, str(cohort), now) for one in who]
            await enroll(connection, self.programme, version, entrants, now)

    async def _travel(self, cohort: int, leg: int, due: list[Any]) -> None:
        steps: dict[int, int] = {}
        for one in due:
            steps[one.rests_at] = steps.get(one.rests_at, 0) | 1 << one.enrollment % 1000
        arrivals = [Arrival(step, to_hex(members)) for step, members in steps.items()]
        await travel(self.store, self.programme, LegRequest(cohort, leg, to_ms(self.model.now), arrivals))

    async def _claim(self, request: DeliveryRequest) -> set[Key]:
        now = self.model.now
        self.attempts += 1
        began = now + timedelta(microseconds=self.attempts)
        async with self.store.writing() as connection:
            plan = self.model.passages[request.cohort * 1000].plan
            claims = await claim(connection, request, plan, self.model.policy, began, now, 0, 100)
        taken = {(one.enrollment, one.step): one for one in claims.taken}
        self.claims |= {key: (request, began, one) for key, one in taken.items()}
        return set(taken)

    async def _record(self, claimed: Claimed, outcome: Outcome) -> None:
        request, began, taken = claimed
        async with self.store.writing() as connection:
            await record(connection, request.channel, [(taken, outcome)], began, self.model.now)

    async def _rows(self) -> tuple[dict[Key, Any], dict[int, Any], dict[tuple[int, str, str], str]]:
        async with self.store.reading() as connection:
            ledger, passages, held = [await connection.execute(query) for query in _QUERIES]
        return (
            {(row.enrollment_id, row.step): row for row in ledger},
            {row.id: (row.state, row.step, row.wake_at) for row in passages},
            {(row.customer_id, row.channel, row.topic): row.state for row in held},
        )


_QUERIES = (
    select(
        messages.c.enrollment_id, messages.c.step, messages.c.id, messages.c.state, messages.c.reason,
        messages.c.at, messages.c.sent_at,
    ),
    select(enrollments.c.id, enrollments.c.state, enrollments.c.step, enrollments.c.wake_at),
    select(consents.c.customer_id, consents.c.channel, consents.c.topic, consents.c.state),
)  # fmt: skip


@pytest.fixture
def opened(sqlite_template: Path, tmp_path: Path) -> Iterator[None]:
    with asyncio.Runner() as runner:
        Gate.runner = runner
        Gate.store = Store.open(f"sqlite:///{shutil.copy(sqlite_template, tmp_path / 'journeyflow.db')}")
        yield
        runner.run(Gate.store.close())


@pytest.mark.timeout(0)
@pytest.mark.parametrize("shard", range(SHARDS))
def test_whatever_happens_the_ledger_is_as_the_model_says(opened: None, shard: int) -> None:
    """In several parts, for several processes."""
    how = settings(
        max_examples=EXAMPLES // SHARDS,
        stateful_step_count=STEPS,
        deadline=None,
        database=None,
        derandomize=not IS_FULL,
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(Gate, settings=how)
