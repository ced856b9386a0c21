"""Consent: the gate holds every message without it, but a journey that never asks sends many in vain."""

from collections.abc import Iterator, Mapping, Sequence

from journeyflow.language.checks.surroundings import Surroundings
from journeyflow.language.checks.ways import Place, begins
from journeyflow.language.definition import (
    BranchStep,
    Condition,
    ConsentCondition,
    Journey,
    Segment,
    SegmentCondition,
    SegmentEntry,
    SendStep,
    Step,
)
from journeyflow.language.problems import Report
from journeyflow.language.steps import CHANNELS
from journeyflow.language.walk import all_conditions
from journeyflow.policy import Category, Policy


def check(
    journey: Journey, places: Sequence[Place], policy: Policy, around: Surroundings, report: Report
) -> None:
    segments = around.segments
    is_required = policy.categories.get(journey.category.value, Category()).consent == "opt-in"
    if segments is None or not is_required:
        return
    # By place, the channels that some way to it asks about.
    asked = {begins(journey, places): set(_asked_at_entry(journey, segments))}
    told: set[str] = set()
    for number, place in enumerate(places):
        before, step = asked.get(number), place.step
        if before is None:  # nobody comes here
            continue
        if isinstance(step, SendStep) and step.channel.value in set(CHANNELS) - before - told:
            told.add(step.channel.value)
            report.add(step.mark, "JF601", _message(step.channel.value))
        after = before | set(_asked_by(step, segments))
        for way in place.ways:
            asked[way.to] = asked.get(way.to, set()) | after


def _message(channel: str) -> str:
    return (
        f'nothing on the way here asks for the consent to "{channel}", so that the message is held back '
        f'from everybody without it; ask with "consent: {channel}" in a branch or in "enter: when"'
    )


def _asked_at_entry(journey: Journey, segments: Mapping[str, Segment]) -> Iterator[str]:
    if journey.when:
        yield from _channels(journey.when, segments, set())
    if isinstance(journey.enter, SegmentEntry) and journey.enter.segment.value in segments:
        yield from _channels(segments[journey.enter.segment.value].condition, segments, set())
    for rule in journey.exits:
        if rule.when:
            yield from _channels(rule.when, segments, set())


def _asked_by(step: Step | None, segments: Mapping[str, Segment]) -> Iterator[str]:
    if isinstance(step, BranchStep):
        for arm in step.arms:
            yield from _channels(arm.when, segments, set())


def _channels(condition: Condition, segments: Mapping[str, Segment], seen: set[str]) -> Iterator[str]:
    """Channels whose consent the condition looks at, in whatever way."""
    for found in all_conditions(condition):
        if isinstance(found, ConsentCondition):
            yield found.channel.value
        elif isinstance(found, SegmentCondition) and found.segment.value not in seen:
            seen.add(found.segment.value)
            inner = segments.get(found.segment.value)
            if inner:
                yield from _channels(inner.condition, segments, seen)
