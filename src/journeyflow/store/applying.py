"""Putting a whole programme into force: one transaction, and doing it again changes nothing."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import Row, delete, insert, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncConnection

from journeyflow.digests import digest
from journeyflow.store.audit import note
from journeyflow.store.database import Store, insert_ignoring, locked, upsert
from journeyflow.store.definitions import NO_CHANGES, PlannedSegment, SegmentChanges, put_segments
from journeyflow.store.programme import journey_versions, journeys, policies, templates

JourneyChange = Literal["new version", "earlier version", "enabled again", "unchanged", "disabled"]


@dataclass(frozen=True, slots=True)
class PlannedJourney:
    journey: str
    digest: str  # of the plan
    plan: dict[str, Any]  # Plan.to_json()
    source: str  # the YAML it was compiled from


@dataclass(frozen=True, slots=True)
class StoredTemplate:
    name: str
    channel: str
    locale: str  # "": the fallback for every locale
    digest: str
    body: dict[str, Any]  # Template.to_json()

    @property
    def key(self) -> tuple[str, str, str]:
        return self.name, self.channel, self.locale


@dataclass(frozen=True, slots=True)
class Applied:
    """What was different from before."""

    policy_changed: bool
    templates_changed: int  # new or with another body
    templates_removed: int  # languages of templates that are still there
    journeys: dict[str, JourneyChange]  # by name; those disabled earlier are left out
    segments: SegmentChanges = NO_CHANGES


async def apply_programme(
    store: Store,
    policy: dict[str, Any],
    texts: Sequence[StoredTemplate],
    planned: Sequence[PlannedJourney],
    now: datetime,
    actor: str = "journeyflow",
    segments: Sequence[PlannedSegment] = (),
) -> Applied:
    """As `put_programme`, in a transaction of its own."""
    async with store.writing() as connection:
        return await put_programme(connection, policy, texts, planned, now, actor, segments)


async def put_programme(
    connection: AsyncConnection,
    policy: dict[str, Any],
    texts: Sequence[StoredTemplate],
    planned: Sequence[PlannedJourney],
    now: datetime,
    actor: str,
    segments: Sequence[PlannedSegment],
) -> Applied:
    """The programme is all of it: journeys that are not in it are disabled, languages of templates and
    segments deleted.

    Versions are immutable and stay, since customers inside keep the one they entered.
    """
    zone = await _zone_in_force(connection)
    policy_changed = await _put_policy(connection, policy, now)
    changed, removed = await _put_templates(connection, texts, now)
    versions = await _put_versions(connection, planned, now)
    changes = await _point_journeys(connection, planned, *versions, now)
    if zone != _zone(policy):  # the same hour is another moment
        await connection.execute(update(journeys).values(since=now))
    moved = await put_segments(connection, segments, now)
    applied = Applied(policy_changed, changed, removed, changes, moved)
    await _note(connection, planned, applied, actor, now)
    return applied


async def _note(
    connection: AsyncConnection,
    planned: Iterable[PlannedJourney],
    applied: Applied,
    actor: str,
    now: datetime,
) -> None:
    """For the audit log: what is different from before, journeys with the digest of their version."""
    digests = {one.journey: one.digest for one in planned}
    changes = {
        name: " ".join(filter(None, (change, digests.get(name))))
        for name, change in applied.journeys.items()
        if change != "unchanged"
    }
    texts = applied.templates_changed + applied.templates_removed
    segments = {"changed": list(applied.segments.changed), "removed": list(applied.segments.removed)}
    if changes or texts or applied.policy_changed or any(segments.values()):
        detail = {"journeys": changes, "templates": texts, "policy": applied.policy_changed}
        await note(connection, now, actor, "apply", None, **detail, segments=segments)


async def _zone_in_force(connection: AsyncConnection) -> str | None:
    newest = select(policies.c.body).order_by(policies.c.id.desc()).limit(1)
    return _zone((await connection.execute(newest)).scalar() or {})


def _zone(policy: dict[str, Any]) -> str | None:
    zone: str | None = policy.get("defaults", {}).get("timezone")
    return zone


async def _put_policy(connection: AsyncConnection, policy: dict[str, Any], now: datetime) -> bool:
    found = digest(policy)
    newest = select(policies.c.digest).order_by(policies.c.id.desc()).limit(1)
    if (await connection.execute(newest)).scalar() == found:
        return False
    await connection.execute(insert(policies).values(digest=found, body=policy, applied_at=now))
    return True


async def _put_templates(
    connection: AsyncConnection, texts: Iterable[StoredTemplate], now: datetime
) -> tuple[int, int]:
    key = (templates.c.name, templates.c.channel, templates.c.locale)
    query = select(*key, templates.c.digest)
    known = {(row.name, row.channel, row.locale): row.digest for row in await connection.execute(query)}
    wanted = {text.key: text for text in texts}
    changed = [_template_row(text, now) for text in wanted.values() if known.get(text.key) != text.digest]
    if changed:
        names = ["name", "channel", "locale"]
        statement = upsert(connection, templates, names, ["digest", "body", "applied_at"])
        await connection.execute(statement, changed)
    # A template that is gone in every language stays: people in an earlier version may still need it.
    still = {key[:2] for key in wanted}
    removed = [gone for gone in known if gone not in wanted and gone[:2] in still]
    if removed:
        await connection.execute(delete(templates).where(tuple_(*key).in_(removed)))
    return len(changed), len(removed)


def _template_row(text: StoredTemplate, now: datetime) -> dict[str, Any]:
    return {
        "name": text.name,
        "channel": text.channel,
        "locale": text.locale,
        "digest": text.digest,
        "body": text.body,
        "applied_at": now,
    }


async def _put_versions(
    connection: AsyncConnection, planned: Iterable[PlannedJourney], now: datetime
) -> tuple[dict[str, int], set[str]]:
    """The id of each journey's version, and the journeys whose version was not there before."""
    rows = [
        {
            "journey": one.journey,
            "digest": one.digest,
            "plan": one.plan,
            "source": one.source,
            "applied_at": now,
        }
        for one in planned
    ]
    if not rows:
        return {}, set()
    statement = insert_ignoring(connection, journey_versions).returning(journey_versions.c.journey)
    created = set((await connection.execute(statement, rows)).scalars())
    key = tuple_(journey_versions.c.journey, journey_versions.c.digest)
    query = select(journey_versions.c.journey, journey_versions.c.id)
    query = query.where(key.in_([(row["journey"], row["digest"]) for row in rows]))
    return {row.journey: row.id for row in await connection.execute(query)}, created


