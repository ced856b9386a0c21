"""`journeyflow graph`: a journey as a picture."""

from pathlib import Path

import click

from journeyflow.cli.obstacles import needing_files


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--format",
    "form",
    type=click.Choice(["mermaid", "svg", "dot"]),
    help="Mermaid for wikis, SVG as a picture, DOT for Graphviz; without it as OUT ends, or Mermaid.",
)
@click.option(
    "-o",
    "--output",
    "out",
    type=click.Path(path_type=Path),
    help="Write to OUT, which ends in .mmd, .md, .svg, .dot or .gv.",
)
def graph(file: Path, form: str | None, out: Path | None) -> None:
    """Draw the journey in FILE: its steps from the top down, each branch with its condition in words."""
    # Imported late, so that the command line's help does not wait for it.
    from journeyflow.cli.plans import read_plan
    from journeyflow.preview.dot import dot
    from journeyflow.preview.mermaid import mermaid
    from journeyflow.preview.svg import svg

    form = form or _form(out)
    plan, _ = read_plan(file)
    text = {"mermaid": mermaid, "svg": svg, "dot": dot}[form](plan)
    if form == "mermaid" and out and out.suffix == ".md":
        text = f"```mermaid\n{text}\n```"
    if out is None:
        click.echo(text)
    else:
        with needing_files():
            out.write_text(text + "\n", encoding="utf-8")


def _form(out: Path | None) -> str:
    if out is None:
        return "mermaid"
    if out.suffix not in _FORMS:
        *endings, last = _FORMS
        message = f'"{out.name}" does not tell what to write; end it in {", ".join(endings)} or {last}'
        raise click.BadParameter(f"{message}, or give --format", param_hint="--output")
    return _FORMS[out.suffix]


_FORMS = {".mmd": "mermaid", ".md": "mermaid", ".svg": "svg", ".dot": "dot", ".gv": "dot"}
