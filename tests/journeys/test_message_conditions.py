"""Branches and exits that look at what became of a message."""

from journeyflow.store.ledger import messages
from journeyflow.testing.travel import Trip
from tests.journeys.conftest import Apply, on_both_stores
from tests.journeys.reading import states, templates

JOURNEY = """
    journey: letters
    enter: {event: began}
    exit: [{when: {message: {template: hello, was: bounced}}}]
    steps:
      - send: {email: hello}
      - wait: 2 days
      - branch:
          - when: {message: {template: hello, was: opened, channel: email, within: 3 days}}
            then: [{send: {email: more}}]
          - when: {message: {template: hello, was: sent}}
            then: [{send: {email: again}}]
"""


@on_both_stores
async def test_what_a_reader_did_with_the_first_letter_decides_on_the_second(
    trip: Trip, apply: Apply
) -> None:
    await apply(JOURNEY)
    reported = {"ann": "opened", "ben": "clicked", "eve": "delivered", "joe": "sent", "liz": "bounced"}
    for key in [*reported, "tom"]:
        consent = "denied" if key == "tom" else "granted"
        await trip.customer(key, {"email": consent}, email=f"{key}@example.com")
    now = await trip.now()
    await trip.events((key, "began", now, {}) for key in [*reported, "tom"])
    for key, state in reported.items():  # as a provider's report does
        [letter] = await trip.messages(key)
        async with trip.store.writing() as connection:
            await connection.execute(messages.update().where(messages.c.id == letter.id).values(state=state))
    await trip.skip(days=2)
    got = {key: (await templates(trip, key))[-1:] for key in [*reported, "tom"]}
    assert got == {
        "ann": ["more"],
        "ben": ["more"],
        "eve": ["again"],
        "joe": ["again"],
        "liz": ["hello"],
        "tom": [],
    }
    assert await states(trip, "liz") == [("exited", "exit/0")]
    assert await states(trip, "tom") == [("finished", None)], "nothing was sent, so nothing was opened"


@on_both_stores
async def test_a_message_that_was_read_still_takes_its_room_in_a_cap(trip: Trip, apply: Apply) -> None:
    policy = """
        categories: {marketing: {}}
        caps: [{at_most: 1, per: 7 days}]
        senders: {email: {from: "Club <club@example.com>"}}
    """
    await apply(JOURNEY, policy=policy)
    await trip.customer("ann", {"email": "granted"}, email="ann@example.com")
    await trip.event("ann", "began")
    async with trip.store.writing() as connection:
        await connection.execute(messages.update().values(state="opened"))
    await trip.skip(days=2)
    [_, second] = await trip.messages("ann")
    assert (second.template, second.state, second.reason) == ("more", "dropped", "cap")
