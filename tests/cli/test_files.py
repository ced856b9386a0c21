"""CSV and JSON lines as people really save them."""

import io
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from journeyflow.cli.columns import CUSTOMERS, EVENTS, Choice, typed
from journeyflow.cli.csv_files import CsvFile, HeaderError
from journeyflow.cli.files import LONGEST_LINE, Bad, Found, JsonLines


def csv_of(text: str | bytes, choice: Choice | None = None, **more: str) -> list[Found | Bad]:
    return list(CsvFile(io.BytesIO(as_bytes(text)), CUSTOMERS, choice, **more))


def json_of(text: str | bytes) -> list[Found | Bad]:
    return list(JsonLines(io.BytesIO(as_bytes(text))))


def as_bytes(text: str | bytes) -> bytes:
    return text.encode() if isinstance(text, str) else text


def test_a_csv_row_takes_the_form_of_a_json_line() -> None:
    text = (
        "id,email,consent_email,consent_sms,attr.first_name,attr.points,attr.vip,attr.birthday,attr.card\n"
        "1, ada@example.com ,granted,,Ada,12,true,1990-12-10,0042\n"
    )
    record = {
        "id": "1",
        "email": "ada@example.com",
        "consents": {"email": "granted"},
        "attributes": {
            "first_name": "Ada",
            "points": 12,
            "vip": True,
            "birthday": "1990-12-10",
            "card": "0042",
        },
    }
    assert csv_of(text) == [Found(2, record)]


def test_the_columns_of_consent() -> None:
    text = (
        "id,consent_email.news,consent_sms,consented_at,consent_wording,consent_wording_version,consent_source\n"
        '1,granted,denied,2026-03-01T12:00:00Z,"Yes, please",2,till\n'
    )
    record = {
        "id": "1",
        "consents": {"email.news": "granted", "sms": "denied"},
        "consented_at": "2026-03-01T12:00:00Z",
        "consent_wording": "Yes, please",
        "consent_wording_version": "2",
        "consent_source": "till",
    }
    assert csv_of(text) == [Found(2, record)]


def test_a_csv_event() -> None:
    text = b"id,customer,name,at,prop.total\ne1,1,order.completed,2026-03-01T12:00:00Z,19.90\n"
    (found,) = CsvFile(io.BytesIO(text), EVENTS)
    assert isinstance(found, Found)
    assert found.record["properties"] == {"total": 19.9}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0", 0),
        ("-12", -12),
        ("19.90", 19.9),
        ("-0.5", -0.5),
        ("true", True),
        ("True", "True"),
        ("007", "007"),
        ("+46", "+46"),
        ("-0", "-0"),
        ("1e5", "1e5"),
        ("1,5", "1,5"),
        (".5", ".5"),
        ("nan", "nan"),
        ("9007199254740991", 9007199254740991),
        ("9007199254740993", "9007199254740993"),
        ("0.12345678901234567890", "0.12345678901234567890"),
        ("9" * 5000, "9" * 5000),
        ("١٢", "١٢"),
        ("2026-03-01", "2026-03-01"),
    ],
)
def test_numbers_are_typed_only_when_nothing_is_lost(text: str, value: Any) -> None:
    assert typed(text) == value
    assert type(typed(text)) is type(value)


def test_a_bom_crlf_and_semicolons_are_fine() -> None:
    assert csv_of("\ufeffid;email\r\n1;ada@example.com\r\n\r\n2;\r\n") == [
        Found(2, {"id": "1", "email": "ada@example.com"}),
        Found(4, {"id": "2"}),
    ]
    assert json_of('\ufeff{"id": "1"}\r\n\r\n{"id": "2"}') == [Found(1, {"id": "1"}), Found(3, {"id": "2"})]


def test_a_quoted_line_break_is_part_of_its_cell() -> None:
    text = 'id,attr.note\n1,"two\nlines, ""quoted"""\n2,x\n'
    assert csv_of(text) == [
        Found(2, {"id": "1", "attributes": {"note": 'two\nlines, "quoted"'}}),
        Found(4, {"id": "2", "attributes": {"note": "x"}}),
    ]


