"""`journeyflow coupons`, and what `apply` says of pools without codes."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select, update

from journeyflow.cli.main import run
from journeyflow.store.coupons import NEVER, coupons
from journeyflow.store.database import Store
from tests.cli.test_status import here
from tests.engine.programmes import World
from tests.journeys.writing import write_programme

__all__ = ["here"]

GIVING = """
    journey: birthday
    enter: {event: began}
    steps:
      - send: {sms: present}
"""
PRESENT = {"present/sms.txt": "---\ncoupon: birthday-10\n---\nYour code: {{ coupon }}\n"}
POLICY = """
    senders: {sms: {from: "+46700000000"}}
    defaults: {timezone: Europe/Stockholm, locale: en}
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "codes.txt"


def fill(file: Path, text: str | bytes) -> None:
    file.write_bytes(text.encode() if isinstance(text, str) else text)


async def rows(store: Store) -> list[tuple[str, str, datetime]]:
    query = select(coupons.c.pool, coupons.c.code, coupons.c.expires_at).order_by(coupons.c.id)
    async with store.reading() as connection:
        return [(row.pool, row.code, row.expires_at) for row in await connection.execute(query)]


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize(
    "text",
    [
        "AAA\nBBB\n\n CCC \n",
        "\ufeffAAA\r\nBBB\r\nCCC",
        "code\nAAA\nBBB\nCCC\n",
        'id;Code;value\n1;AAA;10\n2;"BBB";10\n3;CCC;10\n',
    ],
    ids=["lines", "from Windows", "a column", "among other columns"],
)
async def test_codes_are_read_from(
    sqlite_store: Store, file: Path, text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    fill(file, text)
    assert await _run("import", "birthday-10", str(file)) == 0
    assert capsys.readouterr().out == "birthday-10: 3 new, 0 there already\n"
    assert await rows(sqlite_store) == [("birthday-10", code, NEVER) for code in ("AAA", "BBB", "CCC")]
    assert await _run("import", "birthday-10", str(file)) == 0
    assert capsys.readouterr().out == "birthday-10: 0 new, 3 there already\n"
    assert len(await rows(sqlite_store)) == 3


@pytest.mark.usefixtures("here")
async def test_a_large_file_with_codes_that_come_twice(
    sqlite_store: Store, file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fill(file, "".join(f"C{number % 2_300}\n" for number in range(2_500)))
    assert await _run("import", "birthday-10", str(file)) == 0
    assert capsys.readouterr().out == "birthday-10: 2,300 new, 200 there already\n"
    assert len(await rows(sqlite_store)) == 2_300


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize(
    ("text", "line", "told"),
    [
        ("AAA\nB B\n", 2, "a code has 1 to 100 characters, without spaces, commas, semicolons and quotes"),
        ("AAA\n" + "B" * 101, 2, "a code has 1 to 100 characters"),
        ("AAA;10\nBBB\n", 1, 'the first line of a CSV file must name a column "code"'),
        ("id,code\n1,AAA\n2\n", 3, 'the line has no cell in the column "code"'),
        (b"AAA\n\xff\xfe\n", 2, "the line is not UTF-8"),
    ],
    ids=["space", "long", "no header", "short", "encoding"],
)
async def test_a_bad_line_costs_one_line(
    sqlite_store: Store,
    file: Path,
    text: str | bytes,
    line: int,
    told: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    fill(file, text)
    assert await _run("import", "birthday-10", str(file)) == 1
    out = capsys.readouterr()
    assert out.out == "birthday-10: 1 new, 0 there already, 1 bad\n"
    assert out.err.startswith(f"{file}:{line}: ")
    assert told in out.err
    assert "BBB" not in out.err, "a code is worth money"
    assert len(await rows(sqlite_store)) == 1


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["Birthday 10"], "should be a name in small letters"),
        (["birthday-10", "--expires", "2020-02-29"], "2020-02-29 is over"),
        (["birthday-10", "--expires", "soon"], "soon"),
    ],
)
def test_what_cannot_be_done_is_said(
    file: Path, arguments: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    fill(file, "AAA\n")
    pool, *options = arguments
    assert run(["coupons", "import", pool, str(file), *options]) == 2
    assert told in capsys.readouterr().err


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize(("is_applied", "zone"), [(True, "Europe/Stockholm"), (False, "UTC")])
async def test_the_last_day_is_one_of_the_programmes_zone(
    sqlite_store: Store,
    tmp_path: Path,
    file: Path,
    is_applied: bool,
    zone: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    if is_applied:
        await World(sqlite_store, tmp_path / "programme").apply(GIVING, policy=POLICY)
    fill(file, "AAA\n")
    assert await _run("import", "birthday-10", str(file), "--expires", "2099-12-31") == 0
    [(_, _, expires_at)] = await rows(sqlite_store)
    assert expires_at == datetime(2100, 1, 1, tzinfo=ZoneInfo(zone))
    told = f"new codes are given away until 2100-01-01 00:00, {zone} time\n"
    assert capsys.readouterr().out.startswith(told)


@pytest.mark.usefixtures("here")
async def test_the_list_counts_what_there_is_of_each_pool(
    sqlite_store: Store, file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await _run("list") == 0
    assert "journeyflow coupons import" in capsys.readouterr().out
    fill(file, "AAA\nBBB\nCCC\nDDD\n")
    await _run("import", "winter", str(file), "--expires", "2099-12-31")
    await _run("import", "birthday-10", str(file))
    async with sqlite_store.writing() as connection:
        old = update(coupons).where(coupons.c.pool == "winter", coupons.c.code == "AAA")
        await connection.execute(old.values(expires_at=datetime(2020, 1, 1, tzinfo=UTC)))
        used = update(coupons).where(coupons.c.pool == "winter", coupons.c.code == "BBB")
        await connection.execute(used.values(taken_at=datetime(2020, 1, 1, tzinfo=UTC)))
    capsys.readouterr()
    assert await _run("list") == 0
    cells = [[cell.strip() for cell in line.split("│")] for line in capsys.readouterr().out.splitlines()]
    assert ["birthday-10", "4", "0", "0", ""] in cells
    assert ["winter", "2", "1", "1", "2100-01-01 00:00"] in cells


@pytest.mark.usefixtures("here")
def test_apply_tells_of_pools_that_have_no_code(
    tmp_path: Path, file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _write(tmp_path / "programme")
    hint = 'the pool "birthday-10" has no coupons; run: journeyflow coupons import birthday-10 FILE\n'
    assert run(["apply", str(tmp_path / "programme")]) == 0
    assert capsys.readouterr().out.endswith(hint)
    fill(file, "AAA\n")
    assert run(["coupons", "import", "birthday-10", str(file)]) == 0
    assert run(["apply", str(tmp_path / "programme")]) == 0
    assert hint not in capsys.readouterr().out
    assert run(["audit", "--action", "import coupons"]) == 0
    assert "AAA" not in capsys.readouterr().out


async def _run(*arguments: str) -> int:
    return await asyncio.to_thread(run, ["coupons", *arguments])


def _write(folder: Path) -> None:
    write_programme(folder, GIVING, policy=POLICY, segments="", templates=PRESENT)
