"""Names that must exist elsewhere: segments, categories, channels, senders, templates."""

from collections.abc import Collection, Iterator, Mapping

from journeyflow.language.checks import purchases
from journeyflow.language.checks.surroundings import Surroundings
from journeyflow.language.definition import (
    Condition,
    ConsentCondition,
    Journey,
    MessageCondition,
    Segment,
    SegmentCondition,
    SegmentEntry,
    SendStep,
    Word,
)
from journeyflow.language.problems import Report, instead, nearest, quoted
from journeyflow.language.steps import CHANNELS
from journeyflow.language.walk import all_conditions, all_steps, conditions_inside
from journeyflow.rfm import READY_MADE


def check(journey: Journey, around: Surroundings, report: Report) -> None:
    _category(journey, around, report)
    _topic(journey.topic, around, report)
    if isinstance(journey.enter, SegmentEntry):
        _segment(journey.enter.segment, around.segments, report)
    _left(journey, around.segments, report)
    for condition in _conditions(journey):
        for found in all_conditions(condition):
            if isinstance(found, ConsentCondition):
                _topic(found.topic, around, report)
        check_condition(condition, around.segments, around.messages, report)
    sends = [step for step in all_steps(journey.steps) if isinstance(step, SendStep)]
    for send in sends:
        _channel(send.channel, report)
        _template(send.template, send.channel, around.messages, report)
    _senders(sends, around, report)


def check_condition(
    condition: Condition,
    segments: Mapping[str, Segment] | None,
    messages: Collection[tuple[str, str]] | None,
    report: Report,
) -> None:
    for found in all_conditions(condition):
        if isinstance(found, SegmentCondition):
            _segment(found.segment, segments, report)
        elif isinstance(found, ConsentCondition):
            _channel(found.channel, report)
        elif isinstance(found, MessageCondition):
            if found.channel is not None:
                _channel(found.channel, report)
            _template(found.template, found.channel, messages, report)


def _left(journey: Journey, segments: Mapping[str, Segment] | None, report: Report) -> None:
    seen = set()
    for rule in journey.exits:
        if rule.leaves is None:
            continue
        _segment(rule.leaves, segments, report)
        if rule.leaves.value in seen:
            message = f"a rule before this one is on leaving {quoted(rule.leaves.value)} as well; delete one"
            report.add(rule.leaves.mark, "JF312", message)
        seen.add(rule.leaves.value)


def _conditions(journey: Journey) -> Iterator[Condition]:
    if journey.when:
        yield journey.when
    yield from conditions_inside(journey)


def _category(journey: Journey, around: Surroundings, report: Report) -> None:
    word = journey.category
    if around.policy is None or word.value in around.policy.categories:
        return
    way_out = _or_define(word.value, around.policy.categories, "policy")
    report.add(word.mark, "JF203", f"no category is called {quoted(word.value)}; {way_out}")


def _topic(word: Word | None, around: Surroundings, report: Report) -> None:
    if word is None or around.policy is None or word.value in around.policy.topics:
        return
    way_out = _or_define(word.value, around.policy.topics, "policy")
    report.add(word.mark, "JF215", f"no topic is called {quoted(word.value)}; {way_out}")


def _segment(word: Word, segments: Mapping[str, Segment] | None, report: Report) -> None:
    if segments is None or word.value in segments:
        return
    if word.value in READY_MADE:
        purchases.refuse(word.mark, f"the segment {quoted(word.value)}", report)
        return
    message = f"no segment is called {quoted(word.value)}; {_or_define(word.value, segments, 'segments')}"
    report.add(word.mark, "JF201", message)


def _or_define(word: str, options: Collection[str], file: str) -> str:
    near = nearest(word, options)
    return f"did you mean {quoted(near)}?" if near else f"define it in journeys/{file}.yaml"


def _channel(word: Word, report: Report) -> None:
    if word.value not in CHANNELS:
        message = f"no channel is called {quoted(word.value)}; {instead(word.value, CHANNELS)}"
        report.add(word.mark, "JF204", message)


def _senders(sends: list[SendStep], around: Surroundings, report: Report) -> None:
    """Once for each channel: the first send that nobody would send."""
    first: dict[str, Word] = {}
    for send in sends:
        first.setdefault(send.channel.value, send.channel)
    for channel, word in first.items():
        if channel in CHANNELS and around.policy is not None and channel not in around.policy.senders:
            example = f'"senders: {{{channel}: {{from: ...}}}}"'
            message = (
                f"no sender is set for the channel {quoted(channel)}; add {example} to journeys/policy.yaml"
            )
            report.add(word.mark, "JF205", message)


def _template(
    word: Word, on: Word | None, messages: Collection[tuple[str, str]] | None, report: Report
) -> None:
    """That there is one, on the channel if that is said."""
    channels = (on.value,) if on else CHANNELS
    if messages is None or not set(channels) <= set(CHANNELS):
        return
    if any((word.value, channel) in messages for channel in channels):
        return
    near = nearest(word.value, {name for name, of in messages if of in channels})
    file = "sms.txt" if channels == ("sms",) else "email.mjml"
    way_out = f"did you mean {quoted(near)}?" if near else f"add templates/messages/{word.value}/{file}"
    which = f'for "{on.value}" ' if on else ""
    report.add(word.mark, "JF206", f"no template {which}is called {quoted(word.value)}; {way_out}")
