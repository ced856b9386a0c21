"""Every table, for migrations and tests that need them all."""

from journeyflow.store import (
    api_keys,
    audit,
    coupons,
    customers,
    events,
    experiments,
    installation,
    ledger,
    passages,
    programme,
    reports,
    segments,
    short_links,
)
from journeyflow.store.types import metadata

__all__ = [
    "api_keys", "audit", "coupons", "customers", "events", "experiments", "installation", "ledger",
    "metadata", "passages", "programme", "reports", "segments", "short_links",
]  # fmt: skip
