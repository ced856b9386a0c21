"""Each reason once, with real legs and deliveries: why a customer got what they got, or did not."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import delete, select, update

from journeyflow.audience import rights
from journeyflow.audience.consent import Basis, Choice, decide
from journeyflow.audience.suppression import lift, suppress
from journeyflow.cli.fate import Moments
from journeyflow.cli.reasons import Line, absence_in_words, message_in_words, passage_in_words
from journeyflow.delivery.channels.base import Accepted, Ambiguous, Rejected
from journeyflow.delivery.channels.outbox import Outbox
from journeyflow.delivery.reports import Told, handle, tell
from journeyflow.engine.explaining.absence import absence
from journeyflow.engine.travel import first_leg, travel
from journeyflow.engine.why import Account, why
from journeyflow.errors import JourneyflowError
from journeyflow.store.customers import customers, events
from journeyflow.store.passages import enrollments, legs, observations
from journeyflow.workflows.contracts import Arrival, LegRequest
from tests.delivery.test_deliver import Recorder
from tests.engine.programmes import World, keys
from tests.engine.test_gate import sends
from tests.journeys.writing import POLICY

MOMENTS = Moments(ZoneInfo("UTC"))
NOON = "2031-05-07 12:00:00 (12:00)"


async def account(world: World, key: str = "c0") -> Account:
    found = await why(world.store, world.programme, key)
    assert found is not None
    return found


async def lines(world: World, key: str = "c0") -> list[Line]:
    """Of all passages."""
    return [line for one in (await account(world, key)).passages for line in passage_in_words(one, MOMENTS)]


async def line(world: World, where: str, key: str = "c0") -> Line:
    """The last one that is told of that place."""
    return [line for line in await lines(world, key) if line.where == where][-1]


async def missing(world: World, journey: str, key: str = "c0") -> list[Line]:
    customer = (await account(world, key)).customer
    async with world.store.reading() as connection:
        found = await absence(connection, world.programme, customer, journey, world.now)
    assert found is not None
    return absence_in_words(found, MOMENTS)


async def send(world: World, *keys: str, name: str = "sends") -> None:
    await world.enter(*(keys or ("c0",)), name=f"began-{name}")


BRANCH = """
    journey: ways
    enter: {event: began}
    steps:
      - branch:
          - when:
              all:
                - {attribute: tier, in: [gold, platinum]}
                - {event: ordered, within: 7 days, count: {at_least: 2}}
            then: [{update: {way: 1}}]
          - when: {any: [{trigger: {total: {at_least: 10}}}, {not: {consent: email}}]}
            then: [{update: {tier: none}}]