async def _point_journeys(
    connection: AsyncConnection,
    planned: Iterable[PlannedJourney],
    ids: dict[str, int],
    created: set[str],
    now: datetime,
) -> dict[str, JourneyChange]:
    known = await _lock_journeys(connection)
    changes: dict[str, JourneyChange] = {}
    rows = []
    for one in planned:
        name, before = one.journey, known.get(one.journey)
        changes[name] = _change(name in created, before, ids[name])
        if changes[name] != "unchanged":
            since = _since(before, one, now)
            rows.append({"name": name, "version_id": ids[name], "enabled": True, "since": since})
    if rows:
        statement = upsert(connection, journeys, ["name"], ["version_id", "enabled", "since"])
        await connection.execute(statement, rows)
    gone = sorted(name for name, row in known.items() if row.enabled and name not in changes)
    if gone:
        await connection.execute(update(journeys).where(journeys.c.name.in_(gone)).values(enabled=False))
    return {**changes, **dict.fromkeys(gone, "disabled")}


async def _lock_journeys(connection: AsyncConnection) -> dict[str, Row[Any]]:
    """With the plan that is in force, by name."""
    query = (
        select(journeys, journey_versions.c.plan)
        .join_from(journeys, journey_versions, journey_versions.c.id == journeys.c.version_id)
        .order_by(journeys.c.name)
    )
    return {row.name: row for row in await connection.execute(locked(connection, query, of=journeys))}


def _since(before: Row[Any] | None, one: PlannedJourney, now: datetime) -> datetime:
    if before is None or not before.enabled or before.plan.get("enter") != one.plan.get("enter"):
        return now
    since: datetime = before.since
    return since


def _change(is_created: bool, before: Row[Any] | None, version: int) -> JourneyChange:
    if before is not None and before.version_id == version:
        return "unchanged" if before.enabled else "enabled again"
    return "new version" if is_created else "earlier version"
