"""A programme's folder: read and checked as a whole, and put into force as a whole."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from journeyflow.compiler import compile_journey
from journeyflow.errors import JourneyflowError
from journeyflow.language.problems import ProgrammeError
from journeyflow.language.programme import Programme, load
from journeyflow.messages.facts import known_messages
from journeyflow.messages.templates import Template, load_templates
from journeyflow.store.applying import Applied, PlannedJourney, StoredTemplate, apply_programme
from journeyflow.store.database import Store


@dataclass(frozen=True, slots=True)
class Folder:
    programme: Programme
    templates: list[Template]


class FolderError(JourneyflowError):
    """Everything that is wrong with the journeys and the templates of a folder, each in one text."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


def read_folder(root: Path) -> Folder:
    """Raises FolderError with all problems at once, ConfigurationError if there are no journeys."""
    place = root / "templates" / "messages"
    templates, faults = load_templates(place)
    told = [str(fault) for fault in faults]
    try:
        programme = load(root, known_messages(place, templates, faults))
    except ProgrammeError as error:
        raise FolderError([*map(str, error.problems), *told]) from None
    if told:
        raise FolderError(told)
    return Folder(programme, templates)


async def apply_folder(store: Store, folder: Folder, now: datetime, actor: str = "journeyflow") -> Applied:
    planned = []
    for journey in folder.programme.journeys:
        plan = compile_journey(journey, folder.programme.segments)
        planned.append(PlannedJourney(plan.journey, plan.digest, plan.to_json(), journey.source))
    texts = [
        StoredTemplate(one.name, one.channel, one.locale, one.digest, one.to_json())
        for one in folder.templates
    ]
    return await apply_programme(store, folder.programme.policy.to_json(), texts, planned, now, actor)
