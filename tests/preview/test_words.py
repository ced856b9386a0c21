"""What a marketer reads."""

import pytest

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
    Not,
    Pick,
    Rfm,
    Trigger,
)
from journeyflow.conditions import Test as Comparison
from journeyflow.language.durations import in_words
from journeyflow.plan import (
    Arm,
    Branch,
    Change,
    End,
    EnterByDate,
    EnterByEvent,
    EnterBySchedule,
    EnterBySegment,
    Entry,
    ExitRule,
    Goal,
    HandOver,
    IfCapped,
    Metric,
    Plan,
    Send,
    Split,
    Step,
    Update,
    Variant,
    Wait,
    WaitBestTime,
    WaitFor,
    WaitUntil,
    WaitUntilDate,
    Webhook,
)
from journeyflow.preview.words import (
    condition_in_words,
    entry_in_words,
    if_capped_in_words,
    rules_in_words,
    step_in_words,
    ways,
)

ORDER = EventMatch("order.completed")
GOLD = Attribute((Comparison("tier", "is", "gold"),))

STEPS: list[tuple[Step, str]] = [
    (Send("a", 1, "email", "welcome"), "E-mail welcome"),
    (Send("a", 1, "sms", "code"), "SMS code"),
    (Wait("a", 1, 129_600), "Wait 1 day 12 hours"),
    (WaitUntil("a", 1, "10:00"), "Wait until 10:00"),
    (WaitUntil("a", 1, "10:00", (0, 1, 2, 3, 4)), "Wait until 10:00, Mon to Fri"),
    (WaitUntil("a", 1, "10:00", (0, 2, 6)), "Wait until 10:00, Mon, Wed or Sun"),
    (WaitUntilDate("a", 1, "renewal", "09:00"), "Wait until the date in renewal, at 09:00"),
    (WaitUntilDate("a", 1, "renewal", "09:00", -7), "Wait until 7 days before the date in renewal, at 09:00"),
    (
        WaitBestTime("a", 1, ("email.clicked",), 129_600, "18:30"),
        "Wait for the hour of their own within 1 day 12 hours (else 18:30)",
    ),
    (WaitFor("a", (ORDER,), 604_800, 1, 2), "order.completed within 7 days?"),
    (
        WaitFor("a", (EventMatch("review", (Comparison("rating", "at_least", 4),)), ORDER), 60, 1, 2),
        "review (rating is at least 4) or order.completed within 1 minute?",
    ),
    (Branch("a", (Arm(GOLD, 1),), 2), "Tier is gold?"),
    (Branch("a", (Arm(GOLD, 1), Arm(Consent("sms"), 1)), 2), "Which of these?"),
    (
        Update("a", 1, (Change("points", "add", 50), Change("vip", "set", True), Change("old", "set", None))),
        "Add 50 to points, set vip to true, forget old",
    ),
    (Split("a", "timing", 0, (Variant("now", 10_000, 1),)), "Experiment timing"),
    (Split("a", "timing", 1_050, (Variant("now", 8_950, 1),)), "Experiment timing, 10.5% held out"),
    (Webhook("a", 1, "https://hooks.example.com/new", ()), "Webhook to hooks.example.com"),
    (HandOver("a", 1, "welcome"), "Hand over to welcome"),
    (End("end"), "End"),
]

CONDITIONS: list[tuple[Condition, str]] = [
    (ALWAYS, "everyone"),
    (Attribute((Comparison("tier", "in", ("gold", "platinum")),)), "tier is gold or platinum"),
    (Attribute((Comparison("tier", "not_in", ("a", "b", 5)),)), "tier is none of a, b or 5"),
    (
        Attribute((Comparison("points", "at_least", 1), Comparison("points", "less_than", 5.5))),
        "points is at least 1 and is less than 5.5",
    ),
    (Attribute((Comparison("email", "exists", True),)), "email is known"),
    (Attribute((Comparison("email", "exists", False),)), "email is not known"),
    (Attribute((Comparison("name", "is", ""),)), 'name is ""'),
    (Trigger((Comparison("source", "is", "store"),)), "at entry, source is store"),
    (History(ORDER, within=7_776_000), "has order.completed within 90 days"),
    (History(ORDER, since_entry=True), "has order.completed since entry"),
    (History(ORDER, first=Pick(2_592_000)), "the first order.completed was within 30 days"),
    (
        Not(History(ORDER, most_recent=Pick(3_600, (Comparison("total", "at_least", 50),)))),
        "not (the most recent order.completed was within 1 hour and one whose total is at least 50)",
    ),
    (
        History(ORDER, within=86_400, count=(Comparison("count", "at_least", 2),)),
        "at least 2 times order.completed within 1 day",
    ),
    (
        History(ORDER, sum=(Comparison("total", "more_than", 300),)),
        "the sum of total over order.completed is more than 300",
    ),
    (Consent("email"), "consents to e-mail"),
    (Consent("sms", "offers"), "consents to SMS about offers"),
    (
        Rfm((Comparison("class", "in", ("loyal", "champion")), Comparison("monetary", "at_least", 4))),
        "by purchases, class is loyal or champion and monetary is at least 4",
    ),
    (Not(InSegment("quiet", ALWAYS)), "not in the segment quiet"),
    (Not(Consent("sms")), "no consent to SMS"),
    (Not(History(ORDER)), "no order.completed"),
    (Not(All((GOLD, Consent("sms")))), "not (tier is gold and consents to SMS)"),
    (
        All((Consent("sms"), Any((GOLD, InSegment("vip", ALWAYS))))),
        "consents to SMS and (tier is gold or in the segment vip)",
    ),
    (All((Any((GOLD,)),)), "tier is gold"),
]


