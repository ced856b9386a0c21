"""`journeyflow preview`: what messages will look like, from the files of the programme."""

import asyncio
import webbrowser
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from journeyflow.cli.letters import (
    customer_option,
    desks_of,
    event_of,
    event_option,
    locale_option,
    person_of,
    root_option,
)
from journeyflow.cli.obstacles import needing_files

if TYPE_CHECKING:
    from journeyflow.preview.letters import Desk, Letter, Person
    from journeyflow.settings import Settings


@click.command()
@click.argument("template")
@customer_option
@locale_option
@event_option
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    default="preview",
    show_default=True,
    help="The folder to write to.",
)
@click.option("--open", "opens", is_flag=True, help="Open what was written in the browser.")
@root_option
@click.pass_context
def preview(
    ctx: click.Context,
    template: str,
    key: str | None,
    locale: str | None,
    event: str | None,
    out: Path,
    opens: bool,
    root: Path | None,
) -> None:
    """Write the messages of TEMPLATE as they would go out, in every language or in that of --locale.

    The files of the programme are read, not what was applied. Variables have made-up values, or those of
    --customer and --event; coupons are always made up, and links lead to nobody's pages. Exits with 1 if
    one of them cannot be written.
    """
    # Imported late, so that the command line's help does not wait for it.
    from rich.console import Console

    from journeyflow.bootstrap import links_of
    from journeyflow.cli.proof import show
    from journeyflow.errors import RenderError
    from journeyflow.preview.letters import PAGES, Person, write
    from journeyflow.settings import load_settings

    settings = load_settings()
    links = links_of(settings) or PAGES
    given = event_of(event)
    person = asyncio.run(_person(settings, key, given)) if key else Person(event=given)
    written: list[Path] = []
    failed = False
    for desk, tag in _versions(desks_of(root or settings.root, template, links), locale):
        try:
            letter = write(desk, tag or desk.policy.defaults.locale, person, datetime.now(UTC))
        except RenderError as error:
            click.echo(f"{error}\n", err=True)
            failed = True
            continue
        files = _write(letter, out, tag)
        show(Console(), letter, links, desk.occasion, files)
        written += files
    if opens:
        _open(written)
    ctx.exit(1 if failed else 0)


async def _person(settings: "Settings", key: str, event: dict[str, Any] | None) -> "Person":
    from journeyflow.cli.stores import migrated_store

    async with migrated_store(settings) as store:
        return await person_of(store, key, event)


def _versions(desks: "Sequence[Desk]", locale: str | None) -> "Iterator[tuple[Desk, str]]":
    """Each with its locale, "" for every other; or the one of each channel that `locale` gets."""
    for desk in desks:
        if locale is not None:
            yield desk, locale
            continue
        for tag, version in sorted(desk.versions.items()):
            yield replace(desk, versions={tag: version}), tag


def _write(letter: "Letter", out: Path, locale: str) -> list[Path]:
    stem = ".".join(filter(None, (letter.template.name, locale)))
    sent = letter.outgoing
    texts = {"sms.txt": sent.text} if sent.html is None else {"html": sent.html, "txt": sent.text}
    with needing_files():
        out.mkdir(parents=True, exist_ok=True)
        for suffix, text in texts.items():
            (out / f"{stem}.{suffix}").write_text(text, encoding="utf-8")
    return [out / f"{stem}.{suffix}" for suffix in texts]


def _open(files: list[Path]) -> None:
    """The e-mails; where there are none, the SMS."""
    pages = [file for file in files if file.suffix == ".html"] or files
    for page in pages:
        if not webbrowser.open(page.resolve().as_uri()):
            click.echo(f"no browser could be started; open {page} yourself", err=True)
