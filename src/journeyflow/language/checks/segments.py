"""Segments among each other: no circles, no unknown names, no unreasonable size."""

from collections.abc import Collection, Mapping

from journeyflow.language.checks import conditions
from journeyflow.language.checks.circles import circles
from journeyflow.language.checks.logic import Logic
from journeyflow.language.checks.references import check_condition
from journeyflow.language.checks.scope import check_segment
from journeyflow.language.definition import Segment, SegmentCondition
from journeyflow.language.problems import Report, quoted
from journeyflow.language.walk import all_conditions, segments_used

MAX_CONDITIONS = 1_000  # in a segment, with all that it uses
MAX_CHAIN = 20  # segments that use each other in a row


def check(
    segments: Mapping[str, Segment], messages: Collection[tuple[str, str]] | None, report: Report
) -> None:
    for segment in segments.values():
        check_condition(segment.condition, segments, messages, report)
        check_segment(segment.condition, report)
    if not report.problems:
        logic = Logic()
        for segment in segments.values():
            conditions.check_condition(segment.condition, logic, report)
    ordered = _in_order(segments, report)
    _check_sizes(ordered, segments, report)


def _in_order(segments: Mapping[str, Segment], report: Report) -> list[str]:
    """Names, each after those it uses; circles are reported and left out."""
    waiting = {name: _uses(segment, segments) for name, segment in segments.items()}
    ordered: list[str] = []
    while ready := [name for name, uses in waiting.items() if not uses & waiting.keys()]:
        ordered += ready
        for name in ready:
            del waiting[name]
    for circle in circles(waiting):
        _report_circle(circle, segments, report)
    return ordered


def _uses(segment: Segment, segments: Mapping[str, Segment]) -> set[str]:
    return {used.segment.value for used in segments_used(segment.condition)} & segments.keys()


def _report_circle(circle: list[str], segments: Mapping[str, Segment], report: Report) -> None:
    follower = circle[1] if len(circle) > 1 else circle[0]
    used = next(u for u in segments_used(segments[circle[0]].condition) if u.segment.value == follower)
    way = " -> ".join(map(quoted, [*circle, circle[0]]))
    report.add(
        used.segment.mark, "JF202", f"the segments use each other in a circle, {way}; break it at one of them"
    )


def _check_sizes(ordered: list[str], segments: Mapping[str, Segment], report: Report) -> None:
    sizes: dict[str, int] = {}
    chains: dict[str, int] = {}
    for name in ordered:
        segment = segments[name]
        inner = _uses(segment, segments)
        chains[name] = 1 + max((chains[used] for used in inner), default=0)
        sizes[name] = sum(
            sizes.get(found.segment.value, 1) if isinstance(found, SegmentCondition) else 1
            for found in all_conditions(segment.condition)
        )
        is_first = all(sizes[used] <= MAX_CONDITIONS and chains[used] <= MAX_CHAIN for used in inner)
        if is_first and (sizes[name] > MAX_CONDITIONS or chains[name] > MAX_CHAIN):
            message = (
                f"the segment {quoted(name)} holds {sizes[name]} conditions and {chains[name]} segments "
                f"in a row, at most {MAX_CONDITIONS} and {MAX_CHAIN} are allowed; make it simpler"
            )
            report.add(segment.name.mark, "JF207", message)
