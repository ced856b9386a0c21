"""The whole programme from its folder: journeys, segments and policy, read and checked together."""

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from journeyflow.errors import ConfigurationError
from journeyflow.language.checks import flow, references, scope
from journeyflow.language.checks import segments as segment_checks
from journeyflow.language.checks.surroundings import Surroundings
from journeyflow.language.definition import Journey, Segment
from journeyflow.language.journey import parse_journey
from journeyflow.language.policy import parse_policy
from journeyflow.language.problems import Mark, Problem, ProgrammeError, Report
from journeyflow.language.segments import parse_segments
from journeyflow.language.source import MAX_BYTES, Document, read
from journeyflow.policy import Policy

_FAMILIES = (references.check, flow.check, scope.check)
_SEGMENTS, _POLICY = "segments.yaml", "policy.yaml"


@dataclass(frozen=True, slots=True)
class Programme:
    journeys: tuple[Journey, ...]  # by name
    segments: dict[str, Segment]
    policy: Policy


def load(root: Path, templates: Collection[tuple[str, str]] | None = None) -> Programme:
    """Read `root`/journeys. `templates` are the known (name, channel); None: theirs are not checked.

    Raises ProgrammeError with all problems at once, ConfigurationError if there is no such folder.
    """
    folder = root / "journeys"
    if not folder.is_dir():
        raise ConfigurationError(
            f'there is no folder "{folder}"; run in the folder that holds journeys/, or name it'
        )
    return _load(folder, sorted(folder.iterdir()), templates)


def load_file(file: Path, templates: Collection[tuple[str, str]] | None = None) -> Programme:
    """One journey, with the segments and the policy beside it; raises as `load` does."""
    if not file.is_file():
        raise ConfigurationError(
            f'there is no file "{file}"; name a folder that holds journeys/, or a journey'
        )
    return _load(file.parent, [file], templates)


def _load(folder: Path, files: list[Path], templates: Collection[tuple[str, str]] | None) -> Programme:
    problems: list[Problem] = []
    segments = _segments(folder / _SEGMENTS, problems)
    policy = _policy(folder / _POLICY, problems)
    around = Surroundings(segments, policy, templates)
    journeys = [_journey(file, around, problems) for file in files if _is_journey(file, problems)]
    if problems:
        raise ProgrammeError(problems)
    return Programme(tuple(filter(None, journeys)), segments or {}, policy or Policy())


def _segments(file: Path, problems: list[Problem]) -> dict[str, Segment] | None:
    if not file.exists():
        return {}
    document = _open(file)
    segments = parse_segments(document)
    if segments is not None:
        segment_checks.check(segments, document.report)
    problems += document.report.problems
    return segments


def _policy(file: Path, problems: list[Problem]) -> Policy | None:
    if not file.exists():
        return Policy()
    document = _open(file)
    policy = parse_policy(document)
    problems += document.report.problems
    return policy


def _is_journey(file: Path, problems: list[Problem]) -> bool:
    if file.suffix == ".yml":
        report = Report(file.as_posix())
        report.add(
            Mark(1, 1), "JF016", f'the file ends in ".yml" and is not read; name it "{file.stem}.yaml"'
        )
        problems += report.problems
    return file.suffix == ".yaml" and not file.name.startswith(".") and file.name not in (_SEGMENTS, _POLICY)


def _journey(file: Path, around: Surroundings, problems: list[Problem]) -> Journey | None:
    document = _open(file)
    journey = parse_journey(document)
    if journey is not None:
        for check in _FAMILIES:
            check(journey, around, document.report)
    problems += document.report.problems
    return journey


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
