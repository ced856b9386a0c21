"""Numbers once given out are never given to another row: tokens, providers and occasions name them."""

from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import delete, func, insert, select

from journeyflow.store.customers import customers
from journeyflow.store.database import Store
from journeyflow.store.tables import metadata

NOON = datetime(2031, 5, 7, 12, tzinfo=UTC)
CUSTOMER = {"attributes": {}, "created_at": NOON, "updated_at": NOON}


async def test_the_number_of_the_last_customer_dies_with_them(store: Store) -> None:
    async with store.writing() as connection:
        for number in range(3):
            await connection.execute(insert(customers).values(key=f"c{number}", **CUSTOMER))
        await connection.execute(delete(customers).where(customers.c.key == "c2"))
        await connection.execute(insert(customers).values(key="new", **CUSTOMER))
        newest: Any = await connection.execute(select(func.max(customers.c.id)))
        assert newest.scalar_one() == 4


@pytest.mark.parametrize("name", ["customers", "events", "messages"])
async def test_sqlite_is_told_so(sqlite_store: Store, name: str) -> None:
    assert metadata.tables[name].dialect_options["sqlite"]["autoincrement"]
    async with sqlite_store.reading() as connection:
        query = f"SELECT sql FROM sqlite_master WHERE name = '{name}'"
        sql = str((await connection.exec_driver_sql(query)).scalar_one())
    assert "AUTOINCREMENT" in sql
