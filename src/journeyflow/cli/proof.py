"""A message that was written to be looked at, in words: what its reader sees first, its size, its links."""

from collections.abc import Iterator
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from journeyflow.messages.links import Links
from journeyflow.messages.segments import Measured, measured
from journeyflow.messages.sms_text import with_look_alikes
from journeyflow.preview.appearance import GMAIL_CUTS_AT, Target, html_size, preheader, targets
from journeyflow.preview.letters import Letter
from journeyflow.preview.programme import Occasion

_CHANNELS = {"email": "e-mail", "sms": "SMS"}


def show(console: Console, letter: Letter, links: Links, occasion: Occasion, files: list[Path]) -> None:
    console.print(Text(_title(letter), style="bold"))
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for label, text in _rows(letter, links, occasion, files):
        table.add_row(Text(f"  {label}"), Text(text))
    console.print(table)
    console.print()


def _title(letter: Letter) -> str:
    template = letter.template
    language = f"in {template.locale}" if template.locale else "for every language"
    return f"{template.name}: {_CHANNELS[template.channel]} {language}"


def _rows(letter: Letter, links: Links, occasion: Occasion, files: list[Path]) -> Iterator[tuple[str, str]]:
    sender = letter.outgoing.sender
    if letter.outgoing.html is not None:
        yield "subject", letter.outgoing.subject or ""
        yield "preheader", preheader(letter) or "none; mail programs show the first words of the text"
    yield "from", sender.from_
    if sender.reply_to:
        yield "replies to", sender.reply_to
    yield "sent by", _sent_by(occasion)
    yield from _sms_rows(letter) if letter.outgoing.html is None else _size_rows(letter)
    yield from _labelled("made up", (f"{path} = {_shown(value)}" for path, value in letter.made_up.items()))
    yield from _labelled("default", (f"{path} = {_shown(value)}" for path, value in letter.defaults.items()))
    yield from _labelled("links", map(_link, targets(letter, links)))
    yield from _labelled("written to", map(str, files))


def _labelled(label: str, lines: "Iterator[str] | map[str]") -> Iterator[tuple[str, str]]:
    """The label stands at the first line alone."""
    for number, line in enumerate(lines):
        yield "" if number else label, line


def _sent_by(occasion: Occasion) -> str:
    if occasion.is_made_up:
        return "no journey yet"
    return f"the journey {occasion.plan.journey}, {occasion.plan.steps[occasion.step].path}"


def _size_rows(letter: Letter) -> Iterator[tuple[str, str]]:
    size = html_size(letter)
    yield "size", f"{size / 1000:,.0f} kB of HTML"
    if size > GMAIL_CUTS_AT:
        yield (
            "warning",
            f"Gmail cuts off what is beyond {GMAIL_CUTS_AT // 1000} kB, with the links at the foot",
        )


def _sms_rows(letter: Letter) -> Iterator[tuple[str, str]]:
    text = letter.outgoing.text
    size = measured(text)
    yield "text", text
    yield "length", f"{size.segments} SMS, {size.places} of {size.room} characters"
    if size.forcing:
        yield "warning", _forced(size, measured(with_look_alikes(text)))


def _forced(size: Measured, replaced: Measured) -> str:
    """Each character by its number too, since some of them look like the right one, or like nothing."""
    letters = ", ".join(f"{char} (U+{ord(char):04X})" for char in size.forcing)
    told = f"not in the SMS alphabet, so that one SMS holds 70 characters and not 160: {letters}"
    if replaced.forcing:
        return told
    return f'{told}; with "sms: {{replace: true}}" in policy.yaml it takes {replaced.segments} SMS'


def _link(target: Target) -> str:
    words = f'"{target.words}" leads to ' if target.words else ""
    return f"{words}{target.leads_to}"


def _shown(value: object) -> str:
    return (value or "nothing") if isinstance(value, str) else repr(value)
