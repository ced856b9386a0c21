"""The whole programme from its folder: journeys, segments and policy, read and checked together."""

import os
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from journeyflow.errors import ConfigurationError
from journeyflow.language.checks import families
from journeyflow.language.checks import purchases as purchase_checks
from journeyflow.language.checks import segments as segment_checks
from journeyflow.language.checks.allowed import Allowance, allowances, silence
from journeyflow.language.checks.surroundings import Message, Surroundings, messages_by_name
from journeyflow.language.definition import Journey, Segment
from journeyflow.language.journey import parse_journey
from journeyflow.language.policy import parse_policy
from journeyflow.language.problems import Mark, Problem, ProgrammeError, Report, instead, quoted
from journeyflow.language.rfm import ready_made
from journeyflow.language.segments import parse_segments
from journeyflow.language.source import MAX_BYTES, Document, read
from journeyflow.policy import Policy

_SEGMENTS, _POLICY = "segments.yaml", "policy.yaml"
_ENDINGS = (".yaml", ".yml")


@dataclass(frozen=True, slots=True)
class Programme:
    journeys: tuple[Journey, ...]  # by name
    segments: dict[str, Segment]
    policy: Policy
    warnings: tuple[Problem, ...] = ()  # sorted


def load(root: Path, messages: Iterable[Message] | None = None) -> Programme:
    """Read `root`/journeys. `messages` are those that there are templates for; None: not known.

    Raises ProgrammeError with all problems if one of them is an error, ConfigurationError if there is no
    such folder, or nothing in it.
    """
    folder = root / "journeys"
    if not folder.is_dir():
        raise ConfigurationError(
            f'there is no folder "{folder}"; run in the folder that holds journeys/, or name it'
        )
    files = sorted([*folder.iterdir(), *_below(folder)])
    if not any(_is_meant(file) for file in files):
        raise ConfigurationError(
            f'there is no journey in "{folder}"; write one, such as {folder}/welcome.yaml'
        )
    return _load(folder, files, messages, whole=True)


def load_file(file: Path, messages: Iterable[Message] | None = None) -> Programme:
    """One journey, with the segments and the policy beside it, or one of these two; raises as `load` does."""
    if not file.exists():
        raise ConfigurationError(f'there is no file "{file}"; name the file of a journey')
    if file.is_dir() or not _is_meant(file):
        raise ConfigurationError(f'"{file}" is no journey, which is a file that ends in ".yaml"; name one')
    if file.name in (_SEGMENTS, _POLICY):
        return _load_beside(file, messages)
    return _load(file.parent, [file], messages, whole=False)


@dataclass(frozen=True, slots=True)
class _Read:
    """One file of a journey, as far as it could be read."""

    journey: Journey | None
    allowed: tuple[Allowance, ...]
    report: Report
    is_sound: bool  # nothing is wrong with its shape


def _load(folder: Path, files: list[Path], messages: Iterable[Message] | None, *, whole: bool) -> Programme:
    problems: list[Problem] = []
    known = None if messages is None else messages_by_name(messages)
    names = _names(folder)
    policy = _policy(folder / _POLICY, names, problems)
    segments = _segments(folder / _SEGMENTS, policy, known, problems)
    found = [_read(file) for file in files if _is_journey(file, folder, problems)]
    _check(found, Surroundings(segments, policy, known, names), whole)
    problems += (problem for each in found for problem in each.report.problems)
    journeys = tuple(each.journey for each in found if each.journey)
    return _sound(Programme(journeys, segments or {}, policy or Policy()), problems)


def _load_beside(file: Path, messages: Iterable[Message] | None) -> Programme:
    """The segments or the policy alone; the policy beside segments says only what they may use."""
    problems: list[Problem] = []
    if file.name == _POLICY:
        return _sound(Programme((), {}, _policy(file, _names(file.parent), problems) or Policy()), problems)
    known = None if messages is None else messages_by_name(messages)
    policy = _policy(file.parent / _POLICY, _names(file.parent), [])
    return _sound(Programme((), _segments(file, policy, known, problems) or {}, Policy()), problems)


