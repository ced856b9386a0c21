"""`why`: why a customer got a message, took a way, or did not."""

import asyncio
import json
import textwrap
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import click

from journeyflow.cli.fate import Moments
from journeyflow.cli.reasons import Line, absence_in_words, message_in_words, passage_in_words
from journeyflow.cli.stores import migrated_store
from journeyflow.engine.explaining.absence import Absence, absence
from journeyflow.engine.programme import Programme
from journeyflow.engine.why import Account, Decision, Passage, why
from journeyflow.settings import load_settings

_WIDTH = 100
_Told = list[tuple[Passage, list[Line]]]


@click.command("why")
@click.argument("customer")
@click.argument("message", required=False, type=int)
@click.option("--journey", help="Only this journey, also if the customer is not in it.")
@click.option("--json", "as_json", is_flag=True, help="For machines.")
def why_(customer: str, message: int | None, journey: str | None, as_json: bool) -> None:
    """Tell why things happened to CUSTOMER (their id) as they did, or why MESSAGE (a number) was sent or not.

    Times are in UTC, with the customer's own beside.
    """
    if message is not None and journey is not None:
        raise click.UsageError("name a message or a journey, not both")
    account, missing = asyncio.run(_load(customer, journey))
    if account is None:
        raise click.ClickException(f'no customer has the id "{customer}"')
    moments = Moments(ZoneInfo(account.zone))
    told = _passages(account, journey, moments) if message is None else _message(account, message, moments)
    if as_json:
        click.echo(json.dumps(_data(account, told, missing, moments), ensure_ascii=False, indent=2))
    else:
        click.echo("\n".join(_text(account, told, missing, journey, moments)))


async def _load(customer: str, journey: str | None) -> tuple[Account | None, Absence | None]:
    programme = Programme()
    async with migrated_store(load_settings()) as store:
        account = await why(store, programme, customer)
        if account is None or journey is None:
            return account, None
        async with store.reading() as connection:
            now = datetime.now(UTC)
            return account, await absence(connection, programme, account.customer, journey, now)


def _passages(account: Account, journey: str | None, moments: Moments) -> _Told:
    chosen = [one for one in account.passages if journey in (None, one.journey)]
    return [(one, passage_in_words(one, moments)) for one in chosen]


def _message(account: Account, number: int, moments: Moments) -> _Told:
    for passage in account.passages:
        for fate in passage.messages:
            if fate.id == number:
                return [(passage, message_in_words(passage, fate, moments))]
    raise click.ClickException(f'customer "{account.key}" has no message {number}')


def _text(
    account: Account, told: _Told, missing: Absence | None, journey: str | None, moments: Moments
) -> Iterator[str]:
    yield f"customer {account.key}; times are UTC, in brackets those in {account.zone}"
    for passage, lines in told:
        yield ""
        yield from _wrapped(f"{passage.journey}, version {passage.version}", "")
        for line in lines:
            yield from _written(f"{moments.told(line.at)}  {line.where}", line)
        if passage.resting is not None:
            until = f" until {moments.told(passage.wake_at)}" if passage.wake_at else ""
            yield from _wrapped(f"rests now at {passage.resting}{until}", "  ")
    if not told and journey is None:
        yield "no journey has taken this customer in yet"
    if missing is not None:
        yield ""
        yield f"why not in {missing.journey} now:"
        for line in absence_in_words(missing, moments):
            yield from _written("", line)
        if not missing.causes:
            yield from _wrapped(_NOTHING, "  ")


_NOTHING = "whatever kept the customer out does not do so any more, or the next sweep takes them in"


def _written(heading: str, line: Line) -> Iterator[str]:
    if heading:
        yield from _wrapped(heading, "  ")
    yield from _wrapped(line.text, "    " if heading else "  ")
    for reason in line.because:
        yield from _wrapped(reason, "      - ")


def _wrapped(text: str, indent: str) -> list[str]:
    """One long word, an id for example, is left whole."""
    behind = " " * len(indent)
    return textwrap.wrap(
        text, _WIDTH, initial_indent=indent, subsequent_indent=behind, break_long_words=False
    )


def _data(account: Account, told: _Told, missing: Absence | None, moments: Moments) -> dict[str, Any]:
    found: dict[str, Any] = {
        "customer": account.key,
        "zone": account.zone,
        "passages": [_passage(passage, lines) for passage, lines in told],
    }
    if missing is not None:
        lines = absence_in_words(missing, moments)
        found["absence"] = {
            "journey": missing.journey,
            "causes": [
                {"why": cause.why, "text": line.text, "because": line.because}
                for cause, line in zip(missing.causes, lines, strict=True)
            ],
        }
    return found


def _passage(passage: Passage, lines: Iterable[Line]) -> dict[str, Any]:
    return {
        "journey": passage.journey,
        "version": passage.version,
        "enrollment": passage.enrollment,
        "beginning": _plain(asdict(passage.beginning)),
        "lines": [_plain(asdict(line)) for line in lines],
        "decisions": [_decision(decision) for decision in passage.decisions],
        "messages": [_plain(asdict(fate)) for fate in passage.messages],
        "resting": passage.resting,
        "wake_at": _plain(passage.wake_at),
    }


def _decision(decision: Decision) -> dict[str, Any]:
    """Its condition stands in the line that tells it, in words."""
    data = asdict(decision)
    del data["condition"]
    return {name: _plain(value) for name, value in data.items()}


def _plain(value: Any) -> Any:
    match value:
        case datetime():
            return value.isoformat()
        case dict():
            return {name: _plain(inner) for name, inner in value.items()}
        case list():
            return [_plain(inner) for inner in value]
        case _:
            return value
