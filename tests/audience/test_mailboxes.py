"""Addresses that are taken without asking the library are addresses for the library."""

import pytest
from email_validator import validate_email
from hypothesis import given
from hypothesis import strategies as st

from journeyflow.audience.mailboxes import _PLAIN, read_mailbox

_LETTERS = "aZ09-_+."
_PARTS = st.text(_LETTERS, min_size=1, max_size=70)
_LABELS = st.lists(st.text("aZ09-", min_size=1, max_size=66), min_size=1, max_size=4)
_TOPS = st.sampled_from(["com", "se", "SE", "info", "test", "local", "arpa", "c0m", "1"])


@given(_PARTS, _LABELS, _TOPS)
def test_what_is_plain_is_an_address(local: str, labels: list[str], top: str) -> None:
    text = f"{local}@{'.'.join(labels)}.{top}"
    if _PLAIN.fullmatch(text):
        validate_email(text, check_deliverability=False, strict=True)


@pytest.mark.parametrize("text", ["ada@example.com", "a.b+c@mail.example.co.uk", "x_y-z@a-b.example.se"])
def test_usual_addresses_are_plain(text: str) -> None:
    assert _PLAIN.fullmatch(text)


@pytest.mark.parametrize(
    "text",
    [
        "a@b",
        "a@example.test",
        "a@xn--a.com",
        "a..b@example.com",
        ".a@example.com",
        "a@ex_ample.com",
        "a@1.2.3.4",
    ],
)
def test_what_no_mailbox_can_have(text: str) -> None:
    assert read_mailbox(text) is None
