"""Rows by the hundred: what goes in comes out, on both stores and by either way."""

from datetime import UTC, datetime

import pytest
from sqlalchemy import select

from journeyflow.audience.ingest import record_customers
from journeyflow.audience.records import CustomerRow
from journeyflow.store.customers import customers
from journeyflow.store.database import Store

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
TEXTS = ["plain", "", "\t", "a\nb\r", "\\N", "\\", "\\.", '"', "å 客 😀", "{}", "null"]


def rows(count: int, **more: object) -> list[CustomerRow]:
    """None of the attributes is left as it was; every third has no address."""
    return [
        CustomerRow(
            f"key\t{at}\\N",
            {"email": None if at % 3 == 0 else f"a{at}@example.com"},
            {"text": TEXTS[at % len(TEXTS)], "list": [at, None, True], **more},
            at=NOW,
        )
        for at in range(count)
    ]


@pytest.mark.parametrize("number", [3, 600])
async def test_many_rows_are_kept_as_few_are(store: Store, number: int) -> None:
    for more in ({}, {"again": 1.5}):
        told = rows(number, **more)
        outcomes = await record_customers(store, told, NOW, "test")
        assert set(outcomes) == ({"changed"} if more else {"new"})
        async with store.reading() as connection:
            kept = {row.key: row for row in await connection.execute(select(customers))}
        assert len(kept) == number
        for row in told:
            found = kept[row.key]
            assert (found.email, found.attributes) == (row.columns["email"], row.attributes)
            assert (found.told_at, found.phone) == (NOW, None)


async def test_batches_of_one_connection_do_not_mix(store: Store) -> None:
    for number in (600, 700, 650):
        outcomes = await record_customers(store, rows(number, number=number), NOW, "test")
        assert len(outcomes) == number
    async with store.reading() as connection:
        kept = list((await connection.execute(select(customers.c.attributes))).scalars())
    assert sorted(one["number"] for one in kept) == [650] * 650 + [700] * 50
