"""Customers and what they did, by the million: made inside PostgreSQL, the same each time.

Most customers did little and a few did a lot, as in a shop; events lie in the order in which they happened,
so that those of one customer are scattered.
"""

from datetime import datetime, timedelta

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from journeyflow.store.database import Store
from journeyflow.store.months import Expected

_STEP = 1_000_000  # rows of one statement
_SEVERAL = 1_000  # events by which an import knows that a month is coming

_CUSTOMERS = """
    INSERT INTO customers (id, key, email, timezone, locale, country, attributes, created_at, updated_at)
    SELECT n, 'customer-' || n, 'customer.' || n || '@example.com', 'Europe/Stockholm',
        (ARRAY['sv', 'en', 'nl'])[1 + n % 3], 'SE',
        jsonb_build_object(
            'first_name', 'Name' || n,
            'tier', (ARRAY['gold', 'platinum', 'silver', 'silver'])[1 + n % 8],
            'points', (random() * 5000)::int,
            'interests', jsonb_build_array('shoes', 'coats')
        ),
        CAST(:now AS timestamptz) - interval '2 years', CAST(:now AS timestamptz)
    FROM generate_series(CAST(:first AS bigint), CAST(:last AS bigint)) AS n
"""
_CONSENTS = """
    INSERT INTO consents (customer_id, channel, topic, state, at)
    SELECT id, 'email', '', CASE WHEN id % 10 < 7 THEN 'granted' ELSE 'denied' END, :now
    FROM customers WHERE id % 10 < 8
"""
# 7919 is a prime: neighbours in the ranking, the busiest first, become strangers.
_EVENTS = """
    INSERT INTO events (id, key, customer_id, name, at, received_at, routed_at, properties)
    SELECT n, 'event-' || n, 1 + floor(:customers * power(random(), 2.5))::bigint * 7919 % :customers, name,
        at, at, at,
        jsonb_build_object('total', round((random() * 900)::numeric, 2), 'currency', 'SEK', 'items', 2)
    FROM generate_series(CAST(:first AS bigint), CAST(:last AS bigint)) AS n,
    LATERAL (
        SELECT CAST(:now AS timestamptz) - interval '730 days' * (1 - n / CAST(:events AS float)) AS at,
            width_bucket(random() + 0 * n, ARRAY[0.55, 0.75, 0.83, 0.95, 0.98]) AS kind
    ) AS made,
    LATERAL (SELECT (ARRAY[
        'page.viewed', 'product.viewed', 'cart.updated', 'order.completed', 'review.submitted', 'asked'
    ])[1 + kind] AS name) AS named
"""


async def gather(store: Store, customers: int, events: int, now: datetime) -> None:
    """Fills an empty store on PostgreSQL, in months as an import makes them and with statistics as autovacuum
    leaves them."""
    months = [now - timedelta(days=days) for days in range(0, 732, 15)]
    await Expected().make(store, months * _SEVERAL, now)
    async with store.writing() as connection:
        await connection.execute(text("SELECT setseed(0.5)"))
        # No look at the customer of each event: they are there.
        await connection.execute(text("SET LOCAL session_replication_role = replica"))
        await _insert(connection, _CUSTOMERS, customers, {"now": now})
        await connection.execute(text(_CONSENTS), {"now": now})
        counts = {"customers": customers, "events": events}
        await _insert(connection, _EVENTS, events, {"now": now} | counts)
        for name in ("customers", "events"):
            await connection.execute(text(_NUMBERED.format(name=name)))
    async with store.engine.connect() as connection:
        alone = await connection.execution_options(isolation_level="AUTOCOMMIT")
        await alone.execute(text("VACUUM ANALYZE"))


_NUMBERED = "SELECT setval(pg_get_serial_sequence('{name}', 'id'), (SELECT max(id) FROM {name}))"


async def _insert(connection: AsyncConnection, statement: str, rows: int, values: dict[str, object]) -> None:
    for first in range(1, rows + 1, _STEP):
        numbers = {"first": first, "last": min(first + _STEP - 1, rows)}
        await connection.execute(text(statement), values | numbers)
