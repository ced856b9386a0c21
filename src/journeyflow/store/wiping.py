"""Leaving nothing of deleted rows in the store's file.

Deleted rows are overwritten (`secure_delete`), but SQLite leaves copies behind where it has rearranged a
page, and in its write-ahead log. Only writing the whole file anew is sure to leave nothing.
"""

from sqlite3 import OperationalError

from journeyflow.store.database import Store


async def wipe(store: Store) -> bool:
    """False when other programs keep the file busy, so that traces may remain: try again later.

    On PostgreSQL nothing is done here: there it is a matter of vacuum and of the archives of its log.
    """
    if not store.is_sqlite:
        return True
    async with store.engine.connect() as connection:
        driver = (await connection.get_raw_connection()).driver_connection
        assert driver is not None
        try:
            await driver.execute("VACUUM")
        except OperationalError:
            return False
        (is_busy, _pages, _moved) = await (await driver.execute("PRAGMA wal_checkpoint(TRUNCATE)")).fetchone()
        return not is_busy
