"""`/v1/customers/{id}`: what is known, changing it, export and erasure, over HTTP on both databases."""

import json
from datetime import timedelta
from typing import Any
from urllib.parse import quote

from sqlalchemy import select

from journeyflow.store.audit import audit_log
from journeyflow.store.customers import consent_log
from tests.api.ingest.calling import NOW, Caller, track

ADA = "/v1/customers/ada"
TRAITS = {"email": "ada@example.com", "country": "SE", "points": 3, "tags": ["a"]}


async def known(caller: Caller, key: str = "ada", **context: Any) -> None:
    await caller.post("/v1/identify", {"userId": key, "traits": TRAITS, "context": context})


async def show(caller: Caller, path: str = ADA) -> dict[str, Any]:
    found: dict[str, Any] = (await caller.ask("GET", path)).json()
    return found


async def test_a_customer_is_told_whole(caller: Caller) -> None:
    await known(caller, consents={"email": "granted", "sms.news": "denied"})
    assert await show(caller) == {
        "id": "ada", "email": "ada@example.com", "phone": None, "timezone": None, "locale": None,
        "country": "SE", "attributes": {"points": 3, "tags": ["a"]},
        "consents": {"email": "granted", "sms.news": "denied"}, "aliases": [], "segments": [],
        "journeys": [], "rfm": None, "created_at": NOW.isoformat(), "updated_at": NOW.isoformat(),
    }  # fmt: skip


async def test_any_id_can_be_asked_for(sqlite_caller: Caller) -> None:
    for key in ("a/b", "a%2Fb", "å é", "a/export", "..a", "?x=1#y", "+4670", "a\u2028b"):
        await known(sqlite_caller, key)
        path = f"/v1/customers/{quote(key, safe='')}"
        assert (await show(sqlite_caller, path))["id"] == key
        assert (await sqlite_caller.ask("GET", f"{path}/export")).json()["customer"]["key"] == key


async def test_an_anonymous_id_stands_for_its_customer(caller: Caller) -> None:
    await known(caller)
    await caller.post("/v1/alias", {"previousId": "d1", "userId": "ada"})
    found = await show(caller, "/v1/customers/anonymous:d1")
    assert (found["id"], found["aliases"]) == ("ada", ["anonymous:d1"])


async def test_who_is_unknown_is_not_found(caller: Caller) -> None:
    calls = [("GET", "read", ""), ("GET", "read", "/export"), ("GET", "read", "/timeline")]
    calls += [("PATCH", "manage", ""), ("DELETE", "erase", "")]
    for key in ("eve", "%00", "%ff", "%ED%A0%80", "x" * 300, "%20"):
        for method, scope, path in calls:
            options = {"json": {"email": "eve@example.com"}} if method == "PATCH" else {}
            answer = await caller.ask(method, f"/v1/customers/{key}{path}", scope, 404, **options)
            assert answer.headers["content-type"] == "application/problem+json"
    assert await caller.keys() == []


async def test_a_patch_changes_what_it_names(caller: Caller) -> None:
    await known(caller, consents={"email": "granted"})
    patch = {
        "email": None, "locale": "sv_se", "attributes": {"points": None, "tier": "gold"},
        "consents": {"email": "denied", "sms": "granted"}, "consent_wording": "Yes, write to me.",
    }  # fmt: skip
    answer = await caller.ask("PATCH", ADA, "manage", json=patch)
    assert answer.json() == {"outcome": "changed", "consents_not_granted": {}}
    found = await show(caller)
    assert (found["email"], found["locale"], found["country"]) == (None, "sv-SE", "SE")
    assert found["attributes"] == {"tags": ["a"], "tier": "gold"}
    assert found["consents"] == {"email": "denied", "sms": "granted"}
    [row] = await caller.rows(select(consent_log).where(consent_log.c.channel == "sms"))
    assert (row.source, row.actor, row.wording) == ("api", "manage", "Yes, write to me.")
    again = await caller.ask("PATCH", ADA, "manage", json={"attributes": {"tier": "gold"}})
    assert again.json()["outcome"] == "unchanged"
    late = await caller.ask("PATCH", ADA, "manage", json={"consents": {"email": "granted"}})
    assert late.json() == {"outcome": "unchanged", "consents_not_granted": {"denied": 1}}
    [noted] = await caller.rows(select(audit_log).where(audit_log.c.action == "patch"))
    assert (noted.actor, noted.detail["fields"]) == ("manage", ["email", "locale"])
    assert "gold" not in str(noted.detail)