"""


@pytest.mark.parametrize(
    ("tier", "orders", "total", "said"),
    [
        (
            "gold", 2, 1,
            "took arm 1 of 2: tier is gold or platinum and at least 2 times ordered within 7 days",
        ),
        ("gold", 1, 10, "took arm 2 of 2: at entry, total is at least 10 or not (consents to e-mail)"),
        (None, 2, 1, "none of the 2 conditions held, so it went on under otherwise"),
    ],
)  # fmt: skip
async def test_a_branch_tells_what_it_saw_then_and_not_what_is_now(
    world: World, tier: str | None, orders: int, total: int, said: str
) -> None:
    await world.apply(BRANCH)
    await world.customers("c0", tier=tier)
    for _ in range(orders):
        await world.happen("ordered", "c0")
    await world.happen("began", "c0", total=total)
    await world.route()
    await world.customers("c0", consents={}, tier="bronze")
    await world.happen("ordered", *["c0"] * 3)
    told = await line(world, "steps/0")
    assert (told.text.replace("no consent to e-mail", "not (consents to e-mail)"), told.because) == (
        said,
        [
            "attribute tier was " + (f'"{tier}"' if tier else "missing"),
            f"event ordered within 7 days, count was {orders}",
            f"trigger total was {total}",
            'consent email was "granted"',
        ],
    )


async def test_everyone_has_their_own_values_and_a_retried_leg_doubles_none(
    world: World,
) -> None:
    await world.apply(BRANCH)
    for number, key in enumerate(keys(5)):
        await world.customers(key, tier=f"t{number}")
    await world.enter(*keys(5))
    before = await world.rows(select(observations).order_by(observations.c.enrollment_id))
    assert [row.facts[0] for row in before] == [["attribute tier", f"t{number}"] for number in range(5)]
    world.now += timedelta(hours=1)
    await travel(world.store, world.programme, first_leg(1, 5, world.now))
    assert await world.rows(select(observations).order_by(observations.c.enrollment_id)) == before


async def test_what_was_seen_is_exported_and_erased(world: World) -> None:
    await world.apply(BRANCH)
    await world.customers("c0", "c1", tier="topaz")
    await world.enter("c0", "c1")
    exported = await rights.export(world.store, "c0", "test", world.now)
    assert exported is not None
    assert exported["observations"][0]["facts"][0] == ["attribute tier", "topaz"]
    assert await rights.erase(world.store, "c0", "test", world.now)
    assert [row.enrollment_id for row in await world.rows(select(observations))] == [1001]
    assert await why(world.store, world.programme, "c0") is None
    assert (await line(world, "steps/0", "c1")).because[0] == 'attribute tier was "topaz"'


ROUND = """
    journey: round
    enter: {event: began, where: {total: {at_least: 5}}, when: {attribute: tier, exists: true}}
    exit: [{event: stopped, where: {how: {is: loud}}}, {when: {attribute: tier, is: none}}]
    goal: {event: reviewed, value: stars}
    steps:
      - wait: {until: "18:00"}
      - wait: {until: {attribute: renewal, at: "09:00"}}
      - id: review
        wait_for: {event: reviewed, timeout: 2 days}
      - update: {points: {add: 1}}
      - journey: next
      - wait: 30 days
"""
NEXT = """
    journey: next
    enter: {manual: true}
    steps: [{wait: 1 day}]
