"""Every table, for migrations and tests that need them all."""

from journeyflow.store import customers, ledger, passages, programme
from journeyflow.store.types import metadata

__all__ = ["customers", "ledger", "metadata", "passages", "programme"]
