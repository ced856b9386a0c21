"""What a message is written from, read from a programme's folder as it lies there."""

from dataclasses import dataclass
from pathlib import Path

from journeyflow.compiler import compile_journey
from journeyflow.delivery.catalogue import Locales
from journeyflow.errors import ConfigurationError
from journeyflow.folder import FolderError
from journeyflow.language.problems import ProgrammeError, instead
from journeyflow.language.programme import Programme, load, load_file
from journeyflow.messages.templates import load_templates
from journeyflow.plan import End, EnterByHand, Plan, Send
from journeyflow.policy import Policy


@dataclass(frozen=True, slots=True)
class Occasion:
    """The step of a journey that sends the message; where there is none, one is made up."""

    plan: Plan
    step: int
    is_made_up: bool = False


def read_templates(root: Path, name: str) -> dict[str, Locales]:
    """The template's versions by channel, then locale. What is wrong with other templates does not matter.

    Raises FolderError with everything that is wrong with this one, ConfigurationError if there is none.
    """
    folder = root / "templates" / "messages"
    templates, faults = load_templates(folder)
    mine = [str(fault) for fault in faults if _is_of(fault.file, folder / name)]
    if mine:
        raise FolderError(mine)
    found: dict[str, Locales] = {}
    for template in templates:
        if template.name == name:
            found.setdefault(template.channel, {})[template.locale] = template
    if not found:
        names = {template.name for template in templates}
        way_out = instead(name, names) if names else "there is no other either"
        raise ConfigurationError(f'there is no template "{name}" in "{folder}"; {way_out}')
    return found


def read_programme(root: Path) -> Programme:
    """Without journeys where one of them has problems; raises ProgrammeError where the policy has."""
    try:
        return load(root)
    except ProgrammeError:
        policy = root / "journeys" / "policy.yaml"
        return load_file(policy) if policy.exists() else Programme((), {}, Policy())


def occasion(programme: Programme, name: str, channel: str) -> Occasion:
    """The first step, by the journeys' names, that sends this template on this channel."""
    for journey in programme.journeys:
        plan = compile_journey(journey, programme.segments)
        for number, step in enumerate(plan.steps):
            if isinstance(step, Send) and (step.template, step.channel) == (name, channel):
                return Occasion(plan, number)
    category = next(iter(programme.policy.categories), "marketing")
    send = Send("steps/0", 1, channel, name)
    plan = Plan("preview", "Preview", category, 50, EnterByHand(), (send, End("end")))
    return Occasion(plan, 0, is_made_up=True)


def _is_of(file: str, place: Path) -> bool:
    """A fault may be about the folder itself."""
    return Path(file) == place or place in Path(file).parents
