"""What the gate should do, said again in plain Python: lists and loops, nothing of the gate's own code."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from journeyflow.plan import Plan, Send
from journeyflow.policy import Cap, Policy, QuietHours

OPEN = ("queued", "outranked")
A_MOMENT = timedelta(minutes=1)  # for which any capped message waits
Key = tuple[int, int]  # enrollment and step


# Where a zone is, for whoever has no country of their own; only the countries that caps here name.
_HOME = {"Europe/Stockholm": "SE", "America/New_York": "US"}


@dataclass(frozen=True, slots=True)
class Person:
    id: int
    zone: ZoneInfo
    country: str | None


@dataclass(slots=True)
class Passage:
    enrollment: int
    person: Person
    plan: Plan
    leg: int = 0  # the next
    state: str = "active"
    rests_at: int | None = None
    until: datetime | None = None


@dataclass(slots=True)
class Message:
    key: Key
    person: Person
    plan: Plan
    send: Send
    leg: int
    at: datetime
    state: str
    reason: str | None = None
    left: datetime | None = None  # at the latest
    handed: datetime | None = None  # the last claim
    id: int = 0

    def row(self) -> tuple[str, str | None, datetime, datetime | None]:
        return self.state, self.reason, self.at, self.left


@dataclass(slots=True)
class Model:
    policy: Policy
    now: datetime
    consents: dict[tuple[int, str, str], str] = field(default_factory=dict)
    suppressed: set[tuple[int, str]] = field(default_factory=set)
    passages: dict[int, Passage] = field(default_factory=dict)
    messages: dict[Key, Message] = field(default_factory=dict)

    def consent(self, person: Person, channel: str, topic: str) -> str | None:
        whole = self.consents.get((person.id, channel, ""))
        return self.consents.get((person.id, channel, topic), whole)

    def decide(self, person: Person, channel: str, topic: str, state: str) -> None:
        holds = self.consent(person, channel, topic)
        if state == "denied":
            self.consents[person.id, channel, topic] = "denied"
            if not topic:
                for who, where, what in list(self.consents):
                    if (who, where) == (person.id, channel) and self.consents[who, where, what] != "denied":
                        del self.consents[who, where, what]
        elif holds != "granted":
            needs_more = state == "pending" or channel in self.policy.double_opt_in
            self.consents[person.id, channel, topic] = "pending" if needs_more else "granted"
        elif state == "granted":
            self.consents[person.id, channel, topic] = "granted"
        if state == "denied":
            for message in self.messages.values():
                if message.person == person and message.state in OPEN and self._lacks_consent(message):
                    message.state, message.reason = "cancelled", "consent"

    def enter(self, cohort: int, people: Iterable[Person], plan: Plan) -> None:
        for position, person in enumerate(people):
            enrollment = 1000 * cohort + position
            self.passages[enrollment] = Passage(enrollment, person, plan)

    def travel(self, cohort: int, leg: int) -> None:
        """Those of the cohort who are due go on."""
        travelling = [one for one in self.passages.values() if one.enrollment // 1000 == cohort]
        due = [one for one in travelling if one.state == "active" and (one.until or self.now) <= self.now]
        places = {one.enrollment: one.rests_at or 0 for one in due}
        for number, step in enumerate(due[0].plan.steps if due else ()):
            here = [one for one in due if places.get(one.enrollment) == number]
            if not isinstance(step, Send):
                for passage in here:
                    passage.state, passage.rests_at, passage.until = "finished", None, None
                continue
            # Consent and hours decide on everybody before the first one takes room.
            for passage in here:
                self._ask_first(passage, number, step, leg)
            for passage in here:
                self._ask_caps(passage, number)
                if passage.state == "active" and passage.until is None:
                    places[passage.enrollment] = step.next

    def claim(self, cohort: int, leg: int, channel: str) -> list[Message]:
        """Those that are being handed over from now on."""
        mine = [
            one
            for one in self.messages.values()
            if (one.key[0] // 1000, one.leg, one.send.channel) == (cohort, leg, channel) and one.state in OPEN
        ]
        asking = []
        for one in sorted(mine, key=lambda message: message.id):
            if self.passages[one.key[0]].state == "exited":
                one.state, one.reason = "cancelled", "exited"
            elif refused := self._refusal(one):
                one.state, one.reason = "cancelled", refused
            elif self._quiet_until(one) is not None:
                one.reason = "quiet-hours"
            else:
                asking.append(one)
        return [one for one in asking if self._claim(one)]

    def settle(self, message: Message, state: str, reason: str | None) -> None:
        message.state, message.reason = state, reason
        message.left = self.now if state in ("sent", "unknown") else None

    def _claim(self, one: Message) -> bool:
        if one.state == "outranked" and not self._is_exempt(one.plan.category):
            room_at = self._room_at(one)
            if room_at is not None:
                self._capped_at_claim(one, room_at)
                return False
        one.state, one.reason, one.handed = "sending", None, self.now
        return True

    def _capped_at_claim(self, one: Message, room_at: datetime) -> None:
        if room_at <= max(self.now, one.at + self._patience(one)) + A_MOMENT:
            one.reason = "cap"
            return
        one.state, one.reason = "cancelled", "cap"
        passage = self.passages[one.key[0]]
        if one.send.if_capped.do == "exit" and passage.state == "active":
            passage.state, passage.rests_at, passage.until = "exited", None, None

    def _ask_first(self, passage: Passage, number: int, send: Send, leg: int) -> None:
        key = (passage.enrollment, number)
        before = self.messages.get(key)
        first_asked = before.at if before is not None else self.now
        one = Message(key, passage.person, passage.plan, send, leg, self.now, "asking")
        self.messages[key] = one
        passage.rests_at, passage.until = None, None
        if reason := self._refusal(one):
            one.state, one.reason = "dropped", reason
        elif until := self._quiet_until(one):
            one.state, one.reason, one.at = "held", "quiet-hours", first_asked
            passage.rests_at, passage.until = number, until
        else:
            one.left = first_asked  # kept here until the caps are asked

    def _ask_caps(self, passage: Passage, number: int) -> None:
        one = self.messages[passage.enrollment, number]
        if one.state != "asking":
            return
        first_asked, one.left = one.left or self.now, None
        room_at = None if self._is_exempt(one.plan.category) else self._room_at(one)
        if room_at is None:
            one.state = "queued"
        elif room_at <= max(self.now, first_asked + self._patience(one)) + A_MOMENT:
            one.state, one.reason, one.at = "held", "cap", first_asked
            passage.rests_at, passage.until = number, room_at
        else:
            one.state, one.reason = "dropped", "cap"
            if one.send.if_capped.do == "exit":
                passage.state = "exited"

    def _room_at(self, one: Message) -> datetime | None:
        """None: there is room, perhaps since others have lost theirs."""
        caps = ((cap, self._inside(cap, one)) for cap in self._caps(one))
        full = [(cap, taking) for cap, taking in caps if len(taking) >= cap.at_most]
        losers: list[Message] = []
        for cap, taking in full:
            weaker = [other for other in taking if self._is_weaker(other, one)]
            if len(taking) - len(weaker) >= cap.at_most:
                return max(self._has_room(cap, taking, one) for cap, taking in full)
            weaker.sort(key=lambda other: (-other.plan.priority, other.id))
            # The lowest and newest, those that lose their place anyway counted first.
            while sum(other not in losers for other in taking) >= cap.at_most:
                losers.append(next(other for other in reversed(weaker) if other not in losers))
        for loser in losers:
            loser.state, loser.reason = "outranked", "outranked"
        return None

    def _is_weaker(self, other: Message, one: Message) -> bool:
        return other.state == "queued" and other.plan.priority < one.plan.priority

    def _caps(self, one: Message) -> list[Cap]:
        country = one.person.country or _HOME.get(one.person.zone.key)
        return [
            cap
            for cap in self.policy.caps
            if _fits(cap, one) and (cap.country is None or cap.country in (country, (country or "")[:2]))
        ]

    def _inside(self, cap: Cap, one: Message) -> list[Message]:
        return [
            other
            for other in self.messages.values()
            if other.person == one.person
            and other.state in ("queued", "sending", "sent", "unknown")
            and not self._is_exempt(other.plan.category)
            and _fits(cap, other)
            and self._counts(cap, other.left or self.now, one.person.zone)
        ]

    def _counts(self, cap: Cap, left: datetime, zone: ZoneInfo) -> bool:
        if isinstance(cap.per, int):
            return self.now - left < timedelta(seconds=cap.per)
        return _period(cap.per, left, zone) == _period(cap.per, self.now, zone)

    def _has_room(self, cap: Cap, taking: list[Message], one: Message) -> datetime:
        if isinstance(cap.per, int):
            times = sorted(other.left or self.now for other in taking)
            return times[-cap.at_most] + timedelta(seconds=cap.per)
        day, zone = self.now.astimezone(one.person.zone).date(), one.person.zone
        while _period(cap.per, _midnight(day, zone), zone) == _period(cap.per, self.now, zone):
            day += timedelta(days=1)
        return _midnight(day, zone)

    def _patience(self, one: Message) -> timedelta:
        return (
            timedelta(seconds=one.send.if_capped.up_to or 0)
            if one.send.if_capped.do == "wait"
            else timedelta(0)
        )

    def _refusal(self, one: Message) -> str | None:
        if (one.person.id, one.send.channel) in self.suppressed:
            return "suppressed"
        return "consent" if self._lacks_consent(one) else None

    def _lacks_consent(self, one: Message) -> bool:
        if self.policy.categories[one.plan.category].consent == "not-required":
            return False
        return self.consent(one.person, one.send.channel, one.plan.topic) != "granted"

    def _is_exempt(self, category: str) -> bool:
        return self.policy.categories[category].caps == "exempt"

    def _quiet_until(self, one: Message) -> datetime | None:
        if self.policy.categories[one.plan.category].quiet_hours == "exempt":
            return None
        rules = [
            rule
            for rule in self.policy.quiet_hours
            if rule.channel in (None, one.send.channel) and rule.category in (None, one.plan.category)
        ]
        moment = self.now
        while ends := [end for rule in rules if (end := _end(rule, moment, one.person.zone)) is not None]:
            moment = max(ends)
        return moment if moment > self.now else None


def _fits(cap: Cap, one: Message) -> bool:
    return (
        cap.channel in (None, one.send.channel)
        and cap.category in (None, one.plan.category)
        and cap.topic in (None, one.plan.topic)
        and cap.journey in (None, one.plan.journey)
    )


def _period(kind: str, moment: datetime, zone: ZoneInfo) -> str:
    return moment.astimezone(zone).strftime({"day": "%Y-%m-%d", "week": "%G-%V", "month": "%Y-%m"}[kind])


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time(0), zone).astimezone(UTC)


def _end(rule: QuietHours, now: datetime, zone: ZoneInfo) -> datetime | None:
    """Of hours that pass midnight, and begin and end when no clock is changed. None: they do not hold."""
    local = now.astimezone(zone)
    start, end = time.fromisoformat(rule.start), time.fromisoformat(rule.end)
    if end <= local.time() < start:
        return None
    day = local.date() + timedelta(days=local.time() >= start)
    return datetime.combine(day, end, zone).astimezone(UTC)
