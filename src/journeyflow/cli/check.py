"""`journeyflow check`: every problem of the programme at once, and nothing else is done."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from journeyflow.language.problems import Problem


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
@click.pass_context
def check(context: click.Context, root: Path, form: str) -> None:
    """Read the programme in ROOT, or one journey file with what stands beside it, and print all problems.

    Exit code 0: nothing is wrong; 1: there are problems; 2: there is nothing to check.
    """
    # Imported late, so that the command line's help does not wait for it.
    from journeyflow.errors import ConfigurationError

    try:
        problems, journeys = _find(root)
    except ConfigurationError as error:
        click.echo(str(error), err=True)
        context.exit(2)
    click.echo(_FORMATS[form](problems, journeys))
    context.exit(1 if problems else 0)


def _find(root: Path) -> "tuple[list[Problem], list[str]]":
    """All problems, sorted, and the names of the journeys if there are none."""
    from journeyflow.language.problems import ProgrammeError
    from journeyflow.language.programme import load, load_file

    templates, problems = _templates(_programme_of(root))
    try:
        programme = load(root, templates) if root.is_dir() else load_file(root, templates)
    except ProgrammeError as error:
        return sorted([*error.problems, *problems]), []
    return problems, [journey.name.value for journey in programme.journeys]


def _programme_of(root: Path) -> Path | None:
    """The programme's folder; None for a file that stands by itself."""
    if root.is_dir():
        return root
    folder = root.absolute().parent
    return folder.parent if folder.name == "journeys" else None


def _templates(root: Path | None) -> "tuple[set[tuple[str, str]] | None, list[Problem]]":
    """Names and channels, and what is wrong with them; a faulty one counts as known. None: not known."""
    from journeyflow.language.problems import Problem
    from journeyflow.messages.templates import load_templates

    if root is None:
        return None, []
    templates, faults = load_templates(root / "templates" / "messages")
    known = {(template.name, template.channel) for template in templates}
    known |= {(file.parent.name, file.name.partition(".")[0]) for file in (Path(f.file) for f in faults)}
    return known, [Problem(f.file, f.line, f.column, "JF401", f.message) for f in faults]


def _text(problems: "Sequence[Problem]", journeys: Sequence[str]) -> str:
    if not problems:
        return f"{_count(len(journeys), 'journey')} checked, nothing is wrong"
    files = len({problem.file for problem in problems})
    total = f"{_count(len(problems), 'problem')} in {_count(files, 'file')}"
    return "\n".join([*map(str, problems), "", total])


def _json(problems: "Sequence[Problem]", journeys: Sequence[str]) -> str:
    keys = ("file", "line", "column", "width", "code", "message")
    listed = [{key: getattr(problem, key) for key in keys} for problem in problems]
    return json.dumps({"problems": listed, "journeys": list(journeys)}, indent=2, ensure_ascii=False)


def _github(problems: "Sequence[Problem]", journeys: Sequence[str]) -> str:
    """Annotations that GitHub shows beside the lines."""
    return "\n".join(map(_annotation, problems)) if problems else _text(problems, journeys)


def _annotation(problem: "Problem") -> str:
    place = {"file": problem.file, "line": problem.line, "col": problem.column, "title": problem.code}
    keys = ",".join(f"{key}={_escaped(str(value), '%', ':', ',')}" for key, value in place.items())
    return f"::error {keys}::{_escaped(problem.message, '%')}"


def _escaped(text: str, *chars: str) -> str:
    return "".join(f"%{ord(char):02X}" if char in chars or char in "\r\n" else char for char in text)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


_FORMATS: "dict[str, Callable[[Sequence[Problem], Sequence[str]], str]]" = {
    "text": _text,
    "json": _json,
    "github": _github,
}