def _names(folder: Path) -> list[str]:
    return [file.stem for file in folder.glob("*.yaml") if file.name not in (_SEGMENTS, _POLICY)]


def _sound(programme: Programme, problems: list[Problem]) -> Programme:
    if any(problem.severity == "error" for problem in problems):
        raise ProgrammeError(problems)
    return replace(programme, warnings=tuple(sorted(problems)))


def _read(file: Path) -> _Read:
    document = _open(file)
    journey, allowed = parse_journey(document), allowances(document)
    is_sound = not any(problem.severity == "error" for problem in document.report.problems)
    return _Read(journey, allowed, document.report, is_sound)


def _check(found: list[_Read], around: Surroundings, whole: bool) -> None:
    """Each journey by itself, then all together; what the files allow is taken out at the end."""
    for each in found:
        if each.journey is not None:
            families.check(each.journey, around, each.report, each.is_sound)
    sound = [(each.journey, each.report) for each in found if each.journey and each.is_sound]
    if whole:
        families.check_together(sound, around)
    is_complete = whole and len(sound) == len(found)
    known = ["journey"] if around.policy is not None and around.segments is not None else []
    known += ["templates"] if known and around.messages is not None else []
    known += ["programme"] if known and is_complete else []
    for each in found:
        silence(each.report, each.allowed, known)


def _segments(
    file: Path,
    policy: Policy | None,
    messages: Collection[tuple[str, str]] | None,
    problems: list[Problem],
) -> dict[str, Segment] | None:
    """With the ready-made ones."""
    if not file.exists():
        return ready_made(policy)
    document = _open(file)
    own = parse_segments(document)
    segments = None if own is None else own | ready_made(policy)
    if own is not None and segments is not None:
        purchase_checks.check_segments(own, policy, document.report)
        segment_checks.check(segments, messages, document.report)
    problems += document.report.problems
    return segments


def _policy(file: Path, journeys: Collection[str], problems: list[Problem]) -> Policy | None:
    if not file.exists():
        return Policy()
    document = _open(file)
    read = parse_policy(document)
    for word in read.journeys:
        if word.value not in journeys:
            way_out = instead(word.value, journeys) if journeys else "write it first"
            message = f"no journey is called {quoted(word.value)}; {way_out}"
            document.report.add(word.mark, "JF213", message)
    problems += document.report.problems
    return read.policy if not document.report.problems else None


def _below(folder: Path) -> Iterator[Path]:
    """The YAML files in folders below it, but for hidden ones and those that bear the name of a file."""
    for place, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if name[0] != "." and Path(name).suffix not in _ENDINGS)
        if Path(place) != folder:
            yield from (file for name in names if _is_meant(file := Path(place, name)))


def _is_meant(file: Path) -> bool:
    """Whether somebody expects it to be read."""
    return file.suffix in _ENDINGS and not file.name.startswith(".")


def _is_journey(file: Path, folder: Path, problems: list[Problem]) -> bool:
    """Of a file that is in vain, it is told why."""
    if not _is_meant(file):
        return False
    why = _in_vain(file, folder)
    if why:
        report = Report(file.as_posix())
        report.add(Mark(1, 1), "JF016", why)
        problems += report.problems
    return not why and file.name not in (_SEGMENTS, _POLICY)


def _in_vain(file: Path, folder: Path) -> str:
    if file.parent != folder:
        below = quoted(file.parent.relative_to(folder).as_posix())
        return f'the file lies in the folder {below} and is not read; move it into "{folder.name}" itself'
    if file.suffix == ".yml":
        return f'the file ends in ".yml" and is not read; name it "{file.stem}.yaml"'
    return ""


def _open(file: Path) -> Document:
    """At most as much is read as may be in a file."""
    try:
        with file.open("rb") as stream:
            return read(file.as_posix(), stream.read(MAX_BYTES + 1))
    except OSError as error:
        report = Report(file.as_posix())
        report.add(
            Mark(1, 1),
            "JF015",
            f"the file cannot be opened ({error.strerror}); check what it is and who may read it",
        )
        return Document(file.as_posix(), "", None, report)
