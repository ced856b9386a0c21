"""Senders of text messages, as gateways write them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from journeyflow.addresses import is_phone
from journeyflow.audience.senders import read_sender

SE, US, DK, NL, FI, FR = (
    "+46701740605",
    "+12125550129",
    "+4520123456",
    "+31612345678",
    "+358412345678",
    "+33612345678",
)


@pytest.mark.parametrize(
    ("sender", "to", "number"),
    [
        ("+46701740601", SE, "+46701740601"),
        ("46701740601", SE, "+46701740601"),
        ("0046701740601", SE, "+46701740601"),
        ("0701740601", SE, "+46701740601"),
        ("070-174 06 01", "46701740605", "+46701740601"),
        ("+46 (0)70-174 06 01", SE, "+46701740601"),
        ("0046 (0)70 174 06 01", SE, "+46701740601"),
        ("+460701740601", SE, "+46701740601"),
        (" +46701740601\n", SE, "+46701740601"),
        ("4520123456", SE, "+4520123456"),
        ("12125550123", SE, "+12125550123"),
        ("2125550123", US, "+12125550123"),
        ("(212) 555-0123", US, "+12125550123"),
        ("20123456", DK, "+4520123456"),
        ("0612345678", NL, "+31612345678"),
        ("0412345678", FI, "+358412345678"),
        ("06 12 34 56 78", FR, "+33612345678"),
        ("+46701740601", "72345", "+46701740601"),
        ("+99912345678", SE, "+99912345678"),  # no such country yet
        ("0701740601", "72345", None),
        ("72345", SE, None),
        ("72345", "72345", None),
        ("123456", SE, None),
        ("SHOP", SE, None),
        ("Shop 46701740601", SE, None),
        ("1800FLOWERS", US, None),
        ("", SE, None),
        ("+", SE, None),
        ("00", SE, None),
        ("0", SE, None),
        ("anonymous", SE, None),
    ],
)
def test_senders(sender: str, to: str, number: str | None) -> None:
    assert read_sender(sender, to) == number


def test_of_our_numbers_the_first_with_a_country_counts() -> None:
    assert read_sender("0701740601", "72345", SE, NL) == "+46701740601"


@given(st.text(alphabet="0123456789+() -٣a\x00", max_size=20), st.sampled_from(["", "72345", SE, US]))
def test_what_comes_out_is_a_number_or_nothing(sender: str, to: str) -> None:
    number = read_sender(sender, to)
    assert number is None or is_phone(number)
