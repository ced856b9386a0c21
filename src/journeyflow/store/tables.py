"""Every table, for migrations and tests that need them all."""

from journeyflow.store import audit, customers, installation, ledger, passages, programme
from journeyflow.store.types import metadata

__all__ = ["audit", "customers", "installation", "ledger", "metadata", "passages", "programme"]