@pytest.mark.parametrize(
    "broken", ['2,"never closed', '2,"closed" too early', '2,"a"b"', '2,"x\r3,y', "2,one\rtwo"]
)
def test_a_broken_row_costs_one_line(broken: str) -> None:
    rows = csv_of(f'id,attr.note\n1,x\n{broken}\n3,"y, z"\n4,w\n')
    assert [row.line for row in rows if isinstance(row, Found)] == [2, 4, 5]
    (bad,) = [row for row in rows if isinstance(row, Bad)]
    assert bad.line == 3
    assert "quotes" in bad.reason


def test_a_row_with_too_few_or_too_many_cells_is_bad() -> None:
    assert csv_of("id,email\n1\n2,a@example.com,x\n") == [
        Bad(2, "the line has 1 cells, the header has 2"),
        Bad(3, "the line has 3 cells, the header has 2"),
    ]


def test_invalid_utf8_costs_one_line() -> None:
    text = b"id,attr.name\n1,\xe5sa\n2,\xc3\xa5sa\n"
    bad, good = csv_of(text)
    assert bad == Bad(2, "the line is not UTF-8; save the file in that encoding")
    assert good == Found(3, {"id": "2", "attributes": {"name": "åsa"}})
    assert [type(row) for row in json_of(b'{"id": "\xe5"}\n{"id": "1"}\n')] == [Bad, Found]


@pytest.mark.parametrize("length", [LONGEST_LINE + 1, 3 * LONGEST_LINE])
def test_an_over_long_line_costs_itself(length: int) -> None:
    long = b"2," + b"x" * length
    rows = csv_of(b"id,attr.note\n1,x\n" + long + b"\n3,y\n")
    assert [(type(row), row.line) for row in rows] == [(Found, 2), (Bad, 3), (Found, 4)]
    assert f"longer than {LONGEST_LINE} bytes" in rows[1].reason  # type: ignore[union-attr]
    assert [type(row) for row in json_of(long + b"\n{}")] == [Bad, Found]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("{", "is not JSON"),
        ('{"id": "1",}', "is not JSON"),
        ("[1]", "not a JSON object"),
        ("17", "not a JSON object"),
        ('{"n": NaN}', "has NaN in it"),
        ('{"n": -Infinity}', "has -Infinity in it"),
        ("[" * 200_000, "too many brackets"),
        ('{"n": ' + "9" * 5000 + "}", "number too large"),
    ],
)
def test_bad_json_costs_one_line(line: str, reason: str) -> None:
    bad, good = json_of(line + '\n{"id": "1"}\n')
    assert isinstance(bad, Bad)
    assert reason in bad.reason
    assert good == Found(2, {"id": "1"})


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "the file is empty"),
        ("email\n", 'the column "id" is missing'),
        ("id,emial\n", 'there is no column "emial"; expected id, email'),
        ("id,consent_fax\n", 'there is no column "consent_fax"'),
        ("id,consent_email.\n", 'there is no column "consent_email."'),
        ("id,attr.\n", 'there is no column "attr."'),
        ("id,email,email\n", 'the column "email" is there twice'),
        ('id,"email\n', "the quotes"),
        (b"\xff\xfei\x00d\x00", "not UTF-8"),
    ],
)
def test_a_wrong_header_is_told_once(text: str | bytes, reason: str) -> None:
    with pytest.raises(HeaderError) as caught:
        csv_of(text)
    assert caught.value.line == 1
    assert reason in str(caught.value)


def test_columns_are_what_the_caller_says() -> None:
    choice = Choice({"Kundnr": "id", "E-Mail": "email", "Namn": "attr.first_name"}, frozenset({"Summa"}))
    text = "Kundnr;E-Mail;Summa;Namn\n1;ada@example.com;12,50;Ada\n"
    record = {"id": "1", "email": "ada@example.com", "attributes": {"first_name": "Ada"}}
    assert csv_of(text, choice) == [Found(2, record)]


