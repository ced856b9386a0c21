"""Any definition compiles to a sound plan that leads every customer through the same steps."""

from collections.abc import Callable
from dataclasses import replace
from zlib import crc32

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from journeyflow.compiler import compile_journey
from journeyflow.errors import PlanError
from journeyflow.language import definition as d
from journeyflow.language.problems import Mark
from journeyflow.plan import Branch, End, Plan, WaitFor
from tests.language.plans import assert_sound, jumps

MARK = Mark(1, 1)
SEGMENTS = {"gold": d.Segment(d.Word("gold", MARK), d.ConsentCondition(MARK, d.Word("email", MARK)))}


def word(text: str) -> d.Word:
    return d.Word(text, MARK)


SCALARS = st.text(max_size=5) | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(-1e9, 1e9)
COMPARISONS = st.builds(
    d.Comparison, st.text(min_size=1, max_size=5), st.sampled_from(["is", "in", "before"]),
    SCALARS | st.lists(SCALARS, min_size=1, max_size=3).map(tuple), st.just(MARK),
)  # fmt: skip
TESTS = st.lists(COMPARISONS, max_size=2).map(tuple)
PATTERNS = st.builds(d.EventPattern, st.just(word("order.completed")), TESTS)
SECONDS = st.integers(1, 10**8)
CONDITIONS = st.recursive(
    st.builds(d.AttributeCondition, st.just(MARK), st.just(word("tier")), TESTS)
    | st.builds(d.EventCondition, st.just(MARK), PATTERNS, st.none() | SECONDS, st.booleans())
    | st.just(d.SegmentCondition(MARK, word("gold"))),
    lambda inner: st.builds(d.AllOf, st.just(MARK), st.lists(inner, max_size=3).map(tuple))
    | st.builds(d.AnyOf, st.just(MARK), st.lists(inner, max_size=3).map(tuple))
    | st.builds(d.NotThis, st.just(MARK), inner),
    max_leaves=5,
)  # fmt: skip
SIMPLE = (
    st.builds(d.SendStep, st.just(""), st.just(MARK), st.just(word("email")), st.just(word("welcome")))
    | st.builds(d.WaitStep, st.just(""), st.just(MARK), SECONDS)
    | st.just(d.WaitUntilStep("", MARK, "09:00", (0, 6)))
    | st.builds(
        lambda value: d.UpdateStep("", MARK, (d.AttributeChange(word("points"), "set", value),)),
        st.none() | SCALARS,
    )
    | st.just(d.EndStep("", MARK))
)


def nested(steps: st.SearchStrategy[d.Step]) -> st.SearchStrategy[d.Step]:
    lists = st.lists(steps, max_size=4).map(tuple)
    arms = st.lists(st.builds(d.BranchArm, st.just(MARK), CONDITIONS, lists), min_size=1, max_size=3).map(
        tuple
    )
    return st.builds(
        d.WaitForStep,
        st.just(""),
        st.just(MARK),
        st.just((word("order.completed"),)),
        st.just(()),
        SECONDS,
        lists,
        lists,
    ) | st.builds(d.BranchStep, st.just(""), st.just(MARK), arms, lists)


def tidy(steps: tuple[d.Step, ...], place: str = "steps") -> tuple[tuple[d.Step, ...], bool]:
    """Give paths and cut off what nobody reaches; whether anybody comes out behind the last step."""
    found: list[d.Step] = []
    for number, step in enumerate(steps):
        path, passes = f"{place}/{number}", True
        match step:
            case d.EndStep():
                passes = False
            case d.WaitForStep():
                then, through = tidy(step.then, f"{path}/then")
                otherwise, past = tidy(step.otherwise, f"{path}/otherwise")
                step, passes = replace(step, then=then, otherwise=otherwise), through or past
            case d.BranchStep():
                tidied = [tidy(arm.then, f"{path}/arms/{i}/then") for i, arm in enumerate(step.arms)]
                otherwise, past = tidy(step.otherwise, f"{path}/otherwise")
                arms = tuple(
                    replace(arm, then=then) for arm, (then, _) in zip(step.arms, tidied, strict=True)
                )
                step, passes = (
                    replace(step, arms=arms, otherwise=otherwise),
                    past or any(p for _, p in tidied),
                )
        found.append(replace(step, path=path))
        if not passes:
            return tuple(found), False
    return tuple(found), True


STEPS = st.lists(st.recursive(SIMPLE, nested, max_leaves=15), min_size=1, max_size=6).map(
    lambda s: tidy(tuple(s))[0]
)


def journey(steps: tuple[d.Step, ...], pattern: d.EventPattern, when: d.Condition | None) -> d.Journey:
    entry = d.EventEntry(MARK, pattern)
    exits = (d.Exit("exit/0", MARK, when=when),) if when else ()
    return d.Journey(
        word("any"), "Any", word("marketing"), None, 50, entry, when, None, exits, None, steps, ""
    )


@settings(max_examples=30, deadline=None)
@given(STEPS, PATTERNS, st.none() | CONDITIONS)
def test_every_plan_is_sound(
    steps: tuple[d.Step, ...], pattern: d.EventPattern, when: d.Condition | None
) -> None:
    assert_sound(compile_journey(journey(steps, pattern, when), SEGMENTS))


@settings(max_examples=30, deadline=None)
@given(STEPS, st.lists(st.integers(0, 5), min_size=40, max_size=40))
def test_plan_and_definition_lead_the_same_way(steps: tuple[d.Step, ...], choices: list[int]) -> None:
    plan = compile_journey(journey(steps, d.EventPattern(word("a")), None), SEGMENTS)

    def choose(path: str, ways: int) -> int:
        return choices[crc32(path.encode()) % len(choices)] % ways

    assert _through_plan(plan, choose) == _through_definition(steps, choose)


def test_an_unknown_segment_is_refused() -> None:
    steps = (d.WaitStep("steps/0", MARK, 1),)
    with pytest.raises(PlanError, match="segments/silver"):
        compile_journey(
            journey(steps, d.EventPattern(word("a")), d.SegmentCondition(MARK, word("silver"))), SEGMENTS
        )


def test_segments_in_a_circle_are_refused() -> None:
    circle = {"loop": d.Segment(word("loop"), d.NotThis(MARK, d.SegmentCondition(MARK, word("loop"))))}
    steps = (d.WaitStep("steps/0", MARK, 1),)
    with pytest.raises(PlanError, match="segments/loop"):
        compile_journey(
            journey(steps, d.EventPattern(word("a")), d.SegmentCondition(MARK, word("loop"))), circle
        )


def _through_plan(plan: Plan, choose: Callable[[str, int], int]) -> list[str]:
    walked: list[str] = []
    number = 0
    while not isinstance(step := plan.steps[number], End):
        walked.append(step.path)
        ways = jumps(step)
        number = ways[choose(step.path, len(ways))] if isinstance(step, WaitFor | Branch) else ways[0]
    return walked


def _through_definition(steps: tuple[d.Step, ...], choose: Callable[[str, int], int]) -> list[str]:
    """The definition as a person reads it: from the top down, into the chosen arm, and on behind it."""
    walked: list[str] = []

    def goes_on(steps: tuple[d.Step, ...]) -> bool:
        for step in steps:
            if isinstance(step, d.EndStep):
                return False
            walked.append(step.path)
            if isinstance(step, d.WaitForStep):
                lists = [step.then, step.otherwise]
            elif isinstance(step, d.BranchStep):
                lists = [*(arm.then for arm in step.arms), step.otherwise]
            else:
                continue
            if not goes_on(lists[choose(step.path, len(lists))]):
                return False
        return True

    goes_on(steps)
    return walked