_BAD: dict[str, tuple[Any, str]] = {
    "another id": ({"id": "eve"}, "id stands in the address"),
    "an unknown field": ({"emial": "x"}, 'did you mean "email"?'),
    "no address": ({"email": "secret"}, "email is not an address"),
    "a telephone number of nowhere": ({"phone": "secret"}, "phone is not"),
    "no attributes": ({"attributes": None}, "attributes cannot be removed as a whole"),
    "an object in an attribute": ({"attributes": {"a": {"b": 1}}}, "single value"),
    "a field as an attribute": ({"attributes": {"email": "secret"}}, "a field of its own"),
    "no consent": ({"consents": {"email": None}}, "a consent cannot be removed"),
    "an odd consent": ({"consents": {"email": "secret"}}, "neither granted nor denied"),
    "a topic nobody knows": ({"consents": {"email.news": "granted"}}, "names the topic"),
    "half a character": ({"attributes": {"a": "\ud800"}}, "not text"),
    "too deep": ({"attributes": [[[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]]]}, "nested deeper"),
}


async def test_a_patch_that_cannot_be_taken_changes_nothing(sqlite_caller: Caller) -> None:
    await known(sqlite_caller)
    before = await show(sqlite_caller)
    for name, (patch, told) in _BAD.items():
        content = json.dumps({"locale": "sv"} | patch)
        answer = await sqlite_caller.ask("PATCH", ADA, "manage", 422, content=content)
        assert told in answer.json()["detail"], name
        assert "secret" not in answer.text, name
    assert await show(sqlite_caller) == before


async def test_an_export_is_noted_with_the_name_of_the_key(caller: Caller) -> None:
    await known(caller)
    await caller.batch(track(1))
    held = (await caller.ask("GET", f"{ADA}/export")).json()
    assert held["customer"]["email"] == "ada@example.com"
    assert [event["key"] for event in held["events"]] == ["m-1"]
    [noted] = await caller.rows(select(audit_log).where(audit_log.c.action == "export"))
    assert noted.actor == "read"


async def test_who_is_erased_is_gone_and_stays_unreached(caller: Caller) -> None:
    await known(caller)
    await known(caller, "bob")
    await caller.post("/v1/alias", {"previousId": "d1", "userId": "ada"})
    done = (await caller.ask("DELETE", "/v1/customers/anonymous:d1", "erase")).json()
    assert done["suppressed"] == ["email"]
    assert done["sharing"] == ["bob"]
    assert (done["removed"]["customers"], done["handed_over"], done["overwritten"]) == (1, [], True)
    await caller.ask("DELETE", ADA, "erase", 404)
    assert await caller.keys() == ["bob"]
    [noted] = await caller.rows(select(audit_log).where(audit_log.c.action == "erase"))
    assert noted.actor == "erase"


async def test_the_timeline_is_read_page_by_page_from_its_end(caller: Caller) -> None:
    await known(caller)
    times = [NOW - timedelta(days=day) for day in (4, 3, 3, 3, 1)]
    items = [track(number, event=f"e{number}", timestamp=at.isoformat()) for number, at in enumerate(times)]
    await caller.batch(*items)
    seen: list[str] = []
    before: dict[str, str] = {}
    pages = 0
    while True:
        answer = (await caller.ask("GET", f"{ADA}/timeline", params={"limit": 2, **before})).json()
        seen += [moment["where"] for moment in answer["moments"]]
        pages += 1
        if answer["next"] is None:
            break
        before = {"before": answer["next"]}
    assert (seen, pages) == (["e4", "e3", "e2", "e1", "e0"], 3)
    older = await caller.ask("GET", f"{ADA}/timeline", params={"before": times[1].isoformat()})
    assert [moment["where"] for moment in older.json()["moments"]] == ["e0"]


async def test_a_page_that_cannot_be_asked_for(sqlite_caller: Caller) -> None:
    await known(sqlite_caller)
    for query in ("limit=0", "limit=201", "limit=x", "limit=1_0", "before=secret", "before=~", "secret=1"):
        answer = await sqlite_caller.ask("GET", f"{ADA}/timeline?{query}", status=422)
        assert "secret" not in answer.text
