"""Links to a customer's own pages: what is not signed to the last bit is nothing."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st
from itsdangerous import URLSafeSerializer

from journeyflow.messages.links import Link, Links

URL = "https://post.example.com"
OLD, NEW = "o" * 32, "n" * 40
LINKS = Links(URL + "/", [NEW])


def token(url: str) -> str:
    return url.rsplit("/", 1)[1]


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


def test_every_flipped_bit_is_seen() -> None:
    good = token(LINKS.unsubscribe_url(7, 12, "email"))
    for position, character in enumerate(good):
        for bit in range(8):
            bad = good[:position] + chr(ord(character) ^ 1 << bit) + good[position + 1 :]
            assert LINKS.read(bad) is None, (position, bit)


def test_every_other_character_at_the_end_is_seen() -> None:
    """The last one carries bits that belong to no byte of the signature."""
    good = token(LINKS.unsubscribe_url(7, 12, "email"))
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    accepted = [letter for letter in alphabet if LINKS.read(good[:-1] + letter)]
    assert accepted == [good[-1]]


def test_what_is_cut_short_or_lengthened_is_nothing() -> None:
    good = token(LINKS.unsubscribe_url(7, 12, "email"))
    for length in range(len(good)):
        assert LINKS.read(good[:length]) is None
    for more in ("A", "=", ".", "\n", " ", "%00", "/", "." + good, "A" * 10_000):
        assert LINKS.read(good + more) is None
        assert LINKS.read(more + good) is None


@pytest.mark.parametrize(
    "odd", ["", ".", "..", "a.b", "é.b", "💌.💌", "\x00", "a" * 301, "-" * 43, "eyJ9.AAAA"]
)
def test_what_is_odd_is_nothing(odd: str) -> None:
    assert LINKS.read(odd) is None


@given(st.text() | st.from_regex(r"[A-Za-z0-9_-]{1,60}\.[A-Za-z0-9_-]{1,60}", fullmatch=True))
def test_whatever_comes_is_read_without_a_fault(anything: str) -> None:
    assert LINKS.read(anything) is None


def test_foreign_secrets_are_nothing() -> None:
    assert Links(URL, [OLD]).read(token(LINKS.preferences_url(7))) is None
    assert LINKS.read(str(URLSafeSerializer(NEW).dumps(["u", 7, 12, "email"]))) is None


def test_secrets_are_rotated() -> None:
    old = token(Links(URL, [OLD]).preferences_url(7))
    both = Links(URL, [NEW, OLD])
    assert both.read(old) == Link("preferences", 7, 0, "")
    assert LINKS.read(token(both.preferences_url(7))) == Link("preferences", 7, 0, "")  # the first one signs
    assert LINKS.read(old) is None


def test_signed_but_unknown_content_is_nothing() -> None:
    for content in (["x", 7, 0, ""], ["u", 0, 0, ""], ["u", -1, 0, ""], ["u", 2**63, 0, ""], ["u", 7], {}, 7):
        assert LINKS.read(str(LINKS._serializer.dumps(content))) is None


def test_nothing_personal_is_inside() -> None:
    first = token(LINKS.unsubscribe_url(7, 12, "email")).split(".")[0]
    content = base64.urlsafe_b64decode(first + "=" * (-len(first) % 4))
    assert content == b'["u",7,12,"email"]'


def test_short_secrets_are_refused() -> None:
    for secrets in ([], ["short"], [NEW, "short"]):
        with pytest.raises(ValueError, match="at least 32"):
            Links(URL, secrets)
