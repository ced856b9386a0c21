"""A year and a half of real orders, moved so that the last is today, with made-up people behind them.

The orders are those of the CDNOW data set: 2,357 customers of a CD shop, January 1997 to June 1998
(P. Fader and B. Hardie, "Forecasting Repeat Sales at CDNOW", Interfaces 31, 2001; from brucehardie.com).
Everything about the people is drawn from a fixed seed. Their addresses end in example.com, and their
telephone numbers come from ranges that the countries' regulators keep free for fiction.

The data knows days only, so the orders of the last day can come in now. After them comes what nobody ever
did, in a file of its own: it lets new members buy, lost ones come back and some regret it.
"""

import csv
import json
import random
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from importlib.resources import files
from itertools import groupby
from pathlib import Path
from typing import Any

from journeyflow.demo.names import FIRST, LAST

SEED = 1997
FILES = ("customers.csv", "events.jsonl", "orders-of-today.jsonl", "made-up.jsonl")

_TIERS = ((800, "platinum"), (300, "gold"), (100, "silver"), (0, "bronze"))  # from so many dollars
LAPSED = timedelta(days=180)  # as the shipped segment has it
_OPENS, _OPEN_FOR = 7 * 3600, 16 * 3600  # seconds of the day, UTC, in which orders come in
_CHECKOUT = "checkout"  # where those joined who are not new
_COLUMNS = (
    "id", "email", "phone", "timezone", "locale", "consent_email", "consent_sms",
    "attr.first_name", "attr.last_name", "attr.birthday", "attr.tier", "attr.points",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class History:
    customers: Path  # CSV
    events: Path  # JSON lines, in the order of their times: who joined, and all orders before today


@dataclass(frozen=True, slots=True)
class Today:
    orders: Path  # JSON lines: the orders of the last day
    made_up: Path  # JSON lines: orders and refunds of which none is in the data set


@dataclass(frozen=True, slots=True)
class Order:
    customer: str
    number: int  # of this customer's orders, from 1
    at: datetime
    items: int
    total: float  # dollars


@dataclass(frozen=True, slots=True)
class Customer:
    row: dict[str, object]
    joined: dict[str, Any]
    orders: list[Order]

    @property
    def is_new(self) -> bool:
        return bool(self.joined["properties"]["source"] != _CHECKOUT)


@dataclass(frozen=True, slots=True)
class _Country:
    language: str
    locale: str
    phones: str | None  # "x" is any digit; None: no range is kept free
    zone: str
    weight: int  # per cent of the customers


# So far around the world that at any hour some morning is not long over: birthdays begin at nine.
_COUNTRIES = (
    _Country("sv", "sv-SE", "+467017406xx", "Europe/Stockholm", 50),
    _Country("en", "en-GB", "+447700900xxx", "Europe/London", 14),
    _Country("nl", "nl-NL", None, "Europe/Amsterdam", 8),
    _Country("en", "en-US", "+121255501xx", "America/New_York", 4),
    _Country("en", "en-US", "+131255501xx", "America/Chicago", 4),
    _Country("en", "en-US", "+141555501xx", "America/Los_Angeles", 10),
    _Country("en", "en-AU", None, "Australia/Sydney", 10),
)


def make_history(now: datetime, folder: Path, seed: int = SEED) -> History:
    """The same bytes for the same arguments, nothing after `now`."""
    people = make_people(now, seed)
    orders = [order for one in people for order in one.orders if not _is_of(now, order)]
    folder.mkdir(parents=True, exist_ok=True)
    return History(
        _write_customers(folder / FILES[0], (one.row for one in people)),
        _write_events(folder / FILES[1], [*(one.joined for one in people), *map(_completed, orders)]),
    )


def make_today(began: datetime, now: datetime, folder: Path, seed: int = SEED) -> Today:
    """What comes in at `now`, after the history that was made at `began`."""
    people = make_people(began, seed)
    orders = [replace(order, at=now) for one in people for order in one.orders if _is_of(began, order)]
    folder.mkdir(parents=True, exist_ok=True)
    return Today(
        _write_events(folder / FILES[2], map(_completed, orders)),
        _write_events(folder / FILES[3], _made_up(people, began, now)),
    )


def make_people(now: datetime, seed: int = SEED) -> list[Customer]:
    now = now.astimezone(UTC).replace(microsecond=0)
    chance = random.Random(seed)
    return [
        _customer(key, list(orders), now, chance)
        for key, orders in groupby(_orders(now, chance), key=lambda order: order.customer)
    ]


def _customer(key: str, orders: list[Order], now: datetime, chance: random.Random) -> Customer:
    row = _person(key, sum(order.total for order in orders), now.date(), chance)
    return Customer(row, _joined(key, orders[0].at, now, chance), orders)


def _is_of(today: datetime, order: Order) -> bool:
    return order.at.date() == today.astimezone(UTC).date()


def _orders(now: datetime, chance: random.Random) -> Iterator[Order]:
    """Customer by customer, each in the order of the days, as the source has them."""
    lines = [line.split() for line in _source().splitlines()]
    shift = now.date() - max(_day(line[2]) for line in lines)
    for customer, of_customer in groupby(lines, key=lambda line: line[1]):
        for number, (_, _, day, items, dollars) in enumerate(of_customer, start=1):
            at = _moment(_day(day) + shift, now, chance.random())
            yield Order(customer, number, at, int(items), float(dollars))


def _source() -> str:
    return files("journeyflow.demo").joinpath("cdnow_sample.txt").read_text("ascii")


def _day(text: str) -> date:
    return datetime.strptime(text, "%Y%m%d").replace(tzinfo=UTC).date()


def _moment(day: date, now: datetime, fraction: float) -> datetime:
    """A time on that day, in shop hours; today, some time that has passed already."""
    midnight = datetime.combine(day, time(), UTC)
    if day == now.date():
        return midnight + timedelta(seconds=int(fraction * (now - midnight).total_seconds()))
    return midnight + timedelta(seconds=_OPENS + int(fraction * _OPEN_FOR))


def _person(key: str, spent: float, today: date, chance: random.Random) -> dict[str, object]:
    country = chance.choices(_COUNTRIES, [country.weight for country in _COUNTRIES])[0]
    first, last = chance.choice(FIRST[country.language]), chance.choice(LAST[country.language])
    known = chance.random()  # how much the shop has been told
    phone = _phone(country, chance) if chance.random() < 0.8 else ""
    email = f"{_ascii(first)}.{_ascii(last)}.{int(key)}@example.com"
    return {
        "id": f"c{key}",
        "email": email if known > 0.01 else "",
        "phone": phone,
        "timezone": country.zone if known > 0.05 else "",
        "locale": country.locale if known > 0.04 else "",
        "consent_email": _consent(chance, granted=0.72, denied=0.13),
        "consent_sms": _consent(chance, granted=0.40, denied=0.22) if phone else "",
        "attr.first_name": first if known > 0.02 else "",
        "attr.last_name": last,
        "attr.birthday": _birthday(today, chance),
        "attr.tier": next(tier for least, tier in _TIERS if spent >= least),
        "attr.points": int(spent),
    }


def _phone(country: _Country, chance: random.Random) -> str:
    if country.phones is None:
        return ""
    if country.locale == "sv-SE":  # the Swedish range is 605 to 699 and does not fill its hundred
        return country.phones.replace("xx", str(chance.randrange(5, 100)).zfill(2))
    return "".join(str(chance.randrange(10)) if digit == "x" else digit for digit in country.phones)


def _ascii(name: str) -> str:
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    return "".join(letter for letter in plain.lower() if letter.isalpha())


def _consent(chance: random.Random, *, granted: float, denied: float) -> str:
    """The rest was never asked."""
    draw = chance.random()
    return "granted" if draw < granted else "denied" if draw < granted + denied else ""


def _birthday(today: date, chance: random.Random) -> str:
    """One in a hundred has it today and three in a hundred in a week; one in twelve has not told it."""
    year, day, draw = today.year - chance.randrange(18, 81), chance.randrange(365), chance.random()
    if draw < 0.08:
        return ""
    a_week = today + timedelta(days=7)
    soon = {8: today, 9: a_week, 10: a_week, 11: a_week}.get(int(draw * 100))
    born = date(2001, 1, 1) + timedelta(days=day) if soon is None else soon
    if (born.month, born.day) == (2, 29):
        year -= year % 4  # near enough: 1900 and 2100 are out of reach
    return born.replace(year=year).isoformat()


def _joined(key: str, first_order: datetime, now: datetime, chance: random.Random) -> dict[str, Any]:
    """Most joined with their first order; three in a hundred bought as guests and joined since yesterday."""
    lately, ago = chance.random() < 0.03, chance.randrange(60, 20 * 3600)
    at = now - timedelta(seconds=ago) if lately else first_order
    source = chance.choice(("website", "app", "store")) if lately else _CHECKOUT
    return _event(f"joined-{key}", key, "member.joined", at, {"source": source})


def _completed(order: Order) -> dict[str, Any]:
    order_id = f"{order.customer}-{order.number}"
    properties = {"order_id": order_id, "total": order.total, "items": order.items}
    return _event(f"order-{order_id}", order.customer, "order.completed", order.at, properties)


def _made_up(people: list[Customer], began: datetime, now: datetime) -> list[dict[str, Any]]:
    """Some buy at `now` what they bought last, and some of these give it back."""
    buyers = [one.orders[-1] for one in _tempted(people, began) if not _is_of(began, one.orders[-1])]
    events = []
    for number, last in enumerate(buyers):
        order_id = f"made-up-{last.customer}"
        bought = {"order_id": order_id, "total": last.total, "items": last.items}
        events.append(_event(f"made-up-order-{last.customer}", last.customer, "order.completed", now, bought))
        if number % 5 == 0:
            refund = (f"made-up-refund-{last.customer}", last.customer, "order.refunded", now)
            events.append(_event(*refund, {"order_id": order_id}))
    return events


def _tempted(people: list[Customer], began: datetime) -> list[Customer]:
    """One in three of the new members and of those with a birthday in a week; one in thirty of the lost."""
    birthday = f"{began.astimezone(UTC).date() + timedelta(days=7):%m-%d}"
    new = [one for one in people if one.is_new]
    celebrating = [one for one in people if str(one.row["attr.birthday"]).endswith(birthday)]
    lost = [one for one in people if not one.is_new and one.orders[-1].at < began - LAPSED]
    chosen = [*new[::3], *celebrating[::3], *lost[::30]]
    return list({str(one.row["id"]): one for one in chosen}.values())


def _event(key: str, customer: str, name: str, at: datetime, properties: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": key,
        "customer": f"c{customer}",
        "name": name,
        "at": at.isoformat(),
        "properties": properties,
    }


def _write_customers(path: Path, rows: Iterable[dict[str, object]]) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, _COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    return path


def _write_events(path: Path, events: Iterable[dict[str, Any]]) -> Path:
    in_order = sorted(events, key=lambda event: (event["at"], event["id"]))
    with path.open("w", encoding="utf-8", newline="\n") as file:
        file.writelines(json.dumps(event, ensure_ascii=False) + "\n" for event in in_order)
    return path
