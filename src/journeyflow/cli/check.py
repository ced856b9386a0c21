"""`journeyflow check`: every problem of the programme at once, and nothing else is done."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from journeyflow.cli.obstacles import needing_files

if TYPE_CHECKING:
    from journeyflow.language.checks.surroundings import Message
    from journeyflow.language.problems import Problem
    from journeyflow.language.programme import Programme


@click.command(short_help="Look for problems in journeys, segments, policy and templates.")
@click.argument("root", default=".", type=click.Path(path_type=Path))
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json", "github"]),
    default="text",
    show_default=True,
    help="For people, for programs, or as annotations on GitHub.",
)
@click.option("--strict", is_flag=True, help="Let warnings count as errors do.")
@click.pass_context
def check(context: click.Context, root: Path, form: str, strict: bool) -> None:
    """Read the programme in ROOT, or one journey file with what stands beside it, and print all problems.

    Exit code 0: no errors; 1: there are some; 2: there is nothing to check. Warnings are printed and stop
    nobody, unless --strict is given; a journey silences one with "allow: {CODE: the reason}". The policy
    or the segments can be named, too, and are then looked at alone.
    """
    with needing_files():
        found = _find(root)
    click.echo(_FORMATS[form](found))
    context.exit(1 if found.errors or (strict and found.problems) else 0)


def find_problems(root: Path) -> "list[Problem]":
    """As the command finds them; raises ConfigurationError where there is nothing to check."""
    return _find(root).problems


@dataclass(frozen=True, slots=True)
class _Found:
    root: Path
    problems: "list[Problem]"  # sorted
    programme: "Programme | None" = None  # None: there are errors

    @property
    def errors(self) -> int:
        return sum(problem.severity == "error" for problem in self.problems)


def _find(root: Path) -> _Found:
    # Imported late, so that the command line's help does not wait for it.
    from journeyflow.errors import ConfigurationError
    from journeyflow.language.problems import ProgrammeError
    from journeyflow.language.programme import load, load_file

    if not root.exists():
        raise ConfigurationError(
            f'there is no "{root}"; name a folder that holds journeys/, or the file of a journey'
        )
    messages, problems = _messages(_programme_of(root))
    try:
        programme = load(root, messages) if root.is_dir() else load_file(root, messages)
    except ProgrammeError as error:
        return _Found(root, sorted([*error.problems, *problems]))
    return _Found(root, sorted([*programme.warnings, *problems]), programme)


def _programme_of(root: Path) -> Path | None:
    """The programme's folder; None for a file that stands by itself."""
    if root.is_dir():
        return root
    folder = root.absolute().parent
    return folder.parent if folder.name == "journeys" else None


def _messages(root: Path | None) -> "tuple[list[Message] | None, list[Problem]]":
    """What there are templates for, and what is wrong with them. None: not known."""
    from journeyflow.language.problems import Problem
    from journeyflow.messages.facts import known_messages
    from journeyflow.messages.templates import load_templates

    if root is None:
        return None, []
    folder = root / "templates" / "messages"
    templates, faults = load_templates(folder)
    problems = [Problem(f.file, f.line, f.column, "JF401", f.message) for f in faults]
    return known_messages(folder, templates, faults), problems


def _text(found: _Found) -> str:
    if not found.problems:
        return f"{_checked(found)} checked, nothing is wrong"
    warnings = len(found.problems) - found.errors
    counts = [(found.errors, "error"), (warnings, "warning")]
    told = " and ".join(_count(number, noun) for number, noun in counts if number)
    files = _count(len({problem.file for problem in found.problems}), "file")
    return "\n".join([*map(str, found.problems), "", f"{told} in {files}"])


def _checked(found: _Found) -> str:
    """The journeys; a file that is none by its name."""
    journeys = found.programme.journeys if found.programme else ()
    return _count(len(journeys), "journey") if journeys or found.root.is_dir() else found.root.name


def _json(found: _Found) -> str:
    keys = ("file", "line", "column", "width", "code", "severity", "message")
    listed = [{key: getattr(problem, key) for key in keys} for problem in found.problems]
    most = _most_messages(found.programme) if found.programme else {}
    told = {"problems": listed, "journeys": list(most), "most_messages": most}
    return json.dumps(told, indent=2, ensure_ascii=False)


def _most_messages(programme: "Programme") -> dict[str, dict[str, int | None]]:
    """By journey, what one customer can get from it in a day, a week and a month; None: without limit."""
    from journeyflow.language.checks.pressure import most

    return most(programme.journeys, programme.policy)


def _github(found: _Found) -> str:
    """Annotations that GitHub shows beside the lines."""
    return "\n".join(map(_annotation, found.problems)) if found.problems else _text(found)


def _annotation(problem: "Problem") -> str:
    place = {"file": problem.file, "line": problem.line, "col": problem.column, "title": problem.code}
    keys = ",".join(f"{key}={_escaped(str(value), '%', ':', ',')}" for key, value in place.items())
    return f"::{problem.severity} {keys}::{_escaped(problem.message, '%')}"


def _escaped(text: str, *chars: str) -> str:
    return "".join(f"%{ord(char):02X}" if char in chars or char in "\r\n" else char for char in text)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


_FORMATS: dict[str, Callable[[_Found], str]] = {"text": _text, "json": _json, "github": _github}
