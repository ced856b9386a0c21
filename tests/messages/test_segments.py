"""Parts of an SMS, against the tables of GSM 03.38 and the lengths of GSM 03.40."""

import pytest

from journeyflow.messages.segments import is_gsm, segments


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("", 0),
        ("a", 1),
        ("a" * 160, 1),
        ("a" * 161, 2),
        ("a" * 306, 2),  # 2 x 153
        ("a" * 307, 3),
        ("a" * 459, 3),
        ("a" * 460, 4),
        ("å" * 160, 1),  # of the 7-bit alphabet
        ("€" * 80, 1),  # an extension character takes two places
        ("€" * 81, 2),
        ("€" * 76 * 2, 2),  # 153 places hold 76 of them, the last place stays empty
        ("€" * (76 * 2 + 1), 3),
        ("a" * 152 + "€" + "a" * 151, 2),  # not split: it moves into the second part as a whole
        ("a" * 152 + "€" + "a" * 152, 3),
        ("ą" * 70, 1),  # outside the alphabet: UCS-2
        ("ą" * 71, 2),
        ("ą" * 134, 2),  # 2 x 67
        ("ą" * 135, 3),
        ("a" * 69 + "ą", 1),  # one such letter makes all of it UCS-2
        ("a" * 70 + "ą", 2),
        ("🎉" * 35, 1),  # two UTF-16 units each
        ("🎉" * 36, 2),
        ("🎉" * 66, 2),  # 67 units hold 33 of them
        ("🎉" * 67, 3),
    ],
)
def test_parts(text: str, parts: int) -> None:
    assert segments(text) == parts


@pytest.mark.parametrize("char", "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ ¤¡ÄÖÑÜ§¿äöñüà^{}\\[~]|€")
def test_letters_of_the_alphabet(char: str) -> None:
    assert is_gsm(char)


@pytest.mark.parametrize("char", "çÀáíóúâê`“”…šžłőű\t")
def test_letters_outside_the_alphabet(char: str) -> None:
    assert not is_gsm(char)
