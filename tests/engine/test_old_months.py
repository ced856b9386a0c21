"""Retention on PostgreSQL: a month goes as a whole when nothing in it is needed, else event by event."""

from pathlib import Path

import pytest
from sqlalchemy import func, select, text

from journeyflow.engine.purge import purge
from journeyflow.store.audit import audit_log
from journeyflow.store.customers import events
from journeyflow.store.database import Store
from journeyflow.store.months import Month, make_ahead, months
from journeyflow.store.passages import enrollments
from tests.engine.programmes import World
from tests.engine.test_purge import DAY, LONG, SHORT, begun, purged, retaining


@pytest.fixture
def world(postgresql_store: Store, tmp_path: Path) -> World:
    return World(postgresql_store, tmp_path)


async def there(world: World) -> list[Month]:
    async with world.store.reading() as connection:
        return await months(connection)


async def test_a_month_goes_as_a_whole_and_passages_no_longer_name_its_events(world: World) -> None:
    await make_ahead(world.store, world.now)
    begin = await there(world)
    await begun(world, SHORT, policy=retaining("events"))
    assert (await purged(world, days=40))["events"] == 2
    assert await there(world) == begin[1:]
    assert await world.rows(select(enrollments.c.event_id)) == [(None,), (None,)]
    (row,) = await world.rows(select(audit_log).where(audit_log.c.action == "purge"))
    assert row.detail == {"rows": 2, "month": f"{begin[0].begin:%Y-%m}"}


async def test_a_month_with_an_event_that_is_needed_stays_with_it(world: World) -> None:
    await make_ahead(world.store, world.now)
    begin = await there(world)
    await begun(world, SHORT, policy=retaining("events"))
    await world.apply(SHORT, LONG, policy=retaining("events"))
    await world.customers("cid")
    await world.enter("cid")  # and is inside the longer journey for 90 days
    assert (await purged(world, days=40))["events"] == 2
    assert await there(world) == begin
    assert await world.rows(select(func.count()).select_from(events)) == [(1,)]


async def test_a_month_that_has_not_ended_stays(world: World) -> None:
    await make_ahead(world.store, world.now)
    begin = await there(world)
    await begun(world, SHORT, policy=retaining("events"))
    assert (await purged(world, days=3))["events"] == 2
    assert await there(world) == begin


async def test_a_month_that_somebody_adds_to_stays_for_today(world: World) -> None:
    await make_ahead(world.store, world.now)
    (name, *_) = [month.name for month in await there(world)]
    async with world.store.writing() as connection:
        await connection.execute(text(f"LOCK TABLE {name} IN ROW EXCLUSIVE MODE"))
        await world.apply(SHORT, policy=retaining("events"))
        assert await purge(world.store, world.programme, world.now + 40 * DAY) == {}
    assert name in [month.name for month in await there(world)]
    await purge(world.store, world.programme, world.now + 40 * DAY)
    assert name not in [month.name for month in await there(world)], "empty, and over"
