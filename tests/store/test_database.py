"""How connections are set up."""

from sqlalchemy import text

from journeyflow.store.database import Store


async def test_postgresql_compiles_no_conditions(postgresql_store: Store) -> None:
    """Also in a connection that was lent before, and where a transaction went wrong."""
    for _ in range(2):
        async with postgresql_store.engine.connect() as connection:
            assert (await connection.execute(text("SHOW jit"))).scalar_one() == "off"
            await connection.rollback()
