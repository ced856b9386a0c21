"""A programme's folder: read and checked as a whole, and put into force as a whole."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from journeyflow.audience.dependence import dependence
from journeyflow.compiler import compile_journey, compile_segment
from journeyflow.conditions import Condition, to_json
from journeyflow.errors import JourneyflowError
from journeyflow.language.problems import ProgrammeError
from journeyflow.language.programme import Programme, load
from journeyflow.messages.facts import known_messages
from journeyflow.messages.templates import Template, load_templates
from journeyflow.store.applying import Applied, PlannedJourney, StoredTemplate, apply_programme
from journeyflow.store.database import Store
from journeyflow.store.definitions import PlannedSegment


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
    policy, segments = folder.programme.policy.to_json(), _segments(folder.programme)
    return await apply_programme(store, policy, texts, planned, now, actor, segments)


def _segments(programme: Programme) -> list[PlannedSegment]:
    return [_planned(name, compile_segment(name, programme.segments)) for name in programme.segments]


def _planned(name: str, condition: Condition) -> PlannedSegment:
    on = dependence(condition)
    return PlannedSegment(
        name,
        to_json(condition),
        on_events=bool(on.events),
        on_customers=on.customers,
        on_consents=on.consents,
        on_messages=on.messages,
        on_rfm=on.rfm,
        on_time=on.time,
    )