@pytest.mark.parametrize(("step", "words"), STEPS)
def test_steps(step: Step, words: str) -> None:
    assert step_in_words(step) == words


@pytest.mark.parametrize(("condition", "words"), CONDITIONS)
def test_conditions(condition: Condition, words: str) -> None:
    assert condition_in_words(condition) == words


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(1, "1 second"), (93_784, "1 day 2 hours 3 minutes 4 seconds"), (1_209_600, "14 days")],
)
def test_durations(seconds: int, words: str) -> None:
    assert in_words(seconds) == words


def test_ways_are_named_by_their_case() -> None:
    assert ways(Wait("a", 1, 60)) == [("", 1)]
    assert ways(WaitFor("a", (ORDER,), 60, 1, 2)) == [("yes", 1), ("no", 2)]
    assert ways(Branch("a", (Arm(GOLD, 1),), 2)) == [("yes", 1), ("no", 2)]
    several = Branch("a", (Arm(GOLD, 1), Arm(Consent("sms"), 2)), 3)
    assert ways(several) == [("tier is gold", 1), ("consents to SMS", 2), ("otherwise", 3)]
    split = Split("a", "timing", 1_000, (Variant("now", 4_567, 1), Variant("later", 4_433, 2)))
    assert ways(split) == [("now, 45.67%", 1), ("later, 44.33%", 2)]
    assert ways(End("end")) == []


def test_what_a_cap_does() -> None:
    send = Send("a", 1, "sms", "code")
    assert if_capped_in_words(send) == ""
    capped = [IfCapped("exit"), IfCapped("wait", 7_200)]
    assert [if_capped_in_words(Send("a", 1, "sms", "code", one)) for one in capped] == [
        "leaves the journey if a cap is full",
        "waits up to 2 hours for room under the caps",
    ]


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        (EnterByEvent(ORDER), "order.completed"),
        (EnterByDate("renewal", "09:00"), "on the date in renewal, at 09:00"),
        (
            EnterByDate("birthday", "09:00", -7, True),
            "every year 7 days before the date in birthday, at 09:00",
        ),
        (EnterBySegment("lapsed", ALWAYS), "joins the segment lapsed"),
        (EnterBySchedule("0 9 * * mon"), "on the schedule 0 9 * * mon"),
    ],
)
def test_entries(entry: Entry, words: str) -> None:
    assert entry_in_words(entry) == words


def test_the_rules_of_a_journey() -> None:
    exits = (
        ExitRule("exit/0", event=ORDER),
        ExitRule("exit/1", when=GOLD),
        ExitRule("exit/2", leaves="gold"),
    )
    goal = Goal(ORDER, within=86_400)
    plan = Plan("any", "Any", "marketing", 50, EnterByEvent(ORDER), (End("end"),), GOLD, 3_600, exits, goal)
    assert rules_in_words(plan) == [
        "how often: again after 1 hour at the soonest",
        "only who: tier is gold",
        "leaves at once: order.completed",
        "leaves at once: tier is gold",
        "leaves at once: when leaving the segment gold",
        "goal: order.completed within 1 day",
    ]


def test_what_decides_an_experiment() -> None:
    metrics = (None, Metric(ORDER, 86_400), Metric(ORDER, 7_200, "total", 500, "less"))
    splits = (Split(f"s{n}", f"e{n}", 0, (Variant("a", 10_000, 3),), one) for n, one in enumerate(metrics))
    plan = Plan("any", "Any", "marketing", 50, EnterByEvent(ORDER), (*splits, End("end")))
    assert rules_in_words(plan)[1:] == [
        "experiment e0: nothing decides it",
        "experiment e1: more of order.completed within 1 day is better",
        "experiment e2: less of the sum of total over order.completed within 2 hours is better",
    ]


def test_who_comes_in_together_sets_out_over_a_time() -> None:
    plan = Plan("any", "Any", "marketing", 50, EnterBySchedule("0 9 * * mon"), (End("end"),), spread=7_200)
    assert rules_in_words(plan)[1] == "who come in together: set out over 2 hours"
