"""Arbitrary journeys as they can be written: nested, and without steps that nobody reaches."""

from hypothesis import strategies as st

from journeyflow.compiler import compile_journey
from journeyflow.language import definition as d
from journeyflow.language.problems import Mark
from journeyflow.plan import Plan

MARK = Mark(1, 1)
NAMES = st.sampled_from(["a", "thanks-for-your-very-first-order-with-us", "i" * 100, "M" * 100, "你好"])


def word(text: str) -> d.Word:
    return d.Word(text, MARK)


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    steps, _ = draw(_lists("steps", 3))
    steps = steps or (d.WaitStep("steps/0", MARK, 60),)
    entry = d.EventEntry(MARK, d.EventPattern(word(draw(NAMES))))
    journey = d.Journey(
        word("any"), "Any", word("marketing"), None, 50, entry, None, None, (), None, steps, ""
    )
    return compile_journey(journey, {})


@st.composite
def _lists(draw: st.DrawFn, place: str, depth: int) -> tuple[tuple[d.Step, ...], bool]:
    """The steps, and whether anybody comes out behind them."""
    found: list[d.Step] = []
    for number in range(draw(st.integers(0, 3))):
        step, goes_on = draw(_steps(f"{place}/{number}", depth))
        found.append(step)
        if not goes_on:
            return tuple(found), False
    return tuple(found), True


@st.composite
def _steps(draw: st.DrawFn, path: str, depth: int) -> tuple[d.Step, bool]:
    kinds = ["wait", "send", "journey", "update", "end"] + (
        ["wait_for", "branch", "experiment"] * 2 if depth else []
    )
    match draw(st.sampled_from(kinds)):
        case "wait":
            return d.WaitStep(path, MARK, 3_600), True
        case "send":
            return d.SendStep(path, MARK, word("email"), word(draw(NAMES))), True
        case "journey":
            return d.JourneyStep(path, MARK, word(draw(NAMES))), True
        case "update":
            return d.UpdateStep(path, MARK, (d.AttributeChange(word(draw(NAMES)), "set", True),)), True
        case "end":
            return d.EndStep(path, MARK), False
        case kind:
            return draw(_questions(path, kind, depth - 1))


@st.composite
def _questions(draw: st.DrawFn, path: str, kind: str, depth: int) -> tuple[d.Step, bool]:
    size = 2 if kind == "wait_for" else draw(st.integers(1, 4))
    ways = [draw(_lists(f"{path}/{way}", depth)) for way in range(size)]
    lists, goes_on = [steps for steps, _ in ways], any(passes for _, passes in ways)
    if kind == "wait_for":
        return d.WaitForStep(path, MARK, (word(draw(NAMES)),), (), 60, *lists), goes_on
    if kind == "experiment":
        variants = tuple(d.ExperimentVariant(word(f"v{n}"), 100, steps) for n, steps in enumerate(lists))
        return d.ExperimentStep(
            path, MARK, word(draw(NAMES)), draw(st.sampled_from([0, 100])), variants
        ), goes_on
    asked = d.ConsentCondition(MARK, word("email"), word(draw(NAMES)))
    arms = tuple(d.BranchArm(MARK, asked, steps) for steps in lists[1:] or lists)
    otherwise = lists[0] if size > 1 else ()
    return d.BranchStep(path, MARK, arms, otherwise), goes_on or size == 1
