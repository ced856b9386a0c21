"""A programme's folder: read and checked as a whole, and put into force as a whole."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy.ext.asyncio import AsyncConnection

from journeyflow.audience.dependence import dependence
from journeyflow.compiler import compile_designs, compile_journey, compile_segment
from journeyflow.conditions import Condition, to_json
from journeyflow.digests import digest
from journeyflow.errors import JourneyflowError
from journeyflow.experiments.designs import Design
from journeyflow.experiments.starting import Settled, SpoiltExperiments, settle
from journeyflow.language.problems import ProgrammeError
from journeyflow.language.programme import Programme, load
from journeyflow.messages.facts import known_messages
from journeyflow.messages.templates import Template, load_templates
from journeyflow.store.applying import Applied, PlannedJourney, StoredTemplate, put_programme
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


@dataclass(frozen=True, slots=True)
class Outcome:
    """Of applying a folder, or of trying it."""

    applied: Applied
    experiments: Settled


async def apply_folder(
    store: Store,
    folder: Folder,
    now: datetime,
    actor: str = "journeyflow",
    restart: Collection[str] = (),
) -> Outcome:
    """In one transaction. Experiments named in `restart` start anew.

    Raises SpoiltExperiments if others would be spoilt.
    """
    async with store.writing() as connection:
        outcome = await _put(connection, folder, now, actor, restart)
        if outcome.experiments.spoilt:
            raise SpoiltExperiments(outcome.experiments.spoilt)
        return outcome


async def try_folder(store: Store, folder: Folder, now: datetime, restart: Collection[str] = ()) -> Outcome:
    """What applying it would do; nothing is changed."""
    async with store.writing() as connection:
        outcome = await _put(connection, folder, now, "", restart)
        await connection.rollback()
        return outcome


async def _put(
    connection: AsyncConnection, folder: Folder, now: datetime, actor: str, restart: Collection[str]
) -> Outcome:
    planned = []
    for journey in folder.programme.journeys:
        plan = compile_journey(journey, folder.programme.segments)
        planned.append(PlannedJourney(plan.journey, plan.digest, plan.to_json(), journey.source))
    texts = [
        StoredTemplate(one.name, one.channel, one.locale, one.digest, one.to_json())
        for one in folder.templates
    ]
    policy, segments = folder.programme.policy.to_json(), _segments(folder.programme)
    applied = await put_programme(connection, policy, texts, planned, now, actor, segments)
    experiments = await settle(connection, designs_of(folder), restart, now, actor)
    return Outcome(applied, experiments)


def designs_of(folder: Folder) -> list[Design]:
    texts = _texts(folder.templates)
    return [
        Design.of(name, journey.name.value, split, texts)
        for journey in folder.programme.journeys
        for name, split in compile_designs(journey, folder.programme.segments).items()
    ]


def _texts(templates: Iterable[Template]) -> dict[tuple[str, str], str]:
    """The digest of each in all its languages, by channel and name."""
    found: dict[tuple[str, str], dict[str, str]] = {}
    for one in templates:
        found.setdefault((one.channel, one.name), {})[one.locale] = one.digest
    return {name: digest(languages) for name, languages in found.items()}


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
