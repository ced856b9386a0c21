"""Out with one press: RFC 8058, and by hand."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import event, select

from journeyflow.api.guard import MAX_BODY
from journeyflow.messages.links import Links
from journeyflow.store.customers import customers
from tests.api.visiting import FORGED, LINKS, Visitor, without_token
from tests.engine.programmes import World

ONE_CLICK = "List-Unsubscribe=One-Click"
MULTIPART = '--x\r\nContent-Disposition: form-data; name="List-Unsubscribe"\r\n\r\nOne-Click\r\n--x--\r\n'
BODIES = {
    "urlencoded": (ONE_CLICK, "application/x-www-form-urlencoded"),
    "multipart": (MULTIPART, "multipart/form-data; boundary=x"),
    "empty": ("", "application/x-www-form-urlencoded"),
    "no type": (ONE_CLICK, ""),
    "damaged": ("--y\r\nwhat", "multipart/form-data; boundary=x"),
}


async def queued(world: World, *keys: str) -> dict[str, int]:
    """Each customer has one letter of each journey in the ledger; the numbers of the first one's."""
    await world.customers(*keys, consents={"email": "granted", "sms": "granted"})
    await world.enter(*keys)
    return {row.template: row.id for row in await world.messages(keys[0])}


async def press(visitor: Visitor, token: str, body: str = "urlencoded") -> Any:
    content, kind = BODIES[body]
    return await visitor.http.post(
        f"/u/{token}", content=content, headers={"content-type": kind} if kind else {}
    )


async def states(world: World, key: str) -> dict[str, str]:
    return {template: state for template, state, _ in await world.ledger(key)}


@contextmanager
def statements(world: World) -> Iterator[list[str]]:
    given: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        given.append(statement)

    event.listen(world.store.engine.sync_engine, "before_cursor_execute", note)
    yield given
    event.remove(world.store.engine.sync_engine, "before_cursor_execute", note)


@pytest.mark.parametrize("body", BODIES)
async def test_one_press_is_enough(visitor: Visitor, world: World, body: str) -> None:
    letters = await queued(world, "ann")
    answer = await press(visitor, await visitor.token("ann", "unsubscribe", letters["hello"]), body)
    assert answer.status_code == 200
    assert "You are unsubscribed" in answer.text
    assert "set-cookie" not in answer.headers
    assert (await visitor.consents("ann"))["email", ""] == "denied"
    assert (await visitor.consents("ann"))["sms", ""] == "granted"


async def test_a_press_is_for_everybody_who_has_the_address(visitor: Visitor, world: World) -> None:
    granted = {"email": "granted", "sms": "granted"}
    await world.customers("ann", email="Ann@example.com", phone="+46701740601", consents=granted)
    await world.customers("bob", email="ann@example.com", phone="+46701740602", consents=granted)
    await world.customers("cid", email="cid@example.com", phone="+46701740601", consents=granted)
    await world.customers("dan", email=None, phone=None, consents=granted)
    await world.customers("eve", email=None, phone=None, consents=granted)
    await world.enter("ann", "bob", "cid")
    await press(visitor, await visitor.token("ann", "unsubscribe", 0))
    for key in ("ann", "bob"):
        assert (await visitor.consents(key)) == {("email", ""): "denied", ("sms", ""): "granted"}
        assert await states(world, key) == {"hello": "cancelled", "news": "cancelled"}
    assert (await visitor.consents("cid"))["email", ""] == "granted"
    await press(visitor, await visitor.token("ann", "unsubscribe", 0, ""))
    assert (await visitor.consents("cid")) == {("email", ""): "granted", ("sms", ""): "denied"}
    await press(visitor, await visitor.token("dan", "unsubscribe", 0, ""))
    assert set((await visitor.consents("dan")).values()) == {"denied"}
    assert set((await visitor.consents("eve")).values()) == {"granted"}, "no address is nobody's in common"


async def test_what_is_answered_is_committed_and_nothing_queued_leaves(
    visitor: Visitor, world: World
) -> None:
    letters = await queued(world, "ann", "bob")
    await press(visitor, await visitor.token("ann", "unsubscribe", letters["hello"]))
    assert await states(world, "ann") == {"hello": "cancelled", "news": "cancelled"}
    assert await states(world, "bob") == {"hello": "queued", "news": "queued"}


async def test_a_letter_about_a_topic_is_out_of_that_alone(visitor: Visitor, world: World) -> None:
    letters = await queued(world, "ann")
    await press(visitor, await visitor.token("ann", "unsubscribe", letters["news"]))
    assert await visitor.consents("ann") == {
        ("email", ""): "granted",
        ("email", "news"): "denied",
        ("sms", ""): "granted",
    }
    assert await states(world, "ann") == {"hello": "queued", "news": "cancelled"}


async def test_a_message_that_is_gone_stands_for_its_channel(visitor: Visitor, world: World) -> None:
    await queued(world, "ann")
    await press(visitor, await visitor.token("ann", "unsubscribe", 999_999))
    assert (await visitor.consents("ann"))["email", ""] == "denied"
    assert (await visitor.consents("ann"))["sms", ""] == "granted"


async def test_without_message_and_channel_it_is_everything(visitor: Visitor, world: World) -> None:
    await queued(world, "ann")
    await press(visitor, await visitor.token("ann", "unsubscribe", 0, ""))
    held = await visitor.consents("ann")
    assert held["email", ""] == held["sms", ""] == "denied"


