"""One journey's file as a plan, for the commands that show what it does."""

from pathlib import Path

from journeyflow.compiler import compile_journey
from journeyflow.language.programme import load_file
from journeyflow.plan import Plan
from journeyflow.policy import Policy


def read_plan(file: Path) -> tuple[Plan, Policy]:
    """With the segments and the policy beside it; raises ProgrammeError with all problems."""
    programme = load_file(file)
    return compile_journey(programme.journeys[0], programme.segments), programme.policy
