"""The preference page's form: what it offers, and which choices a filled one amounts to."""

import hashlib
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from journeyflow.api.person import Person
from journeyflow.api.speech import Words
from journeyflow.audience.consent import WHOLE_CHANNEL, Choice, State
from journeyflow.policy import Policy

CHANNELS = ("email", "sms")  # that customers can be asked about, in the order of the page


@dataclass(frozen=True, slots=True)
class Offer:
    """One box to tick."""

    channel: str
    topic: str
    title: str
    about: str
    wording: str  # the whole sentence that ticking it says

    @property
    def name(self) -> str:
        """In the form."""
        return f"{self.channel}/{self.topic}"


@dataclass(frozen=True, slots=True)
class Wish:
    """A choice that changes something."""

    choice: Choice
    offer: Offer
    was_granted: bool  # so it need not be confirmed again


def offers(policy: Policy, words: Words, brand: str) -> list[Offer]:
    """Each channel that somebody sends on as a whole, followed by its topics."""
    return [
        offer
        for channel in CHANNELS
        if channel in policy.senders
        for offer in _of_channel(channel, policy, words, brand)
    ]


def by_channel(offered: list[Offer]) -> dict[str, list[Offer]]:
    channels = dict.fromkeys(offer.channel for offer in offered)
    return {channel: [one for one in offered if one.channel == channel] for channel in channels}


def wishes(
    person: Person, offered: list[Offer], shown: Collection[str], ticked: Collection[str]
) -> list[Wish]:
    """What differs from what holds. A box that the page did not show says nothing.

    An empty box refuses, also where nothing was ever said: a buyer might be written to without it.
    """
    asked = [offer for offer in offered if offer.name in shown]
    found: list[Wish] = []
    for offer in asked:
        before = person.holds(offer.channel, offer.topic)
        state = _asked_for(_after(person, offer, found), offer.name in ticked)
        if state is not None:
            choice = Choice(offer.channel, offer.topic, state)
            found.append(Wish(choice, offer, before == "granted"))
    return found


def version_of(wording: str) -> str:
    """The same for the same words, whenever they were shown."""
    return hashlib.sha256(wording.encode()).hexdigest()[:16]


def refusals(person: Person, policy: Policy) -> list[Choice]:
    """Of everything on every channel that anybody has used or may use."""
    channels = {*CHANNELS, *policy.senders, *(channel for channel, _ in person.consents)}
    return [Choice(channel, WHOLE_CHANNEL, "denied") for channel in sorted(channels - {"webhook"})]


def foreseen(choices: list[Choice], policy: Policy) -> list[Choice]:
    """What deciding on the choices would come to for somebody who has never been asked."""
    return [
        Choice(one.channel, one.topic, "pending")
        if one.state == "granted" and one.channel in policy.double_opt_in
        else one
        for one in choices
    ]


def _of_channel(channel: str, policy: Policy, words: Words, brand: str) -> Iterator[Offer]:
    wording = words.say(f"yes.{channel}", brand)
    yield Offer(channel, WHOLE_CHANNEL, wording, "", wording)
    for name, topic in policy.topics.items():
        title, about = words.pick(topic.title), words.pick(topic.about)
        yield Offer(channel, name, title, about, f"{wording}: {'. '.join(filter(None, (title, about)))}")


def _after(person: Person, offer: Offer, before: list[Wish]) -> State | None:
    """What would hold without this box: denying a channel takes its topics along."""
    whole = [wish.choice.state for wish in before if _is_whole(wish.choice, offer)]
    own = person.consents.get((offer.channel, offer.topic))
    if whole and offer.topic:
        return "denied" if whole[0] == "denied" else own or whole[0]
    return person.holds(offer.channel, offer.topic)


def _is_whole(choice: Choice, offer: Offer) -> bool:
    return (choice.channel, choice.topic) == (offer.channel, WHOLE_CHANNEL)


def _asked_for(holds: State | None, is_ticked: bool) -> State | None:
    """None: nothing is to be decided."""
    if is_ticked:
        return "granted" if holds in (None, "denied") else None
    return None if holds == "denied" else "denied"