async def test_the_message_of_somebody_else_says_nothing_about_a_topic(
    visitor: Visitor, world: World
) -> None:
    letters = await queued(world, "ann", "bob")
    await press(visitor, await visitor.token("bob", "unsubscribe", letters["news"]))
    assert (await visitor.consents("bob"))["email", ""] == "denied"
    assert (await visitor.consents("ann"))["email", ""] == "granted"


async def test_how_it_was_said_is_kept(visitor: Visitor, world: World) -> None:
    letters = await queued(world, "ann")
    await press(visitor, await visitor.token("ann", "unsubscribe", letters["hello"]))
    [row] = [row for row in await visitor.log("ann") if row.state == "denied"]
    assert (row.source, row.actor, row.origin) == ("one-click", "customer", "192.0.2.7")
    assert row.wording.startswith("Press the button, and Club & Co will not")
    assert len(row.wording_version) == 16


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("page", ["u", "p", "c", "r"])
async def test_looking_changes_nothing(visitor: Visitor, world: World, method: str, page: str) -> None:
    letters = await queued(world, "ann")
    purpose = {"u": "unsubscribe", "p": "preferences", "c": "confirm", "r": "register"}[page]
    before = await world.everything()
    answer = await visitor.http.request(
        method, f"/{page}/{await visitor.token('ann', purpose, letters['hello'])}"
    )
    assert answer.status_code == 200
    assert await world.everything() == before


async def test_every_damaged_token_changes_nothing(visitor: Visitor, world: World) -> None:
    letters = await queued(world, "ann")
    good = await visitor.token("ann", "unsubscribe", letters["hello"])
    damaged = [good[:at] + chr(ord(good[at]) ^ 1) + good[at + 1 :] for at in range(len(good))]
    foreign = Links("https://post.example.com", ["f" * 32]).unsubscribe_url(1, letters["hello"], "email")
    others = [
        await visitor.token("ann", purpose, letters["hello"])
        for purpose in ("preferences", "confirm", "register")
    ]
    before = await world.everything()
    for token in [
        *damaged,
        good[:-1],
        good[1:],
        good + "A",
        FORGED,
        "A" * 5_000,
        foreign.rsplit("/", 1)[1],
        *others,
    ]:
        answer = await visitor.http.post(f"/u/{token.replace('/', '%2F')}")
        assert answer.status_code == 200, token
        assert "You are unsubscribed" in answer.text
    assert await world.everything() == before


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_forged_link_looks_and_costs_as_a_used_one(
    visitor: Visitor, world: World, method: str
) -> None:
    letters = await queued(world, "ann")
    used = await visitor.token("ann", "unsubscribe", letters["hello"])
    await press(visitor, used)
    with statements(world) as of_used:
        one = await visitor.http.request(method, f"/u/{used}")
    with statements(world) as of_forged:
        other = await visitor.http.request(method, f"/u/{FORGED}")
    assert without_token(one.text, used) == without_token(other.text, FORGED)
    assert len(of_used) == len(of_forged)
    assert {**one.headers, "content-length": ""} == {**other.headers, "content-length": ""}


async def test_somebody_who_is_gone_gets_the_same_page(visitor: Visitor, world: World) -> None:
    gone = LINKS.unsubscribe_url(999_999, 1, "email").rsplit("/", 1)[1]
    answer = await press(visitor, gone)
    forged = await press(visitor, FORGED)
    assert without_token(answer.text, gone) == without_token(forged.text, FORGED)
    assert await world.rows(select(customers)) == []


async def test_every_answer_is_private(visitor: Visitor, world: World) -> None:
    for path in (f"/u/{FORGED}", f"/p/{FORGED}", f"/c/{FORGED}", f"/r/{FORGED}", "/nothing", "/healthz"):
        headers = (await visitor.http.get(path)).headers
        assert headers["cache-control"] == "no-store"
        assert "script" not in headers["content-security-policy"]
        assert headers["content-security-policy"].startswith("default-src 'none'; style-src 'sha256-")
        assert "unsafe" not in headers["content-security-policy"]
        assert headers["x-robots-tag"] == "noindex, nofollow"
        assert headers["referrer-policy"] == "no-referrer"
        assert "set-cookie" not in headers


@pytest.mark.parametrize("page", ["u", "p", "c", "r"])
async def test_a_large_body_is_refused(visitor: Visitor, world: World, page: str) -> None:
    kind = {"content-type": "application/x-www-form-urlencoded"}
    fits = await visitor.http.post(f"/{page}/{FORGED}", content=b"a" * MAX_BODY, headers=kind)
    over = await visitor.http.post(f"/{page}/{FORGED}", content=b"a" * (MAX_BODY + 1), headers=kind)
    assert (fits.status_code, over.status_code) == (200, 413)
    assert over.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("page", ["p", "r"])
@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("multipart/form-data", b"a"),
        ("multipart/form-data; boundary=b", b"nonsense"),
        ("application/x-www-form-urlencoded", b"a=1&" * 600),
    ],
    ids=["no boundary", "nonsense", "too many fields"],
)
async def test_a_form_that_cannot_be_read_is_answered_on_a_page(
    visitor: Visitor, world: World, page: str, kind: str, body: bytes
) -> None:
    headers = {"content-type": kind, "accept-language": "sv"}
    answer = await visitor.http.post(f"/{page}/{FORGED}", content=body, headers=headers)
    assert (answer.status_code, answer.headers["cache-control"]) == (400, "no-store")
    assert "Ingenting är ändrat" in answer.text


async def test_health(visitor: Visitor) -> None:
    answer = await visitor.http.get("/healthz")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})