"""


async def test_a_passage_from_what_began_it_to_what_ended_it(world: World) -> None:
    await world.apply(ROUND, NEXT)
    await world.customers("c0", tier="gold", timezone="Asia/Tokyo")
    await world.happen("stopped", "c0", how="loud")  # before, if only by a moment
    await world.happen("began", "c0", total=7)
    await world.route()
    world.now = datetime(2031, 5, 8, 9, tzinfo=UTC)
    await world.travel(1, 1, step=0)
    world.now += timedelta(hours=1)
    await world.happen("reviewed", "c0", stars=4)
    await world.route()
    at = int(world.now.timestamp() * 1000)
    await travel(world.store, world.programme, LegRequest(1, 2, at, [Arrival(2, "1", [[0, 3]])]))
    await world.route()
    world.now += timedelta(hours=1)
    await world.happen("stopped", "c0", how="quietly")
    await world.happen("stopped", "c0", how="loud")
    await world.route()
    tokyo = Moments(ZoneInfo((await account(world)).zone))
    first, second = (await account(world)).passages
    assert [(line.where, line.text, line.because) for line in passage_in_words(first, tokyo)] == [
        (
            "enter",
            "entered by the event began (number 2, id e2) of 2031-05-07 12:00:00 (21:00)",
            ["its total is 7", "this held then: tier is known"],
        ),
        ("steps/0", "Wait until 18:00, so until 2031-05-08 09:00:00 (18:00)", []),
        ("steps/1", "the attribute renewal is missing, so it goes on at once", []),
        ("review", "Wait for reviewed until 2031-05-10 09:00:00 (18:00) at the latest", []),
        (
            "review",
            "the event reviewed (number 3, id e3) of 2031-05-08 10:00:00 (19:00) came",
            ["its stars is 4"],
        ),
        ("steps/3", "Add 1 to points", []),
        ("steps/4", "asked for entry into next", []),
        ("steps/5", "Wait 30 days, so until 2031-06-07 10:00:00 (19:00)", []),
        ("goal", "reached the goal, worth 4", []),
        (
            "exit/0",
            "left, since the event stopped (number 6, id e5) of 2031-05-08 11:00:00 (20:00) came",
            ['its how is "loud"'],
        ),
    ]
    assert passage_in_words(second, tokyo)[0].text == "handed over by the journey round"


async def test_who_waited_in_vain_and_came_to_the_end(world: World) -> None:
    steps = "steps: [{wait_for: {event: reviewed, timeout: 2 days}}]"
    await world.apply(f"\n    journey: vain\n    enter: {{event: began}}\n    {steps}\n")
    await world.customers("c0")
    await world.enter("c0")
    world.now += timedelta(days=2)
    await world.travel(1, 1, step=0)
    assert [line.text for line in await lines(world)][2:] == [
        "reviewed did not come within 2 days",
        "came to the end",
    ]


async def test_an_exit_by_condition_and_a_failure(world: World) -> None:
    await world.apply(ROUND, NEXT)
    await world.customers("c0", "c1", tier="gold", points="many")
    await world.happen("began", "c0", "c1", total=7)
    await world.route()
    await world.customers("c0", tier="none")
    world.now = datetime(2031, 5, 7, 18, tzinfo=UTC)
    await world.travel(1, 1, step=0, size=2)
    world.now += timedelta(days=2)
    await world.travel(1, 2, step=2, size=2)
    left = await line(world, "exit/1")
    assert left.text == "left, since this held: tier is none"
    assert (await line(world, "end", "c1")).text == "failed: steps/3: the attribute to add to is not a number"


async def test_experiments_are_decided_by_the_customers_id(world: World) -> None:
    experiment = "experiment: {name: half, holdout: 50%, variants: {plain: {share: 50%, steps: []}}}"
    await world.apply(f"\n    journey: half\n    enter: {{event: began}}\n    steps: [{{{experiment}}}]\n")
    await world.customers(*keys(20))
    await world.enter(*keys(20))
    texts = {(await line(world, "steps/0", key)).text for key in keys(20)}
    assert texts == {
        "experiment half: the customer's id falls to the holdout; this is the end",
        "experiment half: the customer's id falls to the variant plain",
    }


@pytest.mark.parametrize(
    ("enter", "text"),
    [
        (
            "{date: {attribute: birthday, at: '09:00', yearly: true}}",
            "entered every year on the date in birthday, at 09:00; this time it was 2031-05-08",
        ),
        ("{segment: gold}", "entered, as who joins the segment gold"),
        (
            "{schedule: '0 12 * * *'}",
            "entered on the schedule 0 12 * * *; this time it was 2031-05-08T12:00:00+00:00",
        ),
    ],
)
async def test_entries_without_an_event(world: World, enter: str, text: str) -> None:
    from journeyflow.engine.sweep import sweep

    journey = f"\n    journey: swept\n    enter: {enter}\n    steps: [{{wait: 1 day}}]\n"
    await world.apply(journey, segments="gold: {attribute: tier, is: gold}\n")
    await world.customers("c0", tier="gold", birthday="1999-05-08")
    world.now += timedelta(days=1)
    await sweep(world.store, world.programme, lambda: world.now)
    await world.refresh()
    told = (await line(world, "enter")).text
    assert told == text


CAP = POLICY + "    caps: [{channel: sms, category: marketing, at_most: 1, per: 7 days}]\n"


async def test_a_full_cap_with_what_filled_it_and_when_there_is_room(world: World, tmp_path: Path) -> None:
    await world.apply(sends(), sends("welcome"), policy=CAP)
    await world.customers("c0")
    await send(world, name="welcome")
    await world.deliver(Outbox(tmp_path), name="sms")
    world.now += timedelta(days=1)
    await send(world)
    told = await line(world, "steps/1")
    assert told.text == "message 2, SMS sends: dropped by cap"
    assert told.because == [
        "the cap of at most 1 marketing SMS per 7 days was full",
        f"filled by message 1 (SMS welcome of welcome, sent {NOON})",
        "there is room from 2031-05-14 12:00:00 (12:00)",
    ]


async def test_held_by_a_cap_and_then_sent(world: World, tmp_path: Path) -> None:
    waiting = sends().replace("{sms: sends}", "{sms: sends, if_capped: wait up to 9 days}")
    await world.apply(waiting, sends("welcome"), policy=CAP)
    await world.customers("c0")
    await send(world, name="welcome")
    await world.deliver(Outbox(tmp_path), name="sms")
    await send(world)
    held = await line(world, "steps/1")
    assert held.text == "message 2, SMS sends: held until 2031-05-14 12:00:00 (12:00) by cap"
    assert held.because[0] == "the cap of at most 1 marketing SMS per 7 days was full"
    world.now += timedelta(days=7)
    await world.travel(2, 1, step=1)
    await world.deliver(Outbox(tmp_path), cohort=2, leg=1, name="sms")
    *_, before, after = [told for told in await lines(world) if told.where == "steps/1"]
    assert before.text.startswith("SMS sends: held until 2031-05-14")
    assert after.text == "message 2, SMS sends: queued"
    assert after.because == ["sent 2031-05-14 12:00:00 (12:00), number 2.txt there"]


async def test_a_full_cap_that_ends_the_journey(world: World) -> None:
    leaving = sends().replace("{sms: sends}", "{sms: sends, if_capped: exit}")
    await world.apply(leaving, sends("welcome"), policy=CAP)
    await world.customers("c0")
    await send(world, name="welcome")
    await send(world)
    assert [told.text for told in await lines(world)][-1] == (
        "left, since a cap was full and this send says: if_capped: exit"
    )


async def test_outranked(world: World, tmp_path: Path) -> None:
    low, high = sends("low").replace("enter:", "priority: 50\n    enter:", 1), sends("high")
    await world.apply(low, high.replace("enter:", "priority: 80\n    enter:", 1), policy=CAP)
    await world.customers("c0")
    await send(world, name="low")
    await send(world, name="high")
    told = (await account(world)).passages[0]
    [gate] = [line for line in passage_in_words(told, MOMENTS) if line.where == "steps/1"]
    assert gate.because == [
        "outranked by high (priority 80 against 50) under the cap of at most 1 marketing SMS per 7 days: "
        f"message 2 (SMS high of high, queued {NOON})",
        "asks for room again when it is handed over",
    ]
    await world.deliver(Outbox(tmp_path), cohort=2, name="sms")
    await world.deliver(Outbox(tmp_path), cohort=1, name="sms")
    [gate] = [
        line
        for line in passage_in_words((await account(world)).passages[0], MOMENTS)
        if line.where == "steps/1"
    ]
    assert gate.because[1:] == [
        "when it was handed over, no room had come free",
        "cancelled before it was handed over",
    ]


async def opt_out(world: World, topic: str = "", channel: str = "sms", source: str = "one-click") -> None:
    async with world.store.writing() as connection:
        policy = await world.programme.policy(connection)
        denied = [Choice(channel, topic, "denied")]
        await decide(connection, policy, 1, denied, Basis(source, "customer"), world.now)


async def test_no_consent_names_the_decision_that_held_then(world: World) -> None:
    topics = POLICY + "    topics: {news: News, tips: Tips}\n"
    about = sends().replace("category: marketing", "category: marketing\n    topic: news")
    await world.apply(about, policy=topics)
    await world.customers("c0")
    await world.customers("c1", consents={})
    await opt_out(world, "tips")
    await opt_out(world, "news")
    world.now += timedelta(hours=1)
    await send(world, "c0", "c1")
    world.now += timedelta(hours=1)
    async with world.store.writing() as connection:
        policy, page = await world.programme.policy(connection), Basis("page", "customer")
        for again in (Choice("sms", "news", "granted"), Choice("sms", "news", "denied")):
            await decide(connection, policy, 1, [again], page, world.now)
    assert (await line(world, "steps/1")).because == [
        f"no consent to SMS about news: denied {NOON} by one-click (customer), for news"
    ]
    assert (await line(world, "steps/1", "c1")).because == [
        "no consent to SMS about news: nobody has decided on it"
    ]


async def test_consent_withdrawn_after_the_message_was_queued(world: World) -> None:
    await world.apply(sends())
    await world.customers("c0")
    await send(world)
    world.now += timedelta(minutes=1)
    await opt_out(world, source="sms")
    assert (await line(world, "steps/1")).because == [
        "no consent to SMS: denied 2031-05-07 12:01:00 (12:01) by sms (customer), for the channel as a whole",
        "cancelled before it was handed over",
    ]


async def test_suppressed_then_and_lifted_since(world: World) -> None:
    await world.apply(sends())
    await world.customers("c0")
    [(phone,)] = await world.rows(select(customers.c.phone))
    async with world.store.writing() as connection:
        await suppress(connection, "sms", [phone], "unknown-number", world.now)
    await send(world)
    told = await line(world, "steps/1")
    assert told.because == [f"the telephone number is suppressed: unknown-number, {NOON}"]
    async with world.store.writing() as connection:
        await lift(connection, "sms", phone)
    told = await line(world, "steps/1")
    assert told.because == ["nothing was sent to the telephone number then; it is not suppressed now"]


async def test_no_address(world: World) -> None:
    await world.apply(sends())
    await world.customers("c0", phone=None)
    await send(world)
    assert (await line(world, "steps/1")).because == ["the customer had no telephone number"]


async def test_quiet_hours_and_until_when(world: World) -> None:
    hours = '    quiet_hours: [{channel: sms, from: "21:00", to: "08:00", days: [mon, wed], country: JP}]\n'
    await world.apply(sends(), policy=POLICY + hours)
    await world.customers("c0", timezone="Asia/Tokyo", country="JP")
    await send(world)
    tokyo = Moments(ZoneInfo("Asia/Tokyo"))
    [passage] = (await account(world)).passages
    told = passage_in_words(passage, tokyo)[-1]
    assert (
        told.text == "message 1, SMS sends: held until 2031-05-07 23:00:00 (2031-05-08 08:00) by quiet-hours"
    )
    assert told.because == ["quiet hours from 21:00 to 08:00 on Mon, Wed in JP"]
    assert (passage.resting, passage.wake_at) == ("steps/1", datetime(2031, 5, 7, 23, tzinfo=UTC))


async def test_a_closed_send_window(world: World) -> None:
    await world.apply(sends(), policy=POLICY + '    send_windows: [{from: "14:00", to: "16:00"}]\n')
    await world.customers("c0")
    await send(world)
    assert (await line(world, "steps/1")).because == [
        "no send window was open; the next opens 2031-05-07 14:00:00 (14:00)"
    ]


async def test_quiet_hours_that_begin_before_it_is_handed_over(world: World, tmp_path: Path) -> None:
    await world.apply(sends(), policy=POLICY + '    quiet_hours: [{from: "13:00", to: "08:00"}]\n')
    await world.customers("c0")
    await send(world)
    world.now += timedelta(hours=2)
    with pytest.raises(Exception, match="quiet-hours"):
        await world.deliver(Outbox(tmp_path), name="sms")
    assert (await line(world, "steps/1")).because == ["quiet hours from 13:00 to 08:00"]


async def test_a_passage_left_before_the_message_was_handed_over(world: World, tmp_path: Path) -> None:
    leaving = sends().replace("steps:", "exit: [{event: stopped}]\n    steps:")
    await world.apply(leaving.rstrip() + "\n      - wait: 1 day\n")
    await world.customers("c0")
    await send(world)
    await world.enter("c0", name="stopped")
    await world.deliver(Outbox(tmp_path), name="sms")
    assert (await line(world, "steps/1")).because == [
        "the passage was left, or an exit rule held, before it was handed over",
        "cancelled before it was handed over",
    ]


@pytest.mark.parametrize(
    ("outcome", "because"),
    [
        (Rejected("550", "no such user"), "failed: rejected: 550"),
        (
            Ambiguous("timeout"),
            f"handed over {NOON} at the latest; nobody can say whether it arrived (timeout)",
        ),
    ],
)
async def test_what_the_provider_said(world: World, outcome: Any, because: str) -> None:
    await world.apply(sends())
    await world.customers("c0")
    await send(world)
    assert (await line(world, "steps/1")).because == ["waits to be handed over"]
    await world.deliver(Recorder(1, outcome), name="sms")
    assert (await line(world, "steps/1")).because == [because]


async def test_what_the_provider_reports(world: World) -> None:
    await world.apply(sends())
    await world.customers("c0")
    await send(world)
    await world.deliver(Recorder(1, Accepted("SM1")), name="sms")
    async with world.store.writing() as connection:
        await tell(connection, [Told("key", 1, "bounced", world.now, world.now, detail={"code": "550"})])
    await handle(world.store, world.programme, world.now)
    assert (await line(world, "steps/1")).because == [f"sent {NOON}, number SM1 there", "it came back: 550"]


async def test_one_message_from_what_began_it_to_what_became_of_it(world: World, tmp_path: Path) -> None:
    first = "- branch: [{when: {consent: sms}, then: [{send: {email: first}}]}]"
    await world.apply(sends(first=first))
    await world.customers("c0")
    await send(world)
    await world.deliver(Outbox(tmp_path), name="sms")
    [passage] = (await account(world)).passages
    email, sms = passage.messages
    assert [(told.where, told.text) for told in message_in_words(passage, sms, MOMENTS)] == [
        ("enter", f"entered by the event began-sends (number 1, id e1) of {NOON}"),
        ("steps/0", "Set sends to true"),
        ("steps/1", "took arm 1 of 1: consents to SMS"),
        ("steps/1/arms/0/then/0", "E-mail first: queued"),
        ("steps/2", "message 2, SMS sends: queued"),
    ]
    assert message_in_words(passage, sms, MOMENTS)[-1].because == [f"sent {NOON}, number 2.txt there"]
    assert message_in_words(passage, email, MOMENTS)[-1].where == "steps/1/arms/0/then/0"


WIN_BACK = """
    journey: win-back
    enter:
      event: began
      where: {total: {at_least: 5}}
      when:
        all: [{attribute: tier, is: gold}, {any: [{consent: email}, {attribute: points, at_least: 100}]}]
    steps: [{update: {won: true}}]