@pytest.mark.parametrize(
    ("header", "choice", "reason"),
    [
        ("id,Mail", Choice(), 'Say what it is with --map "Mail=email", or leave it out with --ignore "Mail"'),
        ("id,City,Zip", Choice(), 'there are no columns "City", "Zip"; expected id'),
        ("id,City", Choice(), '--map "City=attr.City"'),
        ("Nr,email", Choice(), 'is no column "Nr"'),
        (
            "email",
            Choice(),
            'the column "id" is missing from the header; if another column holds',
        ),
        ("id", Choice({"Mail": "email"}), '--map names the column "Mail", which is not in the header'),
        ("id", Choice({}, frozenset({"Mail"})), '--ignore names the column "Mail"'),
        ("id,email,Mail", Choice({"Mail": "email"}), 'the column "email" is there twice'),
        ("id,Mail", Choice({"Mail": "mail"}), 'is no column "Mail"'),
    ],
)
def test_a_header_that_cannot_be_placed_tells_the_ways_out(header: str, choice: Choice, reason: str) -> None:
    with pytest.raises(HeaderError, match=re.escape(reason)):
        csv_of(header + "\n", choice)


def test_a_delimiter_and_an_encoding_of_the_callers() -> None:
    text = "id|attr.name|attr.note\n1|Åsa|a;b,c\n".encode("cp1252")
    record = {"id": "1", "attributes": {"name": "Åsa", "note": "a;b,c"}}
    assert csv_of(text, delimiter="|", encoding="cp1252") == [Found(2, record)]
    assert isinstance(csv_of(text, delimiter="|")[0], Bad)


ROWS = [b'2,"never closed\n', b"3\n", b'4,"two\r\nlines"\r\n', b"5,\xe5\n", b'6,"x"y,z\n', b"7,last"]


@pytest.mark.parametrize("row", ROWS)
def test_rejected_rows_of_csv_keep_their_bytes_and_can_be_read_again(row: bytes) -> None:
    head = b"id,attr.note\n"
    first = CsvFile(io.BytesIO(b"\xef\xbb\xbf" + head + row), CUSTOMERS)
    again = rejects_of(first)
    assert again == b'reject_line,reject_reason,%s2,"the ""reason"", told",%s\n' % (head, row.rstrip(b"\n"))
    found = list(CsvFile(io.BytesIO(again), CUSTOMERS))
    assert [type(one) for one in found] == [type(one) for one in csv_of(head + row)]
    assert rejects_of(CsvFile(io.BytesIO(again), CUSTOMERS)) == again, "the reason stands there once"


def rejects_of(file: CsvFile) -> bytes:
    rows = [file.rejected(Bad(one.line, 'the "reason", told', one.raw)) for one in file]
    return file.head_of_rejects() + b"".join(rows)


def test_rejected_lines_of_json_keep_their_bytes_and_can_be_read_again() -> None:
    text = b'{"id": "1"}\n{"id": \n{"id": "3"}'
    lines = JsonLines(io.BytesIO(text))
    again = b"".join(lines.rejected(Bad(one.line, "told", one.raw)) for one in lines)
    assert again.splitlines()[1::2] == text.splitlines()
    assert [type(one) for one in json_of(again)] == [Found, Bad, Found]


@given(st.binary(max_size=400))
def test_no_bytes_raise_anything_else(data: bytes) -> None:
    json_of(data)
    csv_of(b"id,attr.note\n" + data)


@given(st.lists(st.text(alphabet='ab",;\n\r ', max_size=8), max_size=12))
def test_no_row_is_lost_without_a_word(lines: list[str]) -> None:
    text = "".join(f"{line}\n" for line in lines)
    rows = csv_of("id,attr.note\n" + text + "last,x\n")
    told = [row.line for row in rows]
    assert told == sorted(set(told))
    assert rows[-1].line == 2 + text.count("\n") or '"' in text
