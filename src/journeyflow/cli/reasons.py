"""Reasons in plain words: what `engine.why` found, as lines to be read."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from journeyflow.cli.fate import Moments, became, stopped_by
from journeyflow.conditions import ALWAYS
from journeyflow.engine.explaining.absence import Absence, Cause
from journeyflow.engine.explaining.happenings import Happening
from journeyflow.engine.explaining.messages import Fate
from journeyflow.engine.explaining.parts import Part
from journeyflow.engine.timeline import HABITS, NO_REST
from journeyflow.engine.why import Decision, Ending, Passage
from journeyflow.language.durations import in_words
from journeyflow.plan import (
    Branch,
    HandOver,
    Plan,
    Send,
    Split,
    Step,
    WaitBestTime,
    WaitFor,
    WaitUntilDate,
    Webhook,
)
from journeyflow.preview.words import (
    channel,
    condition_in_words,
    entry_in_words,
    events_in_words,
    step_in_words,
)


@dataclass(frozen=True, slots=True)
class Line:
    at: datetime
    where: str  # the step's path, or a part of the journey
    text: str
    because: list[str] = field(default_factory=list)


def passage_in_words(passage: Passage, moments: Moments) -> list[Line]:
    """In order of time; each message is told where the gate last decided on it."""
    fates = {fate.step: fate for fate in passage.messages}
    last = {decision.step: number for number, decision in enumerate(passage.decisions)}
    lines = [_beginning(passage, moments)]
    for number, decision in enumerate(passage.decisions):
        fate = fates.get(decision.step) if last[decision.step] == number else None
        lines.append(_decision(passage.plan, decision, fate, moments))
    lines += [_alone(passage.plan, fate, moments) for fate in passage.messages if fate.step not in last]
    if passage.goal_at is not None:
        worth = "" if passage.goal_value is None else f", worth {passage.goal_value:g}"
        lines.append(Line(passage.goal_at, "goal", f"reached the goal{worth}"))
    if passage.ending is not None:
        lines.append(_ending(passage.ending, moments))
    return sorted(lines, key=lambda line: line.at)


def message_in_words(passage: Passage, fate: Fate, moments: Moments) -> list[Line]:
    """From what began the passage to what became of this message."""
    asked = [number for number, one in enumerate(passage.decisions) if one.step == fate.step]
    if not asked:
        return [_beginning(passage, moments), _alone(passage.plan, fate, moments)]
    before = passage.decisions[: asked[-1]]
    lines = [_decision(passage.plan, decision, None, moments) for decision in before]
    last = _decision(passage.plan, passage.decisions[asked[-1]], fate, moments)
    return [_beginning(passage, moments), *lines, last]


def absence_in_words(absence: Absence, moments: Moments) -> list[Line]:
    return [_cause(absence.plan, cause, moments) for cause in absence.causes]


def _beginning(passage: Passage, moments: Moments) -> Line:
    began, plan = passage.beginning, passage.plan
    match began.how:
        case "hand-over":
            text = f"handed over by the journey {began.handed_over_by}"
        case "hand":
            text = "entered by hand"
        case "event":
            text = f"entered by {_event(began.event, moments)}"
        case "segment":
            text = f"entered, as who {entry_in_words(plan.enter)}"
        case _:
            text = f"entered {entry_in_words(plan.enter)}; this time it was {began.occasion}"
    because = _properties(began.event) if began.how == "event" else []
    if plan.when != ALWAYS:
        because.append(f"this held then: {condition_in_words(plan.when)}")
    return Line(passage.entered_at, "enter", text, because)


def _decision(plan: Plan, decision: Decision, fate: Fate | None, moments: Moments) -> Line:
    step = plan.steps[decision.step]
    until = f" until {moments.told(decision.until)}" if decision.until else ""
    because: list[str] = []
    match step:
        case Branch():
            text = _arm(step, decision)
            because = [f"{asked} was {value(was)}" for asked, was in decision.facts]
        case WaitBestTime():
            habit = HABITS[decision.detail["how"]].format(decision.detail["hour"])
            text = f"{_done(step, decision, until)}; {habit}"
            because = [f"how often the customer acted {when}: {times}" for when, times in decision.facts]
        case WaitFor() if decision.what == "event":
            text = f"{_event(decision.event, moments)} came"
            because = _properties(decision.event)
        case Send() | Webhook():
            text, because = _asked_gate(step, decision, until, fate, moments)
        case _:
            text = _done(step, decision, until)
    return Line(decision.at, decision.path, text, because)


def _done(step: Step, decision: Decision, until: str) -> str:
    match step:
        case WaitFor() if decision.what == "timeout":
            return f"{events_in_words(step.events)} did not come within {in_words(step.timeout)}"
        case WaitFor():
            return f"Wait for {events_in_words(step.events)}{until} at the latest"
        case WaitUntilDate() if decision.what == "goes_on":
            return NO_REST[decision.detail["reason"]].format(step.attribute)
        case Split():
            return f"experiment {step.experiment}: {_arm_of_split(decision)}"
        case HandOver():
            return f"asked for entry into {step.journey}"
        case _:
            return f"{step_in_words(step)}{f', so{until}' if until else ''}"


def _arm_of_split(decision: Decision) -> str:
    is_holdout = decision.what == "holdout"
    arm = "holdout" if is_holdout else f"variant {decision.detail['name']}"
    end = "; this is the end" if is_holdout else ""
    if decision.what == "winner":
        return f"the {arm} has won and takes everybody who is new"
    if decision.detail.get("kept"):
        return f"the customer stays with the {arm} of an earlier passage{end}"
    return f"the customer's id falls to the {arm}{end}"


def _asked_gate(
    step: Send | Webhook, decision: Decision, until: str, fate: Fate | None, moments: Moments
) -> tuple[str, list[str]]:
    reason = decision.detail.get("reason")
    name = f"message {fate.id}, {channel(step.channel)} {step.template}" if fate else step_in_words(step)
    text = f"{name}: {decision.what}{until}{f' by {reason}' if reason else ''}"
    return text, _rest(fate, moments) if fate else []


def _alone(plan: Plan, fate: Fate, moments: Moments) -> Line:
    """A message of which only the ledger knows: retention takes the trails of passages that it leaves."""
    text = f"message {fate.id}, {channel(fate.channel)} {fate.template}: {fate.state}"
    return Line(fate.at, plan.steps[fate.step].path, text, _rest(fate, moments))


def _rest(fate: Fate, moments: Moments) -> list[str]:
    return [*stopped_by(fate, moments), *became(fate, moments)]


def _arm(step: Branch, decision: Decision) -> str:
    number = len(step.arms)
    if decision.condition is None:
        only = "the condition did not hold" if number == 1 else f"none of the {number} conditions held"
        return f"{only}, so it went on under otherwise"
    return f"took arm {decision.detail['arm'] + 1} of {number}: {condition_in_words(decision.condition)}"


def _ending(ending: Ending, moments: Moments) -> Line:
    rule, reason = ending.rule, ending.reason or ""
    if rule is None and reason.endswith(": cap"):
        where = reason.removesuffix(": cap")
        return Line(ending.at, where, "left, since a cap was full and this send says: if_capped: exit")
    if rule is None and reason == "merged":
        return Line(ending.at, "end", "left, since two passages turned out to be one customer's")
    if rule is None:
        return Line(ending.at, "end", f"{ending.state}: {reason}" if reason else "came to the end")
    if rule.when is not None:
        text = f"left, since this held: {condition_in_words(rule.when)}"
        return Line(ending.at, rule.path, text, ["what its values were is not kept"])
    if rule.leaves is not None:
        return Line(ending.at, rule.path, f"left, as who leaves the segment {rule.leaves}")
    text = f"left, since {_event(ending.event, moments)} came"
    return Line(ending.at, rule.path, text, _properties(ending.event))


def _cause(plan: Plan, cause: Cause, moments: Moments) -> Line:
    at = cause.event.at if cause.event else cause.at or datetime.min.replace(tzinfo=UTC)
    event = _event(cause.event, moments) if cause.event else ""
    since = moments.told(cause.at) if cause.at else ""
    text = {
        "disabled": "the journey takes nobody in: its file is gone",
        "paused": f"the journey is paused since {since}, so nobody enters it",
        "never-did": f"the customer never did what brings in: {entry_in_words(plan.enter)}",
        "asked-for": "nobody asked for it, and nothing else brings customers in",
        "where": f"{event} came, but is not what brings in: {entry_in_words(plan.enter)}",
        "not-routed": f"{event} has yet to be looked at; is a worker running?",
        "not-in-force": f"{event} came before the journey was in force, which is since {since}",
        "too-old": f"{event} was too old when it was looked at, {since}",
        "entered": f"{event} brought the customer in, {since}, and none has come since",
        "inside": f"the customer was inside already, since {since}",
        "again": f"{_again(plan)}, and the customer entered {since}",
        "when": f"what it asks of a customer does not hold now: {condition_in_words(plan.when)}",
        "segment": f"the customer is not in it now: {entry_in_words(plan.enter)}",
        "date": f"the date it waits for is {value(cause.value)}: {entry_in_words(plan.enter)}",
    }[cause.why]
    details = _properties(cause.event) if cause.why == "where" else []
    return Line(at, cause.why, text, [*details, *parts_in_words(cause.parts)])


def _again(plan: Plan) -> str:
    if plan.again is None:
        return "customers enter once only"
    return f"customers enter again after {in_words(plan.again)} at the soonest"


def parts_in_words(parts: Iterable[Part]) -> Iterator[str]:
    for part in parts:
        holds = "holds" if part.holds else "does not hold"
        facts = ", ".join(f"{asked} is {value(was)}" for asked, was in part.facts)
        yield f"{condition_in_words(part.condition)}: {holds} ({facts})"


def _event(event: Happening | None, moments: Moments) -> str:
    if event is None:
        return "an event that has been purged"
    return f"the event {event.name} (number {event.id}, id {event.key}) of {moments.told(event.at)}"


def _properties(event: Happening | None) -> list[str]:
    return [f"its {name} is {value(given)}" for name, given in event.properties.items()] if event else []


def value(given: Any) -> str:
    """As JSON, but for what is missing and yes and no."""
    match given:
        case None:
            return "missing"
        case bool():
            return "yes" if given else "no"
        case str():
            return f'"{given}"'
        case _:
            return str(given)
