from tests.api.ingest.conftest import caller, sqlite_caller

__all__ = ["caller", "sqlite_caller"]