"""


async def causes(world: World, journey: str = "win-back") -> list[tuple[str, str]]:
    return [(told.where, told.text) for told in await missing(world, journey)]


async def test_not_in_a_journey_since_the_customer_never_did_what_brings_in(world: World) -> None:
    await world.apply(WIN_BACK)
    await world.customers("c0")
    brings = "began (total is at least 5)"
    assert await causes(world) == [("never-did", f"the customer never did what brings in: {brings}")]
    await world.enter("c0")
    began = f"the event began (number 1, id e1) of {NOON}"
    assert await causes(world) == [("where", f"{began} came, but is not what brings in: {brings}")]
    await world.happen("began", "c0", total=5)
    began = f"the event began (number 2, id e2) of {NOON}"
    assert await causes(world) == [("not-routed", f"{began} has yet to be looked at; is a worker running?")]


async def test_not_in_a_journey_since_the_customer_is_not_who_it_asks_for_part_by_part(world: World) -> None:
    await world.apply(WIN_BACK)
    await world.customers("c0", consents={}, tier="gold")
    await world.happen("began", "c0", total=7)
    await world.route()
    [told] = await missing(world, "win-back")
    assert told.where == "when"
    assert told.because == [
        'tier is gold: holds (attribute tier is "gold")',
        "consents to e-mail or points is at least 100: does not hold "
        '(consent email is "none", attribute points is missing)',
    ]


async def test_not_in_a_journey_that_was_not_there_or_for_too_old_an_event(world: World) -> None:
    await world.customers("c0", tier="gold")
    await world.happen("began", "c0", total=7)
    await world.apply(BRANCH.replace("began", "other"))
    await world.route()
    world.now += timedelta(hours=1)
    await world.apply(WIN_BACK)
    assert [why for why, _ in await causes(world)] == ["not-in-force"]
    await world.happen("began", "c0", total=7, at=world.now - timedelta(days=2))
    await world.route()
    assert [why for why, _ in await causes(world)] == ["too-old"]


async def test_not_in_a_journey_again(world: World) -> None:
    await world.apply(WIN_BACK)
    await world.customers("c0", tier="gold")
    await world.happen("began", "c0", total=7)
    await world.route()
    began = f"the event began (number 1, id e1) of {NOON}"
    told = f"{began} brought the customer in, {NOON}, and none has come since"
    assert await causes(world) == [("entered", told)]
    await world.happen("began", "c0", total=7)
    await world.route()
    assert await causes(world) == [("again", f"customers enter once only, and the customer entered {NOON}")]
    await world.apply(WIN_BACK.replace("event: began", "event: began\n      again: after 3 days"))
    world.now += timedelta(days=1)
    await world.happen("began", "c0", total=7)
    await world.route()
    text = f"customers enter again after 3 days at the soonest, and the customer entered {NOON}"
    assert await causes(world) == [("again", text)]


async def test_not_in_a_journey_since_the_customer_was_inside_when_it_came(world: World) -> None:
    steps = "steps: [{wait: 1 day}]"
    await world.apply(f"\n    journey: often\n    enter: {{event: began, again: always}}\n    {steps}\n")
    await world.customers("c0")
    await world.enter("c0")
    world.now += timedelta(hours=1)
    await world.enter("c0")
    world.now += timedelta(days=1)
    await world.travel(1, 1, step=0)
    assert await causes(world, "often") == [("inside", f"the customer was inside already, since {NOON}")]


async def test_not_in_a_journey_whose_file_is_gone(world: World) -> None:
    await world.apply(WIN_BACK, NEXT)
    await world.customers("c0")
    (world.folder / "journeys/win-back.yaml").unlink()
    await world.apply(NEXT)
    assert (await causes(world))[0] == ("disabled", "the journey takes nobody in: its file is gone")
    assert await causes(world, "next") == [
        ("asked-for", "nobody asked for it, and nothing else brings customers in")
    ]


@pytest.mark.parametrize(
    ("enter", "expected"),
    [
        (
            "{segment: gold}",
            ("segment", "the customer is not in it now: joins the segment gold",
             ['tier is gold: does not hold (attribute tier is "silver")']),
        ),
        (
            "{date: {attribute: birthday, at: '09:00'}}",
            ("date", "the date it waits for is missing: on the date in birthday, at 09:00", []),
        ),
        (
            "{schedule: '0 12 * * *', when: {attribute: tier, is: gold}}",
            ("when", "what it asks of a customer does not hold now: tier is gold",
             ['tier is gold: does not hold (attribute tier is "silver")']),
        ),
    ],
)  # fmt: skip
async def test_not_swept_into_a_journey(world: World, enter: str, expected: tuple[Any, ...]) -> None:
    journey = f"\n    journey: swept\n    enter: {enter}\n    steps: [{{wait: 1 day}}]\n"
    await world.apply(journey, segments="gold: {attribute: tier, is: gold}\n")
    await world.customers("c0", tier="silver")
    [told] = await missing(world, "swept")
    assert (told.where, told.text, told.because) == expected


async def test_nothing_is_missing_for_who_is_inside_and_a_journey_has_to_be_one(world: World) -> None:
    await world.apply(NEXT)
    await world.customers("c0")
    async with world.store.reading() as connection:
        with pytest.raises(JourneyflowError, match='no journey is called "nxt"; applied are: next'):
            await absence(connection, world.programme, 1, "nxt", world.now)


async def test_messages_are_told_after_the_trail_was_purged(world: World, tmp_path: Path) -> None:
    await world.apply(sends())
    await world.customers("c0")
    await send(world)
    await world.deliver(Outbox(tmp_path), name="sms")
    async with world.store.writing() as connection:
        await connection.execute(update(legs).values(trail=[], arrivals=[]))
    [passage] = (await account(world)).passages
    expected = ("steps/1", "message 1, SMS sends: sent", [f"sent {NOON}, number 1.txt there"])
    for all_of_it in (
        passage_in_words(passage, MOMENTS),
        message_in_words(passage, passage.messages[0], MOMENTS),
    ):
        told = all_of_it[1]
        assert (told.where, told.text, told.because) == expected


async def test_events_that_were_purged_are_said_to_be(world: World) -> None:
    await world.apply(NEXT, BRANCH)
    await world.customers("c0")
    await world.enter("c0")
    async with world.store.writing() as connection:
        await connection.execute(update(enrollments).values(event_id=None))
        await connection.execute(delete(events))
    assert (await line(world, "enter")).text == "entered by an event that has been purged"
