"""What was applied, read from the store: the policy in force and the immutable journey versions."""

from dataclasses import dataclass, field

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from journeyflow.audience.dependence import dependence
from journeyflow.audience.membership import Segment
from journeyflow.conditions import from_json
from journeyflow.plan import Plan
from journeyflow.policy import Policy
from journeyflow.store.programme import journey_versions, journeys, policies
from journeyflow.store.segments import segments


@dataclass(frozen=True, slots=True)
class Version:
    """The version of a journey that whoever enters now enters."""

    id: int
    plan: Plan


@dataclass(slots=True)
class Programme:
    """Keeps what cannot change (a version, a policy by its id); asks the store which are in force."""

    _plans: dict[int, Plan] = field(default_factory=dict)
    _policies: dict[int, Policy] = field(default_factory=dict)
    _segments: dict[tuple[str, str], Segment] = field(default_factory=dict)  # by name and digest

    async def plan(self, connection: AsyncConnection, version: int) -> Plan:
        if version not in self._plans:
            query = select(journey_versions.c.plan).where(journey_versions.c.id == version)
            self._plans[version] = Plan.from_json((await connection.execute(query)).scalar_one())
        return self._plans[version]

    async def policy(self, connection: AsyncConnection) -> Policy:
        newest = (
            await connection.execute(select(policies.c.id).order_by(policies.c.id.desc()).limit(1))
        ).scalar()
        if newest is None:
            return Policy()
        if newest not in self._policies:
            query = select(policies.c.body).where(policies.c.id == newest)
            self._policies[newest] = Policy.from_json((await connection.execute(query)).scalar_one())
        return self._policies[newest]

    async def segments(self, connection: AsyncConnection) -> list[Segment]:
        """In the order of their names."""
        query = select(segments.c.name, segments.c.digest).order_by(segments.c.name)
        keys = [(row.name, row.digest) for row in await connection.execute(query)]
        if missing := [name for name, digest in keys if (name, digest) not in self._segments]:
            bodies = select(segments.c.name, segments.c.digest, segments.c.condition)
            for name, digest, body in await connection.execute(bodies.where(segments.c.name.in_(missing))):
                condition = from_json(body)
                self._segments[name, digest] = Segment(name, digest, condition, dependence(condition))
        return [self._segments[key] for key in keys if key in self._segments]

    async def enabled(self, connection: AsyncConnection) -> list[Version]:
        """The journeys that take people in, those of the highest priority first, then by name.

        In this order they enroll and travel the first leg, so the higher one gets the last place under a cap.
        """
        taking = (journeys.c.enabled, journeys.c.paused_at.is_(None))
        query = select(journeys.c.version_id).where(*taking).order_by(journeys.c.name)
        ids = (await connection.execute(query)).scalars().all()
        versions = [Version(id, await self.plan(connection, id)) for id in ids]
        return sorted(versions, key=lambda version: -version.plan.priority)
