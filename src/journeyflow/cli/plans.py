"""One journey's file as a plan, for the commands that show what it does."""

from pathlib import Path

from journeyflow.cli.obstacles import CouldNotRun, needing_files
from journeyflow.compiler import compile_journey
from journeyflow.language.programme import load_file
from journeyflow.plan import Plan
from journeyflow.policy import Policy


def read_plan(file: Path) -> tuple[Plan, Policy]:
    """With the segments and the policy beside it.

    Raises ProgrammeError with all problems, CouldNotRun for a file that is no journey.
    """
    with needing_files():
        programme = load_file(file)
    if not programme.journeys:
        raise CouldNotRun(f'"{file}" is no journey but stands beside them; name the file of a journey')
    return compile_journey(programme.journeys[0], programme.segments), programme.policy
