"""Going through a definition: every step, every condition."""

from collections.abc import Iterator

from journeyflow.language.definition import (
    AllOf,
    AnyOf,
    BranchStep,
    Condition,
    ExperimentStep,
    Journey,
    NotThis,
    SegmentCondition,
    Step,
    WaitForStep,
)


def step_lists(step: Step) -> tuple[tuple[Step, ...], ...]:
    """The lists of steps inside `step`, in the order of the text."""
    match step:
        case WaitForStep():
            return (step.then, step.otherwise)
        case BranchStep():
            return (*(arm.then for arm in step.arms), step.otherwise)
        case ExperimentStep():
            return tuple(variant.steps for variant in step.variants)
        case _:
            return ()


def all_steps(steps: tuple[Step, ...]) -> Iterator[Step]:
    for step in steps:
        yield step
        for inner in step_lists(step):
            yield from all_steps(inner)


def conditions_inside(journey: Journey) -> Iterator[Condition]:
    """The outermost conditions that are asked of customers who have entered."""
    yield from (rule.when for rule in journey.exits if rule.when)
    for step in all_steps(journey.steps):
        if isinstance(step, BranchStep):
            yield from (arm.when for arm in step.arms)


def all_conditions(condition: Condition) -> Iterator[Condition]:
    """The condition itself and all within it; segments are not looked into."""
    yield condition
    match condition:
        case AllOf() | AnyOf():
            for inner in condition.of:
                yield from all_conditions(inner)
        case NotThis():
            yield from all_conditions(condition.of)
        case _:
            pass


def segments_used(condition: Condition) -> Iterator[SegmentCondition]:
    return (found for found in all_conditions(condition) if isinstance(found, SegmentCondition))
