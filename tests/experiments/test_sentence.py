"""What is said of an experiment in each of its states, word by word."""

from dataclasses import asdict, replace
from datetime import timedelta
from typing import Any

import pytest

from journeyflow.conditions import EventMatch
from journeyflow.experiments.outcomes import Span
from journeyflow.experiments.results import Results
from journeyflow.experiments.running import Experiment
from journeyflow.experiments.sentence import number_in_words, sentences
from journeyflow.experiments.verdict import Counts, assess, likely
from journeyflow.plan import Decide, Guardrail, Metric, Split, Variant
from tests.engine.programmes import NOON

DAY = timedelta(days=1)
ORDER = Metric(EventMatch("order.completed"), within=14 * 86_400)
MONEY = replace(ORDER, value="total")
FIXED = Decide("fixed", stop_after=90 * 86_400)


def told(
    *counts: Counts,
    metric: Metric | None = ORDER,
    decide: Decide | None = None,
    guardrails: tuple[Guardrail, ...] = (),
    is_over: bool = False,
    ended: dict[str, Any] | None = None,
    **more: Any,
) -> list[str]:
    """As of 40 days after the first exposure."""
    decide = decide or Decide()
    holdout = sum(one.share for one in counts if not one.arm)
    variants = tuple(Variant(one.arm, one.share, 1) for one in counts if one.arm)
    split = Split("steps/0", "timing", holdout, variants, metric, guardrails, decide)
    experiment = Experiment("nudges", split, **(ended or {}))
    span = Span(NOON - 40 * DAY, NOON) if any(one.exposed for one in counts) else Span()
    found = Results(experiment, NOON, span, counts, (), **more)
    if experiment.rules is not None:
        verdict = assess(counts, experiment.rules, is_over)
        found = replace(found, verdict=verdict, likely=likely(counts, experiment.rules.metric))
    return sentences(found)


def by_rule(*counts: Counts, winner: str) -> dict[str, Any]:
    decision = {"by": "rule", "state": "decided", "winner": winner, "counts": list(map(asdict, counts))}
    return {"winner": winner, "decided_at": NOON - DAY, "decision": decision}


def by_hand(winner: str) -> dict[str, Any]:
    return {"winner": winner, "decided_at": NOON - DAY, "decision": {"by": "hand", "winner": winner}}


def arm(name: str, matured: int, converted: int, share: int = 5_000, **more: Any) -> Counts:
    return Counts(name, share, matured, matured, converted, **more)


MORNING, EVENING = arm("morning", 4_000, 240), arm("evening", 4_000, 340)
SAID = "between 0.7 and 4.3 more customers in 100 to order.completed than morning"
SO_FAR = "evening brings between 3.1 fewer and 3.5 more customers in 100 to order.completed than morning"
THREE = (arm("a", 3_400, 100, 3_400), arm("b", 3_300, 330, 3_300), arm("c", 3_300, 335, 3_300))
THIRD = "c brings between 2.4 fewer and 2.7 more customers in 100 to order.completed than b"
ALIKE = (arm("morning", 1_000, 60), arm("evening", 1_000, 62))


