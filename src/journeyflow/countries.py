"""Countries as ISO 3166 names them, and the timezones in each, from the tz database."""

from functools import lru_cache
from importlib.resources import files
from zoneinfo import ZoneInfo

# Territories with codes of their own in which the country's rules for messages hold.
_BELONG_TO = {
    **dict.fromkeys(("AS", "GU", "MP", "PR", "UM", "VI"), "US"),
    **dict.fromkeys(("BL", "GF", "GP", "MF", "MQ", "PM", "RE", "YT"), "FR"),
}


@lru_cache(maxsize=1)
def codes() -> frozenset[str]:
    """Two letters each."""
    return frozenset(row[0] for row in _rows("iso3166.tab"))


@lru_cache(maxsize=512)
def zones(country: str) -> tuple[ZoneInfo, ...]:
    """Those of the country as a whole, also for a part of it such as "US-FL"; none where it is unknown."""
    whole = country.partition("-")[0]
    names = (row[2] for row in _rows("zone.tab") if row[0] == whole)
    return tuple(ZoneInfo(name) for name in sorted(names))


def of_customer(country: str | None, zone: str | None, default: str | None) -> str | None:
    """What is known of the customer, else where their timezone is, else where the programme's own is."""
    found = zone or default
    return country or (of_zone(found) if found else None)


@lru_cache(maxsize=1024)
def of_zone(zone: str) -> str | None:
    """Also by a zone's older names; None for zones that belong to no one country, such as UTC."""
    known = _by_zone()
    return known.get(zone) or known.get(_links().get(zone, ""))


def is_in(country: str | None, rule: str | None) -> bool:
    """Whether a rule for `rule` concerns somebody in `country`; one for no country concerns everybody."""
    if rule is None or country is None:
        return rule is None
    return country == rule or country.startswith(f"{rule}-") or _BELONG_TO.get(country) == rule


@lru_cache(maxsize=1)
def _by_zone() -> dict[str, str]:
    return {row[2]: row[0] for row in _rows("zone.tab")}


@lru_cache(maxsize=1)
def _links() -> dict[str, str]:
    """The zone that another name stands for: lines like `L America/New_York US/Eastern`."""
    lines = (line.split() for line in _text("tzdata.zi").splitlines() if line.startswith("L "))
    return {alias: target for _, target, alias in lines}


def _rows(table: str) -> list[list[str]]:
    return [line.split("\t") for line in _text(table).splitlines() if line and not line.startswith("#")]


def _text(file: str) -> str:
    return (files("tzdata.zoneinfo") / file).read_text(encoding="utf-8")
