"""The templates that were applied, read from the store as they are needed."""

from dataclasses import dataclass, field

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from journeyflow.messages.templates import Template
from journeyflow.store.programme import templates

Locales = dict[str, Template]


@dataclass(slots=True)
class Catalogue:
    """Keeps parsed templates by digest, and asks the store which digests are in force."""

    _parsed: dict[str, Template] = field(default_factory=dict)

    async def find(self, connection: AsyncConnection, names: set[str], channel: str) -> dict[str, Locales]:
        """By name, then locale. A name that was never applied is left out."""
        query = select(templates.c.name, templates.c.locale, templates.c.digest).where(
            templates.c.name.in_(sorted(names)), templates.c.channel == channel
        )
        rows = (await connection.execute(query)).all()
        await self._parse(connection, {row.digest for row in rows} - self._parsed.keys())
        found: dict[str, Locales] = {}
        for row in rows:
            found.setdefault(row.name, {})[row.locale] = self._parsed[row.digest]
        return found

    async def _parse(self, connection: AsyncConnection, digests: set[str]) -> None:
        if digests:
            query = select(templates.c.digest, templates.c.body).where(
                templates.c.digest.in_(sorted(digests))
            )
            for row in await connection.execute(query):
                self._parsed[row.digest] = Template.from_json(row.body)
