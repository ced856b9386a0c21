"""events by month"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0006"
down_revision: str | None = "0005"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_MANY = 10_000  # events of a month that gets a partition; others stay in that of all other months
_INSERTED = ("events", "touched", "reports", "starts", "wakeups")  # what the router waits for


def upgrade() -> None:
    op.create_table(
        "event_keys",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_event_keys")),
        sqlite_with_rowid=False,
    )
    op.execute("INSERT INTO event_keys (key, at) SELECT key, received_at FROM events")
    op.create_index(op.f("ix_event_keys_at"), "event_keys", ["at"])
    if op.get_bind().dialect.name == "sqlite":
        _loosen_on_sqlite()
    else:
        _divide()
        _tell_of_inserts()


def _loosen_on_sqlite() -> None:
    """Both tables are copied. The numbers that were given out are not given out again."""
    connection = op.get_bind()
    given = connection.exec_driver_sql("SELECT seq FROM sqlite_sequence WHERE name = 'events'").scalar()
    with op.batch_alter_table("events", table_kwargs={"sqlite_autoincrement": True}) as events:
        events.drop_constraint("uq_events_key", type_="unique")
    with op.batch_alter_table("enrollments") as enrollments:
        enrollments.drop_constraint("fk_enrollments_event_id", type_="foreignkey")
    if given is not None:
        op.execute("DELETE FROM sqlite_sequence WHERE name = 'events'")
        op.execute(f"INSERT INTO sqlite_sequence (name, seq) VALUES ('events', {given})")


def _divide() -> None:
    for statement in _BEFORE:
        op.execute(statement)
    months = "SELECT date_trunc('month', at AT TIME ZONE 'UTC')::date FROM events_before"
    many = f"{months} GROUP BY 1 HAVING count(*) >= {_MANY} ORDER BY 1"
    for month in op.get_bind().execute(sa.text(many)).scalars().all():
        begin = f"'{month:%Y-%m-01} 00:00+00'::timestamptz"
        end = f"'{month:%Y-%m-01}'::date + interval '1 month'"
        op.execute(
            f"DO $$ BEGIN EXECUTE format('CREATE TABLE events_{month:%Y_%m} PARTITION OF events"
            f" FOR VALUES FROM (%L) TO (%L)', {begin}, ({end}) AT TIME ZONE 'UTC'); END $$"
        )
    for statement in _AFTER:
        op.execute(statement)


_COLUMNS = "id, key, customer_id, name, at, received_at, properties, routed_at"
_BEFORE = (
    "ALTER TABLE enrollments DROP CONSTRAINT fk_enrollments_event_id",
    "ALTER TABLE events RENAME TO events_before",
    "ALTER TABLE events_before RENAME CONSTRAINT pk_events TO pk_events_before",
    "ALTER TABLE events_before RENAME CONSTRAINT fk_events_customer_id TO fk_events_before",
    "DROP INDEX ix_events_unrouted",
    "DROP INDEX ix_events_customer_id_name_at",
    "ALTER SEQUENCE events_id_seq OWNED BY NONE",
    """CREATE TABLE events (
        id BIGINT NOT NULL DEFAULT nextval('events_id_seq'),
        key TEXT NOT NULL,
        customer_id BIGINT NOT NULL,
        name TEXT NOT NULL,
        at TIMESTAMP WITH TIME ZONE NOT NULL,
        received_at TIMESTAMP WITH TIME ZONE NOT NULL,
        properties JSONB NOT NULL,
        routed_at TIMESTAMP WITH TIME ZONE,
        CONSTRAINT pk_events PRIMARY KEY (id, at)
    ) PARTITION BY RANGE (at)""",
    "ALTER SEQUENCE events_id_seq OWNED BY events.id",
    "CREATE TABLE events_other PARTITION OF events DEFAULT",
)
_AFTER = (
    f"INSERT INTO events ({_COLUMNS}) SELECT {_COLUMNS} FROM events_before",
    "DROP TABLE events_before",
    "CREATE INDEX ix_events_customer_id_name_at ON events (customer_id, name, at)",
    "CREATE INDEX ix_events_unrouted ON events (id) WHERE routed_at IS NULL",
    "ALTER TABLE events ADD CONSTRAINT fk_events_customer_id"
    " FOREIGN KEY (customer_id) REFERENCES customers (id)",
)


def _tell_of_inserts() -> None:
    op.execute(
        "CREATE FUNCTION journeyflow_news() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN PERFORM pg_notify('journeyflow', ''); RETURN NULL; END $$"
    )
    for table in _INSERTED:
        op.execute(
            f"CREATE TRIGGER news AFTER INSERT ON {table}"
            " FOR EACH STATEMENT EXECUTE FUNCTION journeyflow_news()"
        )


def downgrade() -> None:
    raise NotImplementedError("events by month cannot be put together again; restore a backup from before")
