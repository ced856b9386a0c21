"""Instants as whole milliseconds since 1970 UTC, which is what crosses into Temporal, and as text."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


def to_ms(instant: datetime) -> int:
    return (instant - _EPOCH) // _MILLISECOND


def from_ms(milliseconds: int) -> datetime:
    return _EPOCH + timedelta(milliseconds=milliseconds)


def written(values: Mapping[str, Any]) -> dict[str, Any]:
    """The values with the instants among them in ISO 8601, for JSON."""
    return {
        name: value.isoformat() if isinstance(value, datetime) else value for name, value in values.items()
    }
