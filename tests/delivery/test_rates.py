"""Rates and outages: how much one attempt hands over, and when the next one comes."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import event
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from journeyflow.delivery.activities import DeliveryActivities
from journeyflow.delivery.channels.base import Accepted, Outcome, Outgoing, Throttled, Unanswerable
from journeyflow.delivery.courier import Courier
from journeyflow.delivery.deliver import Attempt, deliver
from journeyflow.delivery.pauses import AT_ONCE, PACED, TryAgain, back_off
from journeyflow.delivery.slots import Slots
from journeyflow.errors import ConfigurationError
from journeyflow.store.ledger import messages
from journeyflow.workflows.contracts import DeliveryCount, DeliveryRequest
from tests.engine.programmes import World, keys
from tests.journeys.writing import POLICY

JOURNEY = """
    journey: letters
    enter: {event: began}
    steps: [{send: {email: hello}}]
"""
URGENT = JOURNEY.replace("enter:", "category: transactional\n    enter:")
REQUEST = DeliveryRequest(1, 0, "email")
NIGHT = POLICY + '    quiet_hours: [{from: "21:00", to: "08:00"}]\n'


@dataclass
class Provider:
    """Takes messages as long as it is there."""

    there: Callable[[int], bool] = lambda _number: True
    batch: int = 10
    wish: float = 60.0  # seconds
    got: list[int] = field(default_factory=list)

    async def send(self, message: Outgoing) -> Outcome:
        if not self.there(len(self.got)):
            return Throttled(self.wish, "away")
        self.got.append(message.message_id)
        return Accepted("theirs")

    async def lookup(self, _sought: Any) -> Unanswerable:
        return Unanswerable()

    async def close(self) -> None:
        """Nothing is held open."""


async def queued(world: World, number: int, journey: str = JOURNEY, policy: str = POLICY) -> None:
    await world.apply(journey, policy=policy)
    await world.customers(*keys(number))
    await world.enter(*keys(number))


def turn_of(request: DeliveryRequest, pause: TryAgain) -> DeliveryRequest:
    assert pause.turn is not None
    return replace(request, turn=pause.turn)


@pytest.mark.parametrize("most", [1, 3, 7, 8, 9])
async def test_an_attempt_hands_over_as_many_as_the_rate_allows(world: World, most: int) -> None:
    await queued(world, 8)
    provider = Provider()
    courier = Courier(world.store, {"email": provider}, world.programme, most=most)
    request = REQUEST
    for number in range(1, 7 // most + 1):
        with pytest.raises(TryAgain) as pause:
            await deliver(courier, request, Attempt(1, lambda: world.now, lambda: False))
        request = turn_of(request, pause.value)
        assert (pause.value.after, pause.value.reason, pause.value.outages) == (AT_ONCE, PACED, 0)
        assert len(provider.got) == number * most
        world.now += AT_ONCE
    last = Attempt(1, lambda: world.now, lambda: False)
    assert await deliver(courier, request, last) == DeliveryCount(sent=8)
    assert sorted(provider.got) == list(range(1, 9))


PUT_OFF = Throttled(60, "not to this country", alone=True)


@dataclass
class Choosy(Provider):
    """Answers otherwise to the first message, and notes all that it was asked."""

    otherwise: Outcome | Exception = PUT_OFF
    asked: list[int] = field(default_factory=list)

    async def send(self, message: Outgoing) -> Outcome:
        self.asked.append(message.message_id)
        if message.message_id != 1:
            return await super().send(message)
        if isinstance(self.otherwise, Exception):
            raise self.otherwise
        return self.otherwise


@pytest.mark.parametrize(("otherwise", "seconds"), [(PUT_OFF, 60), (ConfigurationError("no sender"), 30)])
async def test_what_comes_back_alone_stops_no_other_of_the_rate(
    world: World, otherwise: Outcome | Exception, seconds: int
) -> None:
    """And is not looked at before its pause is over, however many turns the others take."""
    await queued(world, 4)
    provider = Choosy(otherwise=otherwise)
    courier, request, began = (
        Courier(world.store, {"email": provider}, world.programme, most=1),
        REQUEST,
        world.now,
    )
    first, last = (Attempt(number, lambda: world.now, lambda: False) for number in (1, 2))
    while True:
        with pytest.raises(TryAgain) as pause:
            await deliver(courier, request, first)
        world.now += AT_ONCE
        if pause.value.turn is None:
            break
        request = turn_of(request, pause.value)
    assert provider.asked == [1, 2, 3, 4]
    assert world.now - AT_ONCE + pause.value.after == began + timedelta(seconds=seconds)
    world.now += pause.value.after
    provider.otherwise = Accepted("theirs")
    assert await deliver(courier, request, last) == DeliveryCount(sent=4)
    assert provider.asked == [1, 2, 3, 4, 1]


@pytest.mark.parametrize(("journey", "pauses"), [(JOURNEY, [1, 1, 2, 4, 5, 5]), (URGENT, [1] * 6)])
async def test_pauses_grow_for_what_comes_back_alone(world: World, journey: str, pauses: list[int]) -> None:
    await queued(world, 1, journey)
    courier = Courier(world.store, {"email": Choosy()}, world.programme)
    [message] = await world.messages("c0")
    world.now, told = message.at, []
    for number in range(1, len(pauses) + 1):
        with pytest.raises(TryAgain) as pause:
            await deliver(courier, REQUEST, Attempt(number, lambda: world.now, lambda: False))
        world.now += pause.value.after
        told.append(pause.value.after)
    assert told == [timedelta(minutes=minutes) for minutes in pauses]


async def test_a_fault_of_ours_is_told_at_the_end(world: World) -> None:
    await queued(world, 1)
    courier = Courier(
        world.store, {"email": Choosy(otherwise=ConfigurationError("no"))}, world.programme, most=1
    )
    with pytest.raises(ConfigurationError):
        await deliver(courier, REQUEST, Attempt(1, lambda: world.now, lambda: False))


async def test_those_who_sleep_take_no_place_of_the_rate(world: World) -> None:
    await queued(world, 6, policy=NIGHT)
    await world.customers("c5", timezone="America/New_York")
    world.now = world.now.replace(hour=22, minute=0)
    provider = Provider()
    courier = Courier(world.store, {"email": provider}, world.programme, most=1)
    with pytest.raises(TryAgain):
        await deliver(courier, REQUEST, Attempt(1, lambda: world.now, lambda: False))
    assert len(provider.got) == 1


async def test_those_who_sleep_are_passed_over_many_at_a_time(world: World) -> None:
    await queued(world, 40, policy=NIGHT)
    await world.customers(*keys(40)[36:], timezone="America/New_York")
    world.now = world.now.replace(hour=22, minute=0)
    provider = Provider()
    courier, writes = Courier(world.store, {"email": provider}, world.programme, most=1), list[Any]()

    def note(connection: Any) -> None:
        writes.append(connection)

    event.listen(world.store.engine.sync_engine, "begin", note)
    with pytest.raises(TryAgain):
        await deliver(courier, REQUEST, Attempt(1, lambda: world.now, lambda: False))
    event.remove(world.store.engine.sync_engine, "begin", note)
    assert len(provider.got) == 1
    assert len(writes) < 10


@pytest.mark.parametrize(
    ("outages", "wish", "urgent", "seconds"),
    [
        (1, 60, False, 60),
        (2, 60, False, 120),
        (3, 60, False, 240),
        (4, 60, False, 300),
        (5000, 60, False, 300),
        (1, 2, False, 2),
        (2, 2, False, 120),
        (2, 1000, False, 1000),
        (1, 60, True, 60),
        (9, 60, True, 60),
        (9, 1000, True, 1000),
    ],
)
def test_pauses_grow_as_long_as_the_provider_is_away(
    outages: int, wish: float, urgent: bool, seconds: float
) -> None:
    pauses = {back_off(DeliveryRequest(n, 0, "email"), outages, wish, urgent) for n in range(1000)}
    assert min(pauses) == timedelta(seconds=seconds)
    assert max(pauses) == timedelta(seconds=seconds * 1.1)
    assert len(pauses) == 11, "not all come back at once"


@dataclass
class Attempts:
    """Of the activity, as Temporal makes them: each is told what the one before noted."""

    world: World
    provider: Provider
    noted: Any = None
    number: int = 0

    async def next(self, request: DeliveryRequest = REQUEST) -> ApplicationError:
        self.number += 1
        environment = ActivityEnvironment()
        environment.info = replace(
            environment.info,
            started_time=self.world.now + timedelta(minutes=self.number),
            attempt=self.number,
            heartbeat_details=[self.noted] if self.noted is not None else [],
        )
        environment.on_heartbeat = self._note
        courier = Courier(self.world.store, {"email": self.provider}, self.world.programme)
        with pytest.raises(ApplicationError) as raised:
            await environment.run(DeliveryActivities(courier).deliver, request)
        return raised.value

    def _note(self, *details: Any) -> None:
        [self.noted] = details


@pytest.mark.parametrize(("journey", "pauses"), [(JOURNEY, [1, 2, 4, 5, 5]), (URGENT, [1, 1, 1, 1, 1])])
async def test_an_outage_is_counted_from_attempt_to_attempt(
    world: World, journey: str, pauses: list[int]
) -> None:
    await queued(world, 3, journey)
    attempts = Attempts(world, Provider(there=lambda _number: False))
    told = [(await attempts.next()).next_retry_delay for _ in pauses]
    assert [delay is not None and round(delay / timedelta(minutes=1.07)) for delay in told] == pauses


async def test_what_it_takes_in_between_ends_an_outage(world: World) -> None:
    await queued(world, 20)
    attempts = Attempts(world, Provider(there=lambda _number: False))
    for _ in range(3):
        await attempts.next()
    assert attempts.noted == 3
    attempts.provider.there = lambda number: number < 10
    await attempts.next()
    assert attempts.noted == 1
    assert len(attempts.provider.got) == 10


async def test_what_a_provider_wishes_holds_for_all_deliveries_of_a_worker(world: World) -> None:
    await world.apply(JOURNEY)
    await world.customers(*keys(5))
    for one in keys(5):  # a cohort each
        await world.enter(one)
    asked: list[int] = []

    def away(number: int) -> bool:
        asked.append(number)
        return False

    provider = Provider(there=away, wish=3600)
    courier = Courier(world.store, {"email": provider}, world.programme)
    began = world.now
    for cohort in range(1, 6):
        request = DeliveryRequest(cohort, 0, "email")
        with pytest.raises(TryAgain) as pause:
            await deliver(courier, request, Attempt(1, lambda: world.now, lambda: False))
        assert (pause.value.reason, pause.value.outages, pause.value.waiting) == ("away", 1, 1)
        assert world.now + pause.value.after >= began + timedelta(hours=1)
        world.now += timedelta(minutes=10)
    assert len(asked) == 1
    world.now = began + timedelta(hours=1)
    provider.there = lambda _number: True
    for cohort in range(1, 6):
        request = DeliveryRequest(cohort, 0, "email")
        attempt = Attempt(2, lambda: world.now, lambda: False)
        assert await deliver(courier, request, attempt) == DeliveryCount(sent=1)


async def test_attempts_for_the_night_are_no_outages(world: World) -> None:
    await queued(world, 5, policy=NIGHT)
    world.now = world.now.replace(hour=22, minute=0)
    attempts = Attempts(world, Provider())
    for _ in range(2):
        await attempts.next()
    assert attempts.noted == 0


async def test_what_is_sent_again_and_cannot_go_is_left_to_the_next_run(world: World) -> None:
    await queued(world, 1)
    async with world.store.writing() as connection:
        await connection.execute(messages.update().values(resends=1))
    away = Attempts(world, Provider(there=lambda _number: False))
    assert (await away.next(replace(REQUEST, resend=True))).non_retryable


async def test_one_who_is_alone_gets_all_slots_and_each_of_several_at_most_half() -> None:
    slots, got, leave = Slots(10), [], [asyncio.Event() for _ in range(4)]

    async def take(most: int, leaves: asyncio.Event) -> None:
        async with slots.some(most) as share:
            got.append(share.number)
            await leaves.wait()

    async with asyncio.TaskGroup() as takers:
        for most, leaves in zip((50, 50, 2, 50), leave, strict=True):
            takers.create_task(take(most, leaves))
        await everybody_is_still()
        assert got == [10], "the others wait"
        leave[0].set()
        await everybody_is_still()
        assert got == [10, 5, 2, 3], "the last one gets what is left"
        for leaves in leave:
            leaves.set()


async def test_slots_that_are_not_needed_go_to_the_next_one() -> None:
    slots = Slots(10)
    async with slots.some(50) as one:
        one.keep(3)
        assert one.number == 3
        async with slots.some(50) as another:
            assert another.number == 5
        one.keep(0)
        assert one.number == 1, "as long as the block lasts"
    async with slots.some(50) as all_of_them:
        assert all_of_them.number == 10


async def everybody_is_still() -> None:
    for _ in range(20):
        await asyncio.sleep(0)
