"""`journeyflow schema`: JSON Schemas, with which an editor completes, explains and checks."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from journeyflow.language.json_schema.documents import Names


@click.command()
@click.argument("kind", required=False, type=click.Choice(["journey", "segments", "policy"]))
@click.option(
    "--root",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Propose the segments, categories, templates and journeys of the programme in this folder.",
)
@click.option(
    "-o",
    "--output",
    "folder",
    type=click.Path(file_okay=False, path_type=Path),
    help="Write KIND.schema.json into this folder instead of here.",
)
def schema(kind: str | None, root: Path | None, folder: Path | None) -> None:
    """Write the JSON Schema of journeys, of segments or of the policy; with -o all three if none is named.

    In an editor with a YAML language server, write this as the first line of a journey:

    \b
        # yaml-language-server: $schema=schemas/journey.schema.json
    """
    # Imported late, so that the command line's help does not wait for it.
    from journeyflow.language.json_schema.documents import SCHEMAS, Names

    names = _names(root) if root else Names()
    if kind is None and folder is None:
        raise click.UsageError("say which schema: journey, segments or policy; or where to write all with -o")
    texts = {
        name: json.dumps(make(names), indent=2, ensure_ascii=False)
        for name, make in SCHEMAS.items()
        if kind in (None, name)
    }
    if folder is None:
        click.echo("\n".join(texts.values()))
    else:
        _write(folder, texts)


def _names(root: Path) -> "Names":
    """Of what can be read: somebody who asks for help may be in the middle of writing."""
    from journeyflow.language.json_schema.documents import Names
    from journeyflow.language.policy import parse_policy
    from journeyflow.language.rfm import ready_made
    from journeyflow.language.segments import parse_segments
    from journeyflow.language.source import read
    from journeyflow.messages.templates import load_templates
    from journeyflow.policy import Policy

    files = {name: root / "journeys" / f"{name}.yaml" for name in ("segments", "policy")}
    found = {name: read(file.as_posix(), file.read_bytes()) for name, file in files.items() if file.is_file()}
    segments = parse_segments(found["segments"]) if "segments" in found else None
    policy = parse_policy(found["policy"]).policy if "policy" in found else None
    templates: dict[str, set[str]] = {}
    for template in load_templates(root / "templates" / "messages")[0]:
        templates.setdefault(template.channel, set()).add(template.name)
    return Names(
        sorted([*segments, *ready_made(policy or Policy())]) if segments else None,
        sorted(policy.categories) if policy else None,
        {channel: sorted(names) for channel, names in sorted(templates.items())},
        sorted(path.stem for path in (root / "journeys").glob("*.yaml") if path.stem not in files),
        sorted(policy.topics) if policy else None,
    )


def _write(folder: Path, texts: dict[str, str]) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in texts.items():
            (folder / f"{name}.schema.json").write_text(text + "\n", encoding="utf-8")
    except OSError as error:
        raise click.FileError(str(error.filename or folder), error.strerror) from None
