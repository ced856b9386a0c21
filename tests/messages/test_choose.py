import pytest

from journeyflow.errors import RenderError
from journeyflow.messages.choose import choose
from journeyflow.messages.templates import Template


def made(*locales: str) -> dict[str, Template]:
    return {locale: Template("hello", "sms", locale, text=locale or "any") for locale in locales}


@pytest.mark.parametrize(
    ("there", "locale", "default", "expected"),
    [
        (("sv-SE", "sv", "en", ""), "sv-SE", "en", "sv-SE"),
        (("sv", "en", ""), "sv-SE", "en", "sv"),
        (("sv", "en", ""), "sv_se", "en", "sv"),
        (("SV", "en"), "sv", "en", "SV"),
        (("zh-Hant", "en"), "zh-Hant-TW", "en", "zh-Hant"),
        (("sv", "en", ""), "nl-NL", "en", "en"),
        (("sv", "en", ""), "nl-NL", "en-GB", "en"),
        (("sv", ""), "nl-NL", "en", ""),
        (("sv", "en"), "", "sv", "sv"),
        (("en-US", "en"), "en-GB", "sv", "en"),
    ],
)
def test_the_nearest_language(there: tuple[str, ...], locale: str, default: str, expected: str) -> None:
    assert choose(made(*there), locale, default).locale == expected


def test_a_longer_locale_does_not_serve_a_shorter_one() -> None:
    with pytest.raises(RenderError):
        choose(made("sv-FI"), "sv", "sv")


def test_none_fits() -> None:
    with pytest.raises(RenderError) as caught:
        choose(made("sv", "nl"), "fi-FI", "en")
    assert str(caught.value) == (
        'template "hello" (sms) is there for nl, sv, but neither for the customer\'s locale nor for '
        'the default "en"; add one of them, or one without a suffix'
    )


def test_there_is_none() -> None:
    with pytest.raises(RenderError, match="no template"):
        choose({}, "sv", "sv")
