"""What Alembic runs for each migration and comparison.

A new migration, after changing the tables in `journeyflow/store/*.py`:

    python -m journeyflow.store.migrations.revise 0002 "what changed"

Until the first release there is only the first one, which is made anew instead:

    rm src/journeyflow/store/migrations/versions/0001_*.py; \
    python -m journeyflow.store.migrations.revise 0001 "first tables"
"""

from typing import Any, Literal

from alembic import context
from sqlalchemy import JSON

from journeyflow.store.months import MONTH
from journeyflow.store.tables import metadata
from journeyflow.store.types import UtcDateTime


def _render(kind: str, item: Any, autogenerate: Any) -> str | Literal[False]:
    """A migration is history: it names SQL types, not a type of ours that may change one day."""
    if kind == "type" and isinstance(item, UtcDateTime):
        return "sa.DateTime(timezone=True)"
    if kind == "type" and isinstance(item, JSON):
        autogenerate.imports.add("from sqlalchemy.dialects import postgresql")
        return 'sa.JSON().with_variant(postgresql.JSONB(), "postgresql")'
    return False


def _is_compared(item: Any, name: str | None, kind: str, reflected: bool, other: Any) -> bool:
    """All but the months of events, which come and go on PostgreSQL."""
    return not (kind == "table" and reflected and MONTH.fullmatch(name or ""))


connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=metadata,
    render_as_batch=connection.dialect.name == "sqlite",
    render_item=_render,
    compare_type=True,
    include_object=_is_compared,
)
with context.begin_transaction():
    context.run_migrations()
