"""`journeyflow graph`: a journey as a picture."""

from pathlib import Path

import click


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--format",
    "form",
    type=click.Choice(["mermaid", "svg", "dot"]),
    help="Mermaid for wikis, SVG as a picture, DOT for Graphviz; without it as OUT ends, else Mermaid.",
)
@click.option("-o", "--output", "out", type=click.Path(path_type=Path), help="Write to OUT instead of here.")
def graph(file: Path, form: str | None, out: Path | None) -> None:
    """Draw the journey in FILE: its steps from the top down, each branch with its condition in words."""
    # Imported late, so that the command line's help does not wait for it.
    from journeyflow.cli.plans import read_plan
    from journeyflow.preview.dot import dot
    from journeyflow.preview.mermaid import mermaid
    from journeyflow.preview.svg import svg

    plan, _ = read_plan(file)
    form = form or (_FORMATS.get(out.suffix, "mermaid") if out else "mermaid")
    text = {"mermaid": mermaid, "svg": svg, "dot": dot}[form](plan)
    if out is None:
        click.echo(text)
    else:
        _write(out, text)


def _write(out: Path, text: str) -> None:
    try:
        out.write_text(text + "\n", encoding="utf-8")
    except OSError as error:
        raise click.FileError(str(out), error.strerror) from None


_FORMATS = {".svg": "svg", ".dot": "dot", ".gv": "dot"}
