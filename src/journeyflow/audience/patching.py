"""Changing one customer whom we know already; see `incoming` for those whom others tell of."""

from dataclasses import replace
from datetime import datetime

from sqlalchemy import select

from journeyflow.audience.incoming import SOURCE
from journeyflow.audience.ingest import Recorded, take_customers
from journeyflow.audience.records import CustomerRow, Proof
from journeyflow.store.audit import note
from journeyflow.store.customers import customers
from journeyflow.store.database import Store, undeleted


async def patch(store: Store, number: int, row: CustomerRow, now: datetime, actor: str) -> Recorded | None:
    """What became of it; None when there is no such customer any more. The key of the row does not count.

    The log of consents and the audit log say who did it.
    """
    async with store.writing() as connection:
        query = select(customers.c.key).where(customers.c.id == number)
        key = (await connection.execute(undeleted(connection, query, of=customers))).scalar()
        if key is None:
            return None
        proof = row.proof or Proof()
        row = replace(row, key=key, proof=replace(proof, source=proof.source or SOURCE))
        recorded = await take_customers(connection, [row], set(), now, actor)
        if recorded.outcomes != ["unchanged"]:
            said = {"fields": sorted(row.columns), "attributes": len(row.attributes)}
            await note(connection, now, actor, "patch", str(number), **said, consents=sorted(row.consents))
        return recorded
