"""Variables of templates and of webhooks: each must be there for every customer who comes by."""

from collections.abc import Callable, Sequence

from jinja2 import TemplateSyntaxError

from journeyflow.language.checks.messages import first_sends
from journeyflow.language.checks.surroundings import Message, Surroundings
from journeyflow.language.definition import (
    Datum,
    EventEntry,
    Journey,
    JourneyStep,
    ManualEntry,
    SendStep,
    WebhookStep,
)
from journeyflow.language.problems import Report, either, quoted
from journeyflow.language.walk import all_steps
from journeyflow.policy import Policy
from journeyflow.sandbox import needed, parse_jinja

_JOURNEY = ("name", "title")
_OF_REQUESTS = "event.journey"  # all that is known of an entry by hand, or by another journey

# Why there is no variable of this dotted path in a message on this channel, or in a webhook (None).
_Lack = Callable[[str, str | None], str | None]


def check(journey: Journey, around: Surroundings, report: Report) -> None:
    """A customer's attributes may be any."""

    def lack(path: str, channel: str | None) -> str | None:
        return _lack(path, journey) or _sender_lacks(path, channel, around.policy)

    _check(journey, around, lack, report)


def check_together(journeys: Sequence[tuple[Journey, Report]], around: Surroundings) -> None:
    """Who is handed over to a journey that an event starts does not bring such an event along."""
    sources = {
        target: journey.name.value for journey, _ in reversed(journeys) for target in _targets(journey)
    }
    for journey, report in journeys:
        if journey.name.value in sources and isinstance(journey.enter, EventEntry):
            _check(journey, around, _lack_of(sources[journey.name.value]), report)


def _targets(journey: Journey) -> list[str]:
    return [step.journey.value for step in all_steps(journey.steps) if isinstance(step, JourneyStep)]


def _lack_of(source: str) -> _Lack:
    def lack(path: str, _channel: str | None) -> str | None:
        if not path.startswith("event.") or path == _OF_REQUESTS:
            return None
        return f"customers whom the journey {quoted(source)} hands over bring no such event along"

    return lack


def _lack(path: str, journey: Journey) -> str | None:
    root, _, name = path.partition(".")
    by_hand = isinstance(journey.enter, ManualEntry) and path == _OF_REQUESTS
    if root == "event" and not by_hand and not isinstance(journey.enter, EventEntry):
        return "no event brings customers into this journey"
    if root == "journey" and name not in _JOURNEY:
        return f"a journey has only {either(_JOURNEY)}"
    return None


def _sender_lacks(path: str, channel: str | None, policy: Policy | None) -> str | None:
    root, _, name = path.partition(".")
    if root != "sender" or channel is None or policy is None:
        return None
    sender = policy.senders.get(channel)
    known = ["from"]
    known += ["reply_to"] if sender is None or sender.reply_to is not None else []
    known += ["postal_address"] if sender is None or sender.postal_address is not None else []
    return None if name in known else f"the sender in journeys/policy.yaml has only {either(known)}"


def _check(journey: Journey, around: Surroundings, lack: _Lack, report: Report) -> None:
    for step in all_steps(journey.steps):
        for datum in step.body if isinstance(step, WebhookStep) else ():
            _check_datum(datum, lack, report)
    if around.messages is None or around.policy is None:
        return
    for send, versions in first_sends(journey, around.messages):
        _check_send(send, versions, lack, report)


def _check_datum(datum: Datum, lack: _Lack, report: Report) -> None:
    for path in _needs(datum.value):
        why = lack(path, None)
        if why is not None:
            message = (
                f"the value of {quoted(datum.name)} uses {quoted(path)}, and {why}; take it out, or say what "
                f"to write without it: {{{{ {path} | default('') }}}}"
            )
            report.add(datum.mark, "JF208", message)


def _needs(value: object) -> list[str]:
    try:
        return sorted(needed(parse_jinja(value))) if isinstance(value, str) else []
    except TemplateSyntaxError:  # told where it was read
        return []


def _check_send(send: SendStep, versions: list[Message], lack: _Lack, report: Report) -> None:
    """Each variable is told once, for the first version that uses it."""
    missing: set[str] = set()
    for message in versions:
        for path in sorted(message.needs - missing):
            why = lack(path, send.channel.value)
            if why is not None:
                missing.add(path)
                text = (
                    f"{message.file} uses {quoted(path)}, and {why}; take it out of the template, or give it "
                    f'a value under "defaults" in its front matter'
                )
                report.add(send.template.mark, "JF208", text)
