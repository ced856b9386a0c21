"""A programme comes into force as a whole, once, and versions are never changed."""

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Table, select

from journeyflow.store.applying import Applied, PlannedJourney, StoredTemplate, apply_programme
from journeyflow.store.database import Store
from journeyflow.store.programme import journey_versions, journeys, policies, templates

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)
ONE = PlannedJourney("welcome", "d1", {"journey": "welcome", "steps": [1]}, "journey: welcome")
TWO = PlannedJourney("welcome", "d2", {"journey": "welcome", "steps": [2]}, "journey: welcome # more")
MAIL = StoredTemplate("hello", "email", "", "t1", {"text": "Hello"})
MAIL_SV = StoredTemplate("hello", "email", "sv", "t2", {"text": "Hej"})
POLICY: dict[str, Any] = {"caps": [], "defaults": {"locale": "sv"}}


async def apply(
    store: Store,
    *planned: PlannedJourney,
    texts: tuple[StoredTemplate, ...] = (),
    policy: dict[str, Any] = POLICY,
    now: datetime = NOW,
) -> Applied:
    return await apply_programme(store, policy, texts, planned, now)


async def rows_of(store: Store, table: Table) -> list[dict[str, Any]]:
    async with store.reading() as connection:
        found = await connection.execute(select(table).order_by(*table.primary_key.columns))
        return [dict(row) for row in found.mappings()]


async def everything(store: Store) -> list[list[dict[str, Any]]]:
    return [await rows_of(store, table) for table in (policies, templates, journey_versions, journeys)]


async def test_the_first_time_all_is_new(store: Store) -> None:
    applied = await apply(store, ONE, texts=(MAIL, MAIL_SV))
    assert applied == Applied(True, 2, 0, {"welcome": "new version"})
    (version,) = await rows_of(store, journey_versions)
    assert version | {"id": 0} == {
        "id": 0,
        "journey": "welcome",
        "digest": "d1",
        "plan": ONE.plan,
        "source": ONE.source,
        "applied_at": NOW,
    }
    assert await rows_of(store, journeys) == [
        {"name": "welcome", "version_id": version["id"], "enabled": True, "since": NOW, "paused_at": None}
    ]
    assert [row["body"] for row in await rows_of(store, templates)] == [MAIL.body, MAIL_SV.body]
    assert [row["body"] for row in await rows_of(store, policies)] == [POLICY]


async def test_the_same_again_changes_nothing(store: Store) -> None:
    await apply(store, ONE, texts=(MAIL, MAIL_SV))
    before = await everything(store)
    applied = await apply(store, ONE, texts=(MAIL, MAIL_SV), now=LATER)
    assert applied == Applied(False, 0, 0, {"welcome": "unchanged"})
    assert await everything(store) == before


async def test_another_plan_is_another_version_beside_the_first(store: Store) -> None:
    await apply(store, ONE)
    first = (await rows_of(store, journey_versions))[0]
    assert (await apply(store, TWO, now=LATER)).journeys == {"welcome": "new version"}
    kept, second = await rows_of(store, journey_versions)
    assert kept == first
    assert (await rows_of(store, journeys))[0]["version_id"] == second["id"]


async def test_going_back_finds_the_earlier_version(store: Store) -> None:
    await apply(store, ONE)
    await apply(store, TWO)
    assert (await apply(store, ONE, now=LATER)).journeys == {"welcome": "earlier version"}
    first, _ = await rows_of(store, journey_versions)
    assert first["applied_at"] == NOW
    assert (await rows_of(store, journeys))[0]["version_id"] == first["id"]


async def test_a_journey_whose_file_is_gone_is_disabled_until_it_is_back(store: Store) -> None:
    await apply(store, ONE)
    assert (await apply(store)).journeys == {"welcome": "disabled"}
    assert (await rows_of(store, journeys))[0]["enabled"] is False
    assert (await apply(store)).journeys == {}, "told once"
    assert (await apply(store, ONE)).journeys == {"welcome": "enabled again"}
    assert (await rows_of(store, journeys))[0]["enabled"] is True
    assert len(await rows_of(store, journey_versions)) == 1


async def test_two_journeys_may_have_the_same_digest(store: Store) -> None:
    other = PlannedJourney("birthday", "d1", {"journey": "birthday"}, "")
    await apply(store, ONE, other)
    assert len({row["version_id"] for row in await rows_of(store, journeys)}) == 2


async def test_templates_are_replaced_and_removed(store: Store) -> None:
    await apply(store, texts=(MAIL, MAIL_SV))
    other = StoredTemplate("hello", "email", "", "t3", {"text": "Hi"})
    applied = await apply(store, texts=(other,), now=LATER)
    assert (applied.templates_changed, applied.templates_removed) == (1, 1)
    (row,) = await rows_of(store, templates)
    assert (row["body"], row["applied_at"]) == ({"text": "Hi"}, LATER)


async def test_a_template_that_is_gone_stays_for_those_in_an_earlier_version(store: Store) -> None:
    await apply(store, texts=(MAIL, MAIL_SV))
    applied = await apply(store, texts=())
    assert applied.templates_removed == 0
    assert len(await rows_of(store, templates)) == 2


async def test_the_newest_policy_is_in_force_also_when_an_old_one_returns(store: Store) -> None:
    stricter = {**POLICY, "caps": [{"at_most": 1, "per": 86_400}]}
    for policy in (POLICY, stricter, POLICY):
        assert (await apply(store, policy=policy)).policy_changed
    assert [row["body"] for row in await rows_of(store, policies)] == [POLICY, stricter, POLICY]
