"""Plans in a marketer's words: steps, conditions, entries, durations."""

from collections.abc import Iterable
from itertools import groupby
from typing import assert_never

from journeyflow.conditions import (
    ALWAYS,
    All,
    Any,
    Attribute,
    Condition,
    Consent,
    EventMatch,
    History,
    InSegment,
    Message,
    Not,
    Pick,
    Rfm,
    Scalar,
    Test,
    Trigger,
)
from journeyflow.language.durations import in_words as duration
from journeyflow.plan import (
    Branch,
    Change,
    End,
    EnterByDate,
    EnterByEvent,
    EnterByHand,
    EnterBySchedule,
    EnterBySegment,
    Entry,
    ExitRule,
    Goal,
    HandOver,
    Plan,
    Send,
    Split,
    Step,
    Update,
    Wait,
    WaitBestTime,
    WaitFor,
    WaitUntil,
    WaitUntilDate,
    Webhook,
    Weekdays,
)

WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")

_CHANNELS = {"email": "e-mail", "sms": "SMS", "webhook": "webhook to"}
_OPERATORS = {
    "is": "is {}",
    "is_not": "is not {}",
    "in": "is {}",
    "not_in": "is none of {}",
    "at_least": "is at least {}",
    "at_most": "is at most {}",
    "more_than": "is more than {}",
    "less_than": "is less than {}",
    "contains": "contains {}",
    "before": "is before {}",
    "after": "is after {}",
}
_COUNTS = {
    "is": "exactly {}",
    "is_not": "not {}",
    "at_least": "at least {}",
    "at_most": "at most {}",
    "more_than": "more than {}",
    "less_than": "fewer than {}",
}


def rules_in_words(plan: Plan) -> list[str]:
    """Who may come in and how often, who leaves before the end, and what counts as success."""
    lines = [f"how often: {_again(plan.again)}"]
    if plan.spread:
        lines.append(f"who come in together: set out over {duration(plan.spread)}")
    if plan.when != ALWAYS:
        lines.append(f"only who: {condition_in_words(plan.when)}")
    lines += [f"leaves at once: {_exit(rule)}" for rule in plan.exits]
    lines += [
        f"experiment {step.experiment}: {_metric(step)}" for step in plan.steps if isinstance(step, Split)
    ]
    return [*lines, f"goal: {_goal(plan.goal)}"] if plan.goal else lines


def step_in_words(step: Step) -> str:
    """One line: "Wait 1 day", "E-mail welcome", "order.completed within 7 days?"."""
    match step:
        case Send() | Webhook():
            return _capital(f"{channel(step.channel)} {step.template}")
        case Wait() | WaitUntil() | WaitUntilDate() | WaitBestTime():
            return f"Wait {_how_long(step)}"
        case WaitFor():
            return f"{events_in_words(step.events)} within {duration(step.timeout)}?"
        case Branch(_, (arm,)):
            return f"{_capital(condition_in_words(arm.when))}?"
        case Branch():
            return "Which of these?"
        case Split():
            held_out = f", {_percent(step.holdout)} held out" if step.holdout else ""
            return f"Experiment {step.experiment}{held_out}"
        case Update():
            return _capital(", ".join(map(_change, step.changes)))
        case HandOver():
            return f"Hand over to {step.journey}"
        case End():
            return "End"
        case _:
            assert_never(step)


def ways(step: Step) -> list[tuple[str, int]]:
    """Where it goes on from `step`, and in which case; "" where there is only one way."""
    match step:
        case (
            Send()
            | Webhook()
            | Wait()
            | WaitUntil()
            | WaitUntilDate()
            | WaitBestTime()
            | Update()
            | HandOver()
        ):
            return [("", step.next)]
        case WaitFor():
            return [("yes", step.then), ("no", step.otherwise)]
        case Branch(_, (arm,)):
            return [("yes", arm.to), ("no", step.otherwise)]
        case Branch():
            arms = [(condition_in_words(arm.when), arm.to) for arm in step.arms]
            return [*arms, ("otherwise", step.otherwise)]
        case Split():
            return [(f"{variant.name}, {_percent(variant.share)}", variant.to) for variant in step.variants]
        case End():
            return []
        case _:
            assert_never(step)


def entry_in_words(entry: Entry) -> str:
    match entry:
        case EnterByEvent():
            return events_in_words((entry.match,))
        case EnterByDate():
            every = "every year " if entry.yearly else ""
            return f"{every}{_moved(entry.offset) or 'on '}the date in {entry.attribute}, at {entry.at}"
        case EnterBySegment():
            return f"joins the segment {entry.segment}"
        case EnterBySchedule():
            return f"on the schedule {entry.cron}"
        case EnterByHand():
            return "by hand"
        case _:
            assert_never(entry)


_WHERE = {"trigger": "at entry, ", "rfm": "by purchases, "}  # what is compared, where it is no attribute


def condition_in_words(condition: Condition) -> str:
    match condition:
        case Attribute() | Trigger() | Rfm():
            return f"{_WHERE.get(condition.kind, '')}{tests_in_words(condition.tests)}"
        case History():
            return _history(condition)
        case Consent():
            return f"consents to {_consent(condition)}"
        case Message():
            return _message(condition)
        case InSegment():
            return f"in the segment {condition.segment}"
        case All() | Any():
            return _several(condition)
        case Not():
            return _negated(condition.of)
        case _:
            assert_never(condition)


def events_in_words(events: Iterable[EventMatch]) -> str:
    return _either(f"{event.event}{_where(event.where)}" for event in events)


