"""Links that are signed: what is not signed to the last bit, or for another purpose, is nothing."""

import base64
import hashlib
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from itsdangerous import URLSafeSerializer

from journeyflow.messages.links import Click, Link, Links
from journeyflow.messages.signing import Signer

URL = "https://post.example.com"
OLD, NEW = "o" * 32, "n" * 40
LINKS = Links(URL + "/", [NEW])
TARGET = "https://shop.example/räka?a=1&b=%20#top"
ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


def token(url: str) -> str:
    return url.rsplit("/", 1)[1].removesuffix(".gif")


def old_token(*content: object, secret: str = NEW) -> str:
    """As links were signed before: letters with them are out there."""
    options = {"digest_method": hashlib.sha256, "key_derivation": "hmac"}
    serializer = URLSafeSerializer(secret, salt=b"journeyflow.links", signer_kwargs=options)
    return str(serializer.dumps(list(content)))


# Each kind: a good token, and what reads it.
READERS: dict[str, Callable[[str], object]] = {
    "own": LINKS.read,
    "old": LINKS.read,
    "click": LINKS.read_click,
    "open": LINKS.read_open,
    "short": LINKS.read_short,
}
GOOD = {
    "own": token(LINKS.unsubscribe_url(7, 12, "email")),
    "old": old_token("u", 7, 12, "email"),
    "click": token(LINKS.click_url(12, 3, TARGET)),
    "open": token(LINKS.open_url(12)),
    "short": token(LINKS.short_url(12)),
}
SAYS = {
    "own": Link("unsubscribe", 7, 12, "email"),
    "old": Link("unsubscribe", 7, 12, "email"),
    "click": Click(12, 3, TARGET),
    "open": 12,
    "short": 12,
}
each_kind = pytest.mark.parametrize("kind", GOOD)


def test_each_link_says_what_it_is_for() -> None:
    found = [
        LINKS.read(token(url))
        for url in (
            LINKS.unsubscribe_url(7, 12, "email"),
            LINKS.preferences_url(7),
            LINKS.confirm_url(7, "sms"),
            LINKS.registration_url(7, 12),
        )
    ]
    assert found == [
        Link("unsubscribe", 7, 12, "email"),
        Link("preferences", 7, 0, ""),
        Link("confirm", 7, 0, "sms"),
        Link("register", 7, 12, ""),
    ]
    assert LINKS.unsubscribe_url(7, 12, "email").startswith(f"{URL}/u/")


@each_kind
def test_what_is_signed_is_read(kind: str) -> None:
    assert READERS[kind](GOOD[kind]) == SAYS[kind]


@each_kind
def test_every_flipped_bit_is_seen(kind: str) -> None:
    good = GOOD[kind]
    for position, character in enumerate(good):
        for bit in range(8):
            bad = good[:position] + chr(ord(character) ^ 1 << bit) + good[position + 1 :]
            assert READERS[kind](bad) is None, (position, bit)


@each_kind
def test_every_other_character_at_the_end_is_seen(kind: str) -> None:
    """The last one carries bits that belong to no byte of the signature."""
    good = GOOD[kind]
    accepted = [letter for letter in ALPHABET if READERS[kind](good[:-1] + letter) is not None]
    assert accepted == [good[-1]]


@each_kind
def test_what_is_cut_short_or_lengthened_is_nothing(kind: str) -> None:
    good, read = GOOD[kind], READERS[kind]
    for length in range(len(good)):
        assert read(good[:length]) is None
    for more in ("A", "0", "=", ".", "\n", " ", "%00", "/", "." + good, "A" * 20_000):
        assert read(good + more) is None
        assert read(more + good) is None


@each_kind
def test_what_is_signed_for_something_else_is_nothing(kind: str) -> None:
    others = [other for other in READERS if READERS[other] != READERS[kind]]
    for other in others:
        assert READERS[other](GOOD[kind]) is None


@each_kind
@pytest.mark.parametrize(
    "odd", ["", ".", "..", "a.b", "é.b", "💌.💌", "\x00", "a" * 301, "-" * 43, "eyJ9.AAAA", "٣" * 9]
)
def test_what_is_odd_is_nothing(kind: str, odd: str) -> None:
    assert READERS[kind](odd) is None


@given(st.text() | st.from_regex(r"[A-Za-z0-9_-]{1,60}\.[A-Za-z0-9_-]{1,60}", fullmatch=True))
def test_whatever_comes_is_read_without_a_fault(anything: str) -> None:
    assert {kind: read(anything) for kind, read in READERS.items()} == dict.fromkeys(READERS)


def test_foreign_secrets_are_nothing() -> None:
    assert Links(URL, [OLD]).read(token(LINKS.preferences_url(7))) is None
    assert LINKS.read(str(URLSafeSerializer(NEW).dumps(["u", 7, 12, "email"]))) is None


def test_secrets_are_rotated() -> None:
    old = token(Links(URL, [OLD]).preferences_url(7))
    both = Links(URL, [NEW, OLD])
    assert both.read(old) == Link("preferences", 7, 0, "")
    assert LINKS.read(token(both.preferences_url(7))) == Link("preferences", 7, 0, "")  # the first one signs
    assert LINKS.read(old) is None
    assert both.read(old_token("p", 7, 0, "", secret=OLD)) == Link("preferences", 7, 0, "")
    assert both.read_click(token(Links(URL, [OLD]).click_url(12, 3, TARGET))) == Click(12, 3, TARGET)
    assert both.read_short(token(Links(URL, [OLD]).short_url(12))) == 12


def test_signed_but_unknown_content_is_nothing() -> None:
    contents: list[list[object]] = [
        ["x", 7, 0, ""],
        ["u", 0, 0, ""],
        ["u", -1, 0, ""],
        ["u", 2**63, 0, ""],
        ["u", 7],
        [{}],
    ]
    for content in contents:
        assert LINKS.read(old_token(*content)) is None
    own = Signer("own", [NEW])
    for text in (
        "x 7 0 ",
        "u 0 0 ",
        "u -1 0 ",
        f"u {2**63} 0 ",
        "u 7",
        "",
        "u 7 0 email more",
        "u 7 0 EMAIL",
    ):
        assert LINKS.read(own.sign(text)) is None


@pytest.mark.parametrize("target", ["javascript:alert(1)", "//evil.example", "http:/a", "", "mailto:a@b.c"])
def test_a_target_that_is_not_on_the_web_is_not_led_to(target: str) -> None:
    assert LINKS.read_click(token(LINKS.click_url(12, 3, target))) is None


def test_nothing_personal_is_inside() -> None:
    content = base64.urlsafe_b64decode(GOOD["own"] + "=" * (-len(GOOD["own"]) % 4))
    assert content[16:] == b"u 7 12 email"


def test_short_links_are_short_and_not_in_a_row() -> None:
    codes = [token(LINKS.short_url(number)) for number in range(1, 400)]
    assert max(map(len, codes)) <= 9
    assert len({code[-7:] for code in codes}) == len(codes)
    largest = 2**63 - 1
    assert LINKS.read_short(token(LINKS.short_url(largest))) == largest
    assert LINKS.read_short(token(LINKS.short_url(2**63))) is None


def test_short_secrets_are_refused() -> None:
    for secrets in ([], ["short"], [NEW, "short"]):
        with pytest.raises(ValueError, match="at least 32"):
            Links(URL, secrets)
