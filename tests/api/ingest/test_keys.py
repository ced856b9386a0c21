"""Who may send, and how much."""

from typing import Any

import pytest
from sqlalchemy import select, text

from journeyflow.api.app import Limits
from journeyflow.store.api_keys import api_keys, revoke_key
from journeyflow.store.database import Store
from tests.api.ingest.calling import KEYS, NOW, Caller, calling, track

BEARER = {"Authorization": f"Bearer {KEYS['ingest']}"}


async def test_a_bearer_is_let_in_as_well(caller: Caller) -> None:
    assert (await caller.post("/v1/track", track(), auth=None, headers=BEARER)).status_code == 200
    [used] = await caller.rows(select(api_keys.c.name).where(api_keys.c.last_used_at == NOW))
    assert used.name == "ingest"


_STRANGERS: dict[str, tuple[dict[str, Any], int]] = {
    "nobody": ({"auth": None}, 401),
    "unknown": ({"auth": ("jf_test_ingesu", "")}, 401),
    "the key as password": ({"auth": ("", KEYS["ingest"])}, 401),
    "no Base64": ({"auth": None, "headers": {"Authorization": "Basic %%%"}}, 401),
    "another kind": ({"auth": None, "headers": {"Authorization": f"Digest {KEYS['ingest']}"}}, 401),
    "may only read": ({"auth": (KEYS["read"], "")}, 403),
    "may only erase": ({"auth": (KEYS["erase"], "")}, 403),
}


@pytest.mark.parametrize(("options", "status"), _STRANGERS.values(), ids=_STRANGERS)
async def test_who_is_not_let_in(sqlite_caller: Caller, options: dict[str, Any], status: int) -> None:
    answer = await sqlite_caller.post("/v1/track", track(), **options)
    assert answer.status_code == status
    assert ("www-authenticate" in answer.headers) == (status == 401)
    assert answer.headers["content-type"] == "application/problem+json"
    assert await sqlite_caller.count() == 0


async def test_a_revoked_key_opens_nothing(sqlite_caller: Caller) -> None:
    async with sqlite_caller.store.writing() as connection:
        [row] = await connection.execute(select(api_keys.c.id).where(api_keys.c.name == "ingest"))
        assert await revoke_key(connection, row.id, NOW)
        assert not await revoke_key(connection, row.id, NOW)
    assert (await sqlite_caller.post("/v1/track", track())).status_code == 401


async def test_who_sends_too_much_is_told_when_to_come_back(sqlite_store: Store) -> None:
    async with calling(sqlite_store, Limits(rate=0.01)) as caller:
        assert (await caller.batch(track(1), track(2))).status_code == 200
        answer = await caller.batch(track(3))
        assert answer.status_code == 429
        assert 100 <= int(answer.headers["retry-after"]) <= 200
        assert await caller.count() == 2


@pytest.mark.parametrize("path", ["/v1/nothing", "/v1/"])
async def test_an_address_that_is_none_is_a_problem(sqlite_caller: Caller, path: str) -> None:
    answer = await sqlite_caller.post(path, {})
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"
    assert (await sqlite_caller.http.get("/v1/track")).status_code == 405


async def test_it_is_ready_and_describes_itself(caller: Caller) -> None:
    assert (await caller.http.get("/readyz")).json() == {"status": "ready"}
    described = (await caller.http.get("/openapi.json")).json()
    assert {path for path in described["paths"] if not path.startswith("/v1/")} == set()
    page = await caller.http.get("/docs")
    assert "POST /v1/batch" in page.text
    assert "DELETE /v1/customers/{id}</h2><p>Forget a customer" in page.text


async def test_a_store_of_another_version_is_not_ready(sqlite_caller: Caller) -> None:
    async with sqlite_caller.store.writing() as connection:
        await connection.execute(text("UPDATE alembic_version SET version_num = '0003'"))
    answer = await sqlite_caller.http.get("/readyz")
    assert answer.status_code == 503
    assert "of an older version" in answer.json()["detail"]


async def test_a_store_that_is_away_is_told_and_nothing_is_taken(sqlite_caller: Caller) -> None:
    assert (await sqlite_caller.post("/v1/track", track(1))).status_code == 200
    async with sqlite_caller.store.writing() as connection:
        await connection.execute(text("ALTER TABLE events RENAME TO elsewhere"))
    answer = await sqlite_caller.post("/v1/track", track(2))
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
    assert "order.completed" not in answer.text
    async with sqlite_caller.store.writing() as connection:
        await connection.execute(text("ALTER TABLE elsewhere RENAME TO events"))
    assert (await sqlite_caller.post("/v1/track", track(2))).status_code == 200
    assert await sqlite_caller.count() == 2