def tests_in_words(tests: tuple[Test, ...]) -> str:
    """`points is at least 1 and is less than 5`: what is tested is named once."""
    named = groupby(tests, key=lambda test: test.name)
    return " and ".join(f"{name} {' and '.join(map(_compared, group))}" for name, group in named)


def channel(name: str) -> str:
    return _CHANNELS.get(name, name)


def if_capped_in_words(step: Send) -> str:
    """What happens under a cap, where that is not simply that the message is left out."""
    if step.if_capped.do == "wait":
        return f"waits up to {duration(step.if_capped.up_to or 0)} for room under the caps"
    return "leaves the journey if a cap is full" if step.if_capped.do == "exit" else ""


def _again(again: int | None) -> str:
    if again is None:
        return "once only"
    return f"again after {duration(again)} at the soonest" if again else "as often as it comes"


def _exit(rule: ExitRule) -> str:
    if rule.event:
        return events_in_words((rule.event,))
    if rule.leaves:
        return f"when leaving the segment {rule.leaves}"
    return condition_in_words(rule.when) if rule.when else "never"


def _goal(goal: Goal) -> str:
    within = f" within {duration(goal.within)}" if goal.within else ""
    return events_in_words((goal.match,)) + within


def _metric(split: Split) -> str:
    metric = split.metric
    if metric is None:
        return "nothing decides it"
    events = f"{events_in_words((metric.match,))} within {duration(metric.within)}"
    what = f"of the sum of {metric.value} over {events}" if metric.value else f"of {events}"
    return f"{metric.better} {what} is better"


def _how_long(step: Wait | WaitUntil | WaitUntilDate | WaitBestTime) -> str:
    match step:
        case Wait():
            return duration(step.seconds)
        case WaitUntil():
            return f"until {step.at}{_on_days(step.days)}"
        case WaitUntilDate():
            return f"until {_moved(step.offset)}the date in {step.attribute}, at {step.at}"
        case WaitBestTime():
            return f"for the hour of their own within {duration(step.within)} (else {step.at})"


def _change(change: Change) -> str:
    if change.value is None:
        return f"forget {change.attribute}"
    if change.do == "set":
        return f"set {change.attribute} to {_value(change.value)}"
    if change.do == "remove":
        return f"remove {_value(change.value)} from {change.attribute}"
    return f"{change.do} {_value(change.value)} to {change.attribute}"


def _history(history: History) -> str:
    when = f" within {duration(history.within)}" if history.within else ""
    when += " since entry" if history.since_entry else ""
    event = f"{events_in_words((history.match,))}{when}"
    counts = " and ".join(_COUNTS[test.op].format(_value(test.value)) for test in history.count)
    sums = [
        f"the sum of {test.name} over {event} is {_COUNTS[test.op].format(_value(test.value))}"
        for test in history.sum
    ]
    picks = [
        f"the {which.replace('_', ' ')} {event} was {_pick(pick)}" for which, pick in history.picks.items()
    ]
    parts = ([f"{counts} times {event}"] if counts else []) + sums + picks
    return " and ".join(parts) or f"has {event}"


def _pick(pick: Pick) -> str:
    within = f"within {duration(pick.within)}" if pick.within else ""
    tests = f"one whose {tests_in_words(pick.where)}" if pick.where else ""
    return " and ".join(filter(None, (within, tests)))


def _negated(condition: Condition) -> str:
    match condition:
        case InSegment():
            return f"not in the segment {condition.segment}"
        case Consent():
            return f"no consent to {_consent(condition)}"
        case History(count=(), sum=(), first=None, most_recent=None):
            return f"no {_history(condition).removeprefix('has ')}"
        case _:
            return f"not ({condition_in_words(condition)})"


def _several(condition: All | Any) -> str:
    alone = len(condition.of) == 1
    parts = (condition_in_words(one) if alone else _in_brackets(one) for one in condition.of)
    word, nothing = ("and", "everyone") if isinstance(condition, All) else ("or", "no one")
    return f" {word} ".join(parts) or nothing


def _in_brackets(condition: Condition) -> str:
    words = condition_in_words(condition)
    several = isinstance(condition, All | Any) and len(condition.of) > 1
    return f"({words})" if several else words


def _message(message: Message) -> str:
    which = f"{channel(message.channel) if message.channel else 'message'} {message.template}"
    within = f" within {duration(message.within)}" if message.within else ""
    return f"{which} was {message.was}{within}"


def _consent(consent: Consent) -> str:
    return channel(consent.channel) + (f" about {consent.topic}" if consent.topic else "")


def _where(tests: tuple[Test, ...]) -> str:
    return f" ({tests_in_words(tests)})" if tests else ""


def _compared(test: Test) -> str:
    if test.op == "exists":
        return "is known" if test.value else "is not known"
    if isinstance(test.value, tuple):
        return _OPERATORS[test.op].format(_either(map(_value, test.value)))
    return _OPERATORS[test.op].format(_value(test.value))


def _value(value: Scalar | tuple[Scalar, ...]) -> str:
    """Plain, unless that would read as nothing."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) or '""'


def _either(words: Iterable[str]) -> str:
    *head, last = words
    return f"{', '.join(head)} or {last}" if head else last


def _on_days(days: Weekdays) -> str:
    if not days:
        return ""
    if len(days) > 2 and days[-1] - days[0] == len(days) - 1:
        return f", {WEEKDAYS[days[0]]} to {WEEKDAYS[days[-1]]}"
    return f", {_either(WEEKDAYS[day] for day in days)}"


def _moved(days: int) -> str:
    if not days:
        return ""
    return f"{duration(abs(days) * 86_400)} {'before' if days < 0 else 'after'} "


def _percent(hundredths: int) -> str:
    return f"{hundredths / 100:.10g}%"


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
