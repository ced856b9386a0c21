"""Suppression: by address, as a hash, whoever has it and however it is spelt."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import insert, select, update

from journeyflow.audience.records import RecordError, parse_customer
from journeyflow.audience.rights import erase
from journeyflow.audience.suppression import (
    Suppressed,
    is_suppressed,
    lift,
    list_suppressed,
    parse_address,
    suppress,
)
from journeyflow.store.customers import customers, suppressions
from journeyflow.store.database import Store
from journeyflow.store.tables import metadata
from tests.engine.programmes import World

NOW = datetime(2031, 5, 7, 12, tzinfo=UTC)
ANN, NUMBER = "ann@example.com", "+46701740601"


async def test_in_a_store_that_nobody_has_used_yet(store: Store) -> None:
    """There is no salt before the first suppression, and none is needed to know that there is none."""
    async with store.writing() as connection:
        assert await is_suppressed(connection, "email", ANN) is None
        assert await lift(connection, "email", ANN) is None
        await suppress(connection, "email", [ANN], "manual", NOW)
        assert await is_suppressed(connection, "email", ANN) == "manual"


async def test_large_letters_are_no_way_round_it_but_another_channel_is(store: Store) -> None:
    async with store.writing() as connection:
        await suppress(connection, "email", ["Ann@Example.com"], "manual", NOW)
        assert await is_suppressed(connection, "email", ANN) == "manual"
        assert await is_suppressed(connection, "sms", ANN) is None
        assert await lift(connection, "email", "ANN@EXAMPLE.COM") == "manual"
        assert await is_suppressed(connection, "email", ANN) is None


SPELLINGS = ["jo\u0308rg@bücher.example", "jörg@bu\u0308cher.example", "jörg@XN--BCHER-KVA.example"]


async def test_an_erased_address_does_not_come_back_in_another_spelling(store: Store, tmp_path: Path) -> None:
    world = World(store, tmp_path / "programme")
    await world.apply("journey: letters\nenter: {event: began}\nsteps: [{send: {email: hello}}]\n")
    await world.customers("jörg", email=SPELLINGS[0])
    async with store.writing() as connection:  # as an older version stored it
        await connection.execute(update(customers).values(email=SPELLINGS[0]))
    await erase(store, "jörg", "test", NOW)
    for number, email in enumerate(SPELLINGS):
        columns = parse_customer({"id": f"c{number}", "email": email}).columns
        await world.customers(f"c{number}", email=columns["email"])
        await world.enter(f"c{number}")
        assert await world.ledger(f"c{number}") == [("hello", "dropped", "suppressed")]
        async with store.writing() as connection:
            assert await is_suppressed(connection, "email", email) == "erased"
            assert await is_suppressed(connection, "email", parse_address("email", email)) == "erased"
    async with store.writing() as connection:
        assert await lift(connection, "email", SPELLINGS[1]) == "erased"
        assert await is_suppressed(connection, "email", SPELLINGS[2]) is None


def test_a_mailbox_has_one_spelling() -> None:
    expected = ["jörg@xn--bcher-kva.example", "jörg@xn--bcher-kva.example", "jörg@XN--BCHER-KVA.example"]
    assert [parse_address("email", email) for email in SPELLINGS] == expected
    assert parse_address("email", "a@STRASSE.example") == "a@STRASSE.example"
    assert parse_address("email", "a@Straße.example") == "a@xn--strae-oqa.example", "two different domains"
    with pytest.raises(RecordError, match="email is not an address that can be"):
        parse_address("email", "a@\u2603\u200d.example")


async def test_what_a_person_asked_for_outweighs_what_a_provider_told(store: Store) -> None:
    later = NOW + timedelta(days=1)
    async with store.writing() as connection:
        await suppress(connection, "email", [ANN], "bounced", NOW)
        await suppress(connection, "email", [ANN], "bounced", later)
        (row,) = await connection.execute(select(suppressions))
        assert (row.reason, row.at) == ("bounced", NOW), "the first time counts"
        await suppress(connection, "email", [ANN], "erased", later)
        await suppress(connection, "email", [ANN], "bounced", later + timedelta(days=1))
        (row,) = await connection.execute(select(suppressions))
        assert (row.reason, row.at) == ("erased", later)


async def test_the_list_has_numbers_and_known_customers_but_no_address(store: Store) -> None:
    common = {"attributes": {}, "created_at": NOW, "updated_at": NOW}
    async with store.writing() as connection:
        for key, email, phone in (("ann", ANN, NUMBER), ("ann-too", "ANN@example.com", None)):
            await connection.execute(insert(customers).values(key=key, email=email, phone=phone, **common))
        await suppress(connection, "email", [ANN], "complained", NOW)
        await suppress(connection, "email", ["gone@example.com"], "complained", NOW)
        await suppress(connection, "sms", [NUMBER], "unknown-number", NOW)
        assert await list_suppressed(connection) == [
            Suppressed("email", "complained", 2, ["ann", "ann-too"]),
            Suppressed("sms", "unknown-number", 1, ["ann"]),
        ]


async def test_no_table_holds_a_suppressed_address(store: Store) -> None:
    async with store.writing() as connection:
        await suppress(connection, "email", [ANN], "manual", NOW)
        for table in metadata.sorted_tables:
            rows = (await connection.execute(select(table))).all()
            assert "ann" not in repr(rows).lower(), table.name


def test_addresses_are_taken_as_imports_take_them() -> None:
    assert parse_address("email", " ann@example.com ") == ANN
    assert parse_address("sms", NUMBER) == NUMBER
    for channel, text in (("email", "ann"), ("sms", "0701740601")):
        with pytest.raises(RecordError):
            parse_address(channel, text)
    assert parse_address("email", "") == ""
