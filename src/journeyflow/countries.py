"""Countries as ISO 3166 names them, and the timezones in each, from the tz database."""

from functools import lru_cache
from importlib.resources import files
from zoneinfo import ZoneInfo


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


@lru_cache(maxsize=1024)
def of_zone(zone: str) -> str | None:
    """None for zones that belong to no one country, such as UTC."""
    return _by_zone().get(zone)


def is_in(country: str | None, rule: str | None) -> bool:
    """Whether a rule for `rule` concerns somebody in `country`; one for no country concerns everybody."""
    return rule is None or country == rule or (country or "").startswith(f"{rule}-")


@lru_cache(maxsize=1)
def _by_zone() -> dict[str, str]:
    return {row[2]: row[0] for row in _rows("zone.tab")}


def _rows(table: str) -> list[list[str]]:
    text = (files("tzdata.zoneinfo") / table).read_text(encoding="utf-8")
    return [line.split("\t") for line in text.splitlines() if line and not line.startswith("#")]
