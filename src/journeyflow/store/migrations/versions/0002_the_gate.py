"""the gate"""

import re
from collections.abc import Sequence
from secrets import token_hex
from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from journeyflow import countries
from journeyflow.store.hashing import hash_of

revision: str = "0002"
down_revision: str | None = "0001"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


_installation = sa.table(
    "installation", sa.column("id", sa.Integer), sa.column("name", sa.Text), sa.column("salt", sa.Text)
)
_suppressions = sa.table(
    "suppressions",
    sa.column("channel", sa.Text),
    sa.column("address", sa.Text),
    sa.column("reason", sa.Text),
    sa.column("at", sa.DateTime(timezone=True)),
)
_json = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
_policies = sa.table("policies", sa.column("id", sa.Integer), sa.column("body", _json))
_customers = sa.table(
    "customers", sa.column("id", sa.Integer), sa.column("country", sa.Text), sa.column("attributes", _json)
)
_COUNTRY = re.compile(r"([A-Z]{2})(-[A-Z0-9]{1,3})?")
_OPEN = sa.text("state IN ('queued', 'outranked', 'sending')")


def upgrade() -> None:
    op.create_table(
        "audit_log",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=True),
        sa.Column("detail", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_log")),
    )
    with op.batch_alter_table("audit_log", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_audit_log_at"), ["at"], unique=False)

    op.create_table(
        "observations",
        sa.Column("enrollment_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("step", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("facts", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False),
        sa.ForeignKeyConstraint(
            ["enrollment_id"], ["enrollments.id"], name=op.f("fk_observations_enrollment_id")
        ),
        sa.PrimaryKeyConstraint("enrollment_id", "step", name=op.f("pk_observations")),
    )
    op.create_table(
        "received_sms",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_received_sms")),
    )
    with op.batch_alter_table("consent_log", schema=None) as batch_op:
        batch_op.add_column(_filled("actor", sa.Text(), "unknown"))
        batch_op.add_column(sa.Column("wording", sa.Text(), nullable=True))
        batch_op.add_column(sa.Column("wording_version", sa.Text(), nullable=True))
        batch_op.add_column(sa.Column("origin", sa.Text(), nullable=True))
    with op.batch_alter_table("customers", schema=None) as batch_op:
        batch_op.add_column(sa.Column("country", sa.Text(), nullable=True))
        batch_op.create_index(batch_op.f("ix_customers_email"), ["email"], unique=False)
        batch_op.create_index(batch_op.f("ix_customers_phone"), ["phone"], unique=False)
    with op.batch_alter_table("enrollments", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_enrollments_event_id"), ["event_id"], unique=False)
    with op.batch_alter_table("installation", schema=None) as batch_op:
        batch_op.add_column(_filled("salt", sa.Text(), token_hex(16)))
    with op.batch_alter_table("messages", schema=None) as batch_op:
        batch_op.add_column(_filled("journey", sa.Text(), ""))
        batch_op.add_column(_filled("topic", sa.Text(), ""))
        batch_op.add_column(_filled("priority", sa.Integer(), "50"))
    op.execute(
        "UPDATE messages SET journey = "
        "(SELECT journey FROM journey_versions WHERE journey_versions.id = messages.version_id)"
    )
    op.drop_index("ix_messages_open", "messages")
    op.create_index(
        "ix_messages_open", "messages", ["state", "id"], sqlite_where=_OPEN, postgresql_where=_OPEN
    )
    _remove_defaults()
    _never_reuse_numbers()
    _hash_suppressions()
    _say_opt_in()
    _move_countries()
    _cancel_held()


def _filled(name: str, kind: sa.types.TypeEngine[Any], default: str) -> sa.Column[Any]:
    return sa.Column(name, kind, nullable=False, server_default=default)


def _remove_defaults() -> None:
    """They were for the rows that are there."""
    for table, names in {
        "consent_log": ["actor"],
        "installation": ["salt"],
        "messages": ["journey", "topic", "priority"],
    }.items():
        with op.batch_alter_table(table, schema=None) as batch_op:
            for name in names:
                batch_op.alter_column(name, server_default=None)


def _never_reuse_numbers() -> None:
    """SQLite gives the highest number anew once its row is deleted; PostgreSQL never does."""
    if op.get_bind().dialect.name == "sqlite":
        for table in ("customers", "events", "messages"):
            with op.batch_alter_table(
                table, schema=None, recreate="always", table_kwargs={"sqlite_autoincrement": True}
            ):
                """Only rebuilt."""


def _hash_suppressions() -> None:
    """Addresses that were suppressed before stay so, as hashes."""
    connection = op.get_bind()
    connection.execute(
        sa.insert(_installation).from_select(
            ["id", "name", "salt"],
            sa.select(sa.literal(1), sa.literal(token_hex(16)), sa.literal(token_hex(16))).where(
                ~sa.exists(sa.select(_installation.c.id))
            ),
        )
    )
    salt = connection.execute(sa.select(_installation.c.salt)).scalar_one()
    known = connection.execute(sa.select(_suppressions)).all()
    op.drop_table("suppressions")
    hashed = op.create_table(
        "suppressions",
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("hash", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("channel", "hash", name=op.f("pk_suppressions")),
    )
    rows = {(row.channel, hash_of(salt, row.channel, row.address)): row for row in known}
    for (channel, hashed_address), row in rows.items():
        values = {"channel": channel, "hash": hashed_address, "reason": row.reason, "at": row.at}
        connection.execute(sa.insert(hashed), values)


def _say_opt_in() -> None:
    """A category's consent that was `required` is called `opt-in` from now on."""
    connection = op.get_bind()
    for row in connection.execute(sa.select(_policies)).all():
        body = dict(row.body)
        body["categories"] = {
            name: category | ({"consent": "opt-in"} if category.get("consent") == "required" else {})
            for name, category in body.get("categories", {}).items()
        }
        connection.execute(sa.update(_policies).where(_policies.c.id == row.id).values(body=body))


def _move_countries() -> None:
    """Conditions on the attribute `country` read the column from now on.

    Only codes are moved, into capitals. What else stands there stays, though nothing reads it any more.
    """
    connection = op.get_bind()
    given = _customers.c.attributes["country"].as_string()
    distinct = connection.execute(sa.select(given).where(given.is_not(None)).distinct()).scalars()
    codes = [value for value in distinct if isinstance(value, str) and _is_code(value.strip(" ").upper())]
    without = (
        sa.func.json_remove(_customers.c.attributes, "$.country")
        if connection.dialect.name == "sqlite"
        else _customers.c.attributes.op("-")(sa.literal("country", sa.Text))
    )
    moved = {"country": sa.func.upper(sa.func.trim(given)), "attributes": without}
    connection.execute(sa.update(_customers).where(given.in_(codes)).values(moved))


def _is_code(text: str) -> bool:
    parts = _COUNTRY.fullmatch(text)
    return parts is not None and parts[1] in countries.codes()


def _cancel_held() -> None:
    """Messages that were held when their passage ended never come."""
    op.execute(
        "UPDATE messages SET state = 'cancelled', detail = NULL, reason = "
        "(SELECT state FROM enrollments WHERE enrollments.id = messages.enrollment_id) "
        "WHERE state = 'held' AND enrollment_id IN "
        "(SELECT id FROM enrollments WHERE state IN ('exited', 'failed'))"
    )


def downgrade() -> None:
    raise NotImplementedError("hashed addresses cannot be had back; restore a backup")
