"""The shipped journeys and the shipped messages belong together."""

from pathlib import Path

from journeyflow.compiler import compile_journey
from journeyflow.language.checks.surroundings import Message
from journeyflow.language.programme import load
from journeyflow.messages.templates import load_templates
from journeyflow.plan import Branch, EnterByDate, EnterByEvent, EnterBySegment, Plan, Send, WaitFor, WaitUntil

ANSWERS = {"confirm-consent", "confirm-sms", "sms-help", "sms-join", "sms-started", "sms-stopped"}
ROOT = Path(__file__).parents[2]
MESSAGES = [Message(one.name, one.channel) for one in load_templates(ROOT / "templates" / "messages")[0]]


def plans() -> dict[str, Plan]:
    programme = load(ROOT, MESSAGES)
    compiled = [compile_journey(journey, programme.segments) for journey in programme.journeys]
    return {plan.journey: plan for plan in compiled}


def test_every_message_is_sent_by_a_journey() -> None:
    steps = [step for plan in plans().values() for step in plan.steps]
    assert {(step.template, step.channel) for step in steps if isinstance(step, Send)} == {
        (one.name, one.channel) for one in MESSAGES
    }


def test_the_journeys_enter_and_rest_in_every_way_they_show() -> None:
    shipped = plans()
    assert {name: type(plan.enter) for name, plan in shipped.items()} == {
        "welcome": EnterByEvent,
        "birthday": EnterByDate,
        "win-back": EnterBySegment,
        "post-purchase": EnterByEvent,
        "slipping": EnterByEvent,
        "champion": EnterByEvent,
        **dict.fromkeys(ANSWERS, EnterByEvent),
    }
    kinds = {type(step) for plan in shipped.values() for step in plan.steps}
    assert {Send, WaitFor, WaitUntil, Branch} <= kinds


def test_every_journey_has_a_goal_and_leaves_those_alone_who_asked_for_it() -> None:
    marketing = [plan for name, plan in plans().items() if name not in ANSWERS]
    for plan in marketing:
        assert plan.goal is not None, plan.journey
        assert any(rule.when is not None for rule in plan.exits), plan.journey


def test_an_answer_is_no_marketing_and_nobody_is_answered_by_each_of_several() -> None:
    for name in ANSWERS:
        plan = plans()[name]
        assert plan.category == "transactional", name
        assert isinstance(plan.enter, EnterByEvent), name
        asked = [test.name for test in plan.enter.match.where]
        assert asked == (["channel"] if name.startswith("confirm-") else ["answer"]), name
