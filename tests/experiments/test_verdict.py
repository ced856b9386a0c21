"""When an experiment is over, who won, and what keeps it from being said."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from journeyflow.conditions import EventMatch
from journeyflow.experiments.verdict import Counts, Rules, assess, likely
from journeyflow.inference.differences import at_every_look, needed
from journeyflow.inference.samples import of_conversions
from journeyflow.plan import Decide, Guardrail, Metric

ORDER = Metric(EventMatch("order.completed"), within=14 * 86_400)
REFUND = Metric(EventMatch("order.refunded"), within=14 * 86_400, better="less")


def counts(arm: str, matured: int, converted: int, share: int = 5_000, **more: Any) -> Counts:
    return Counts(arm, share, exposed=matured + 100, matured=matured, converted=converted, **more)


def test_the_better_of_two_wins() -> None:
    two = [counts("now", 2_000, 200), counts("later", 2_000, 300)]
    found = assess(two, Rules(ORDER), is_over=False)
    assert (found.state, found.winner) == ("decided", "later")
    (against,) = found.against_first
    assert against.is_better
    assert against.difference.absolute == pytest.approx(0.05)
    assert likely(two, ORDER)["later"] > 0.99


def test_where_less_is_better_the_other_one_wins() -> None:
    found = assess([counts("now", 2_000, 200), counts("later", 2_000, 300)], Rules(REFUND), is_over=False)
    assert (found.state, found.winner) == ("decided", "now")
    assert found.against_first[0].is_worse


def test_before_the_minimum_nothing_is_decided() -> None:
    few = [counts("now", 60, 0), counts("later", 60, 40)]
    assert assess(few, Rules(ORDER), is_over=False).state == "early"
    assert assess(few, Rules(ORDER, decide=Decide(minimum=50)), is_over=False).state == "decided"


def test_a_small_difference_runs_on_and_says_how_long() -> None:
    found = assess([counts("now", 500, 50), counts("later", 500, 60)], Rules(ORDER), is_over=False)
    assert (found.state, found.winner) == ("running", None)
    assert found.more is not None
    assert 5_000 < found.more < 50_000


def test_after_its_time_no_difference_was_found() -> None:
    assert assess([counts("a", 500, 50), counts("b", 500, 55)], Rules(ORDER), True).state == "no-difference"


def test_arms_that_lost_somebody_block_the_verdict() -> None:
    lost = [counts("now", 2_000, 200), counts("later", 1_500, 300)]
    found = assess(lost, Rules(ORDER), is_over=False)
    assert (found.state, found.winner) == ("blocked", None)


def test_a_fixed_test_is_looked_at_once() -> None:
    clear = [counts("now", 2_000, 200), counts("later", 2_000, 300)]
    rules = Rules(ORDER, decide=Decide("fixed", stop_after=86_400))
    assert assess(clear, rules, is_over=False).state == "running"
    assert assess(clear, rules, is_over=True).winner == "later"


def test_of_a_fixed_test_no_harm_is_told_before_its_look() -> None:
    """With one variant left it would be over."""
    harm = [counts("now", 2_000, 200, unsubscribed=10), counts("later", 2_000, 200, unsubscribed=120)]
    rules = Rules(ORDER, (Guardrail("unsubscribed", 50),), Decide("fixed", stop_after=86_400))
    found = assess(harm, rules, is_over=False)
    assert (found.state, found.breaches) == ("running", ())
    assert assess(harm, rules, is_over=True).winner == "now"


def test_guardrails_take_their_part_of_the_level() -> None:
    two = [counts("now", 2_000, 200), counts("later", 2_000, 262)]
    guardrails = (Guardrail("unsubscribed", 50), Guardrail("complained", 10))
    assert assess(two, Rules(ORDER), is_over=False).winner == "later"
    assert assess(two, Rules(ORDER, guardrails), is_over=False).winner is None


def test_a_small_first_variant_in_which_nobody_unsubscribed_accuses_nobody() -> None:
    rules = Rules(ORDER, (Guardrail("unsubscribed", at_most=10),))
    first = Counts("now", 1_000, 500, 500, 50)
    some = Counts("later", 9_000, 4_500, 4_500, 450, unsubscribed=45)
    many = Counts("later", 9_000, 4_500, 4_500, 450, unsubscribed=450)
    assert assess([first, some], rules, is_over=False).breaches == ()
    assert [one.arm for one in assess([first, many], rules, is_over=False).breaches] == ["later"]


def test_who_breaks_a_guardrail_does_not_win() -> None:
    clear = [counts("now", 2_000, 200, unsubscribed=10), counts("later", 2_000, 300, unsubscribed=120)]
    rules = Rules(ORDER, (Guardrail("unsubscribed", at_most=50),))
    found = assess(clear, rules, is_over=False)
    assert [breach.arm for breach in found.breaches] == ["later"]
    assert found.winner == "now"  # of those that are left


def test_the_best_of_three_has_to_beat_both() -> None:
    three = [
        counts("a", 3_000, 300, share=3_333),
        counts("b", 3_000, 420, share=3_333),
        counts("c", 3_000, 430, share=3_333),
    ]
    assert assess(three, Rules(ORDER), is_over=False).state == "running"
    three[2] = counts("c", 3_000, 620, share=3_333)
    assert assess(three, Rules(ORDER), is_over=False).winner == "c"


def test_the_holdout_tells_whether_writing_helps_and_never_wins() -> None:
    found = assess(
        [counts("", 1_000, 400, share=2_000), *(counts(arm, 2_000, 300, share=4_000) for arm in "ab")],
        Rules(ORDER),
        is_over=False,
    )
    assert (found.state, found.winner) == ("running", None)
    assert [(one.arm, one.is_worse) for one in found.against_holdout] == [("a", True), ("b", True)]


def test_a_bandit_is_never_over_by_its_figures() -> None:
    rules = Rules(ORDER, decide=Decide("bandit"))
    two = [counts("a", 2_000, 200), counts("b", 4_000, 900)]
    found = assess(two, rules, is_over=False)
    assert (found.state, found.winner) == ("running", None)
    found = assess(two, rules, is_over=True)
    assert (found.state, found.winner) == ("decided", "b")


def test_a_single_variant_is_held_against_the_holdout() -> None:
    """The variants need four fifths of all who are missing."""
    alone = [counts("", 500, 50, share=2_000), counts("a", 2_000, 220, share=8_000)]
    found = assess(alone, Rules(ORDER), is_over=False)
    assert found.more is not None
    least = needed(of_conversions(2_000, 220), of_conversions(500, 50), at_every_look(0.05))
    assert least is not None
    assert found.more == pytest.approx(0.8 * (least - 2_500), abs=1)


def test_the_minimum_is_waited_for_in_the_smallest_variant() -> None:
    few = [counts("a", 845, 420, share=9_000), counts("b", 5, 1, share=1_000)]
    found = assess(few, Rules(ORDER, decide=Decide(minimum=2_000)), is_over=False)
    assert found.more == 19_950


def test_money_decides_where_it_is_asked_for() -> None:
    money = Metric(EventMatch("order.completed"), within=86_400, value="total")
    two = [
        counts("a", 2_000, 200, total=20_000.0, squares=600_000.0),
        counts("b", 2_000, 200, total=30_000.0, squares=900_000.0),
    ]
    assert assess(two, Rules(money), is_over=False).winner == "b"


@pytest.mark.parametrize("arms", [2, 4])
def test_of_a_thousand_experiments_about_nothing_few_are_decided(arms: int) -> None:
    """Looked at every day for 60 days, by the rule itself."""
    daily = np.random.default_rng(arms).binomial(40, 0.1, size=(1_000, 60, arms))
    wrong = sum(_is_decided(np.cumsum(test, axis=0)) for test in daily)
    assert wrong / 1_000 <= 0.05


def _is_decided(test: Any) -> bool:
    return any(
        assess(_equal_arms(40 * day, row), Rules(ORDER), is_over=False).state == "decided"
        for day, row in enumerate(test, start=1)
        if day % 3 == 0  # every third, as all are much slower and no other
    )


def _equal_arms(matured: int, converted: Sequence[int]) -> list[Counts]:
    share = 10_000 // len(converted)
    return [counts(str(number), matured, int(one), share=share) for number, one in enumerate(converted)]