@pytest.mark.parametrize(
    ("found", "first"),
    [
        (told(MORNING, EVENING), f"Evening brings {SAID}. You can end the test."),
        (
            told(*ALIKE, ended=by_rule(MORNING, EVENING, winner="evening")),
            f"Evening brings {SAID}.",
        ),
        (told(*ALIKE, ended=by_hand("evening")), f"It was ended by hand; by now {SO_FAR}."),
        (told(MORNING, EVENING, decide=FIXED, ended=by_hand("evening")), "It was ended by hand."),
        (
            told(*THREE, days_left=3.0),
            f"No variant is better than all others yet: {THIRD}; about 3 more days at this rate.",
        ),
        (
            told(*THREE, is_over=True),
            f"No variant is better than all others: {THIRD}. Take whichever of these two you like better.",
        ),
        (
            told(arm("", 500, 40, 1_000), arm("text", 4_500, 370, 9_000), days_left=3.0),
            "There is one variant only, so no winner is looked for; what it does shows beside the holdout; "
            "about 3 more days at this rate.",
        ),
        (
            told(EVENING, MORNING),
            f"Evening brings {SAID}. You can end the test.",
        ),
        (
            told(*ALIKE, days_left=12.3),
            f"Nothing can be said yet: {SO_FAR}; about 12 more days at this rate.",
        ),
        (
            told(*ALIKE, days_left=900.0),
            f"Nothing can be said yet: {SO_FAR}; at this rate it would take more than a year to tell them "
            "apart.",
        ),
        (told(*ALIKE), f"Nothing can be said yet: {SO_FAR}; how long it will take cannot be said."),
        (told(*ALIKE, is_over=True), f"No difference was found: {SO_FAR}. Take whichever you like better."),
        (
            told(arm("morning", 70, 9), arm("evening", 66, 3), days_left=0.2),
            "Nothing can be said yet: in the smallest variant the time of 66 customers is over, and 100 are "
            "needed; about 1 more days at this rate.",
        ),
        (
            told(arm("morning", 70, 9), arm("evening", 66, 3), is_over=True),
            "The test is over and found out nothing, since too few came: in the smallest variant the time of "
            "66 customers is over.",
        ),
        (
            told(MORNING, arm("evening", 3_500, 340)),
            "These figures cannot be trusted: 3,500 customers came into evening, where 3,750 were to be "
            "expected by the shares. Nothing is decided until it is known why.",
        ),
        (
            told(MORNING, EVENING, decide=FIXED),
            "Nothing is said before the end, as this test is looked at once, in about 64 days.",
        ),
        (
            told(MORNING, EVENING, decide=Decide("bandit")),
            "Evening is the best of them with a probability of 100%.",
        ),
        (told(MORNING, EVENING, metric=None), "Nothing is decided here: the experiment has no metric."),
        (told(arm("morning", 0, 0), arm("evening", 0, 0)), "Nobody has come to this experiment yet."),
        (
            told(
                arm("morning", 4_000, 240, total=9_600.0, squares=500_000.0),
                arm("evening", 4_000, 240, total=4_800.0, squares=200_000.0),
                metric=MONEY,
            ),
            "Morning brings between 0.6 and 1.8 more total of order.completed per customer than evening. "
            "You can end the test.",
        ),
    ],
)
def test_the_first_sentence_is_what_can_be_said(found: list[str], first: str) -> None:
    assert found[0] == first


def test_bounds_that_nobody_knows_are_not_told_as_numbers() -> None:
    found = told(arm("morning", 9_000, 90, 9_000), arm("evening", 900, 0, 1_000))
    assert found[0] == (
        "Nothing can be said yet: evening brings an unknown number of customers in 100 to order.completed "
        "more or fewer than morning; how long it will take cannot be said."
    )


def test_winner_harm_and_holdout_follow() -> None:
    many = replace(EVENING, unsubscribed=200, share=4_500)
    held = Counts("", 1_000, 889, 889, 20)
    guardrails = (Guardrail("unsubscribed", 50),)
    morning = replace(MORNING, share=4_500, unsubscribed=8)
    found = told(
        held, morning, many, guardrails=guardrails, ended=by_rule(held, morning, many, winner="morning")
    )
    assert found == [
        "Morning is the one to take, as every other variant does more harm than is allowed.",
        "Since 2031-05-06 all newcomers get morning.",
        "Evening cannot win: of 100 customers between 3.6 and 6.0 more unsubscribed than in the first "
        "variant, and 0.5 are allowed.",
        "Morning brings between 1.0 and 6.5 more customers in 100 to order.completed than no message at all "
        "(the holdout).",
        "Evening brings between 3.1 and 9.4 more customers in 100 to order.completed than no message at all "
        "(the holdout).",
    ]


def test_a_fixed_test_says_nothing_of_the_holdout_before_its_end() -> None:
    held, morning, evening = (
        arm("", 889, 20, 1_000),
        replace(MORNING, share=4_500),
        replace(EVENING, share=4_500),
    )
    assert told(held, morning, evening, decide=FIXED)[1:] == [
        "Whether morning does more than no message at all is not known yet.",
        "Whether evening does more than no message at all is not known yet.",
    ]


def test_what_was_never_started_says_what_to_do() -> None:
    assert told(*ALIKE, ended={"is_kept": False})[1].endswith("run: journeyflow apply")


@pytest.mark.parametrize(
    ("number", "words"),
    [(0, "0.0"), (-0.43, "-0.4"), (0.051, "0.05"), (0.0061, "0.006"), (12.34, "12.3"), (1234.5, "1,234")],
)
def test_numbers_have_the_digits_that_matter(number: float, words: str) -> None:
    assert number_in_words(number) == words
