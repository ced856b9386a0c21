"""Resending: what may have gone out already goes out again only where customers wait for it."""

from journeyflow.language.checks.surroundings import Surroundings
from journeyflow.language.definition import Journey, SendStep
from journeyflow.language.problems import Report, quoted
from journeyflow.language.walk import all_steps
from journeyflow.policy import Category


def check(journey: Journey, around: Surroundings, report: Report) -> None:
    if around.policy is None:
        return
    category = journey.category.value
    if around.policy.categories.get(category, Category()).consent == "not-required":
        return
    for step in all_steps(journey.steps):
        if isinstance(step, SendStep) and step.when_unknown and step.when_unknown.value == "resend":
            message = (
                f"the category {quoted(category)} needs consent, and its messages are never sent twice; "
                'leave "when_unknown" out, or give the journey a category with "consent: not-required"'
            )
            report.add(step.when_unknown.mark, "JF602", message)
