"""What an SMS says in the end: with the way out that the law wants, in letters that make it short."""

import pytest

from journeyflow.messages.segments import measured
from journeyflow.messages.sms_text import finish, has_way_out
from journeyflow.policy import SmsRules

STOP = {"en": "Reply STOP to stop.", "sv": "Svara STOPP om du inte vill ha fler."}
EVERYWHERE = SmsRules(opt_out=STOP)
IN_SOME = SmsRules(opt_out=STOP, opt_out_in=("US", "FR"))
REPLACING = SmsRules(replace=True)


def test_without_rules_nothing_is_touched() -> None:
    text = "Half price – today…"  # noqa: RUF001
    assert finish(text, SmsRules(), "en", "US", True) == text


@pytest.mark.parametrize(
    ("rules", "locale", "country", "added"),
    [
        (EVERYWHERE, "en", "SE", STOP["en"]),
        (EVERYWHERE, "sv", None, STOP["sv"]),
        (EVERYWHERE, "sv-FI", "FI", STOP["sv"]),
        (EVERYWHERE, "sv_SE", "SE", STOP["sv"]),
        (EVERYWHERE, "nl", "NL", STOP["en"]),  # the first stands for all others
        (SmsRules(opt_out={"sv": STOP["sv"], "": "STOP?"}), "nl", "NL", "STOP?"),
        (IN_SOME, "en", "US", STOP["en"]),
        (IN_SOME, "en", "US-FL", STOP["en"]),
        (IN_SOME, "en", "PR", STOP["en"]),  # where the rules of the United States hold
        (IN_SOME, "en", None, STOP["en"]),  # it may be one of them
        (IN_SOME, "en", "SE", None),
    ],
)
def test_how_to_stop_is_added(rules: SmsRules, locale: str, country: str | None, added: str | None) -> None:
    assert finish("Hello", rules, locale, country, True) == ("Hello" if added is None else f"Hello\n{added}")


@pytest.mark.parametrize(
    ("text", "locale"),
    [
        ("Hello. Reply STOP", ""),
        ("Reply STOP, {{ customer.name }}", "en"),
        ("Hej. Svara STOPP!", "sv-FI"),
        ("Salut, ARRET au 36000", "fr"),
        ("Oferta. Responda BAJA", "es_ES"),
        ("Afmelden? Sms STOP", "nl"),
        (STOP["sv"], "en"),
    ],
)
def test_how_to_stop_is_not_said_twice(text: str, locale: str) -> None:
    assert has_way_out(text, set(), EVERYWHERE, locale)


def test_a_link_is_a_way_out() -> None:
    assert has_way_out("{{ unsubscribe_url }}", {"unsubscribe_url"}, EVERYWHERE, "en")


@pytest.mark.parametrize(
    ("text", "locale"),
    [
        ("Don't stop the music", "en"),
        ("STOPGAP sale", "en"),
        ("NONSTOP sale", "en"),
        ("Our NON-STOP sale is on", "en"),
        ("Our NON STOP sale is on", "en"),
        ("Buy 6 (SEIS) records", "es"),
        ("BAJA 10%", "es"),
        ("BAJA California", "en"),
        ("{# Reply STOP #}{% if event.kind == 'STOP' %}Sale{% endif %} {{ customer.STOP }}", "en"),
    ],
)
def test_other_words_are_no_way_out(text: str, locale: str) -> None:
    assert not has_way_out(text, set(), EVERYWHERE, locale)


def test_what_needs_no_consent_stays_as_it_is() -> None:
    assert finish("Your parcel is here", EVERYWHERE, "en", "US", False) == "Your parcel is here"


@pytest.mark.parametrize(
    ("text", "sent"),
    [
        ("It’s “here” – at last…", 'It\'s "here" - at last...'),  # noqa: RUF001
        ("1\u00a0234\u202fkr", "1 234 kr"),
        ("Zoë, André, Łukasz, Dvořák", "Zoe, André, Lukasz, Dvorak"),
        ("erdő, fű, cœur", "erdö, fü, coeur"),
        ("Ren\u0065\u0301e", "Renée"),  # composed before it is looked at
        ("soft\u00adly\u200b", "softly"),
        ("Åsa: 5 € {ok}", "Åsa: 5 € {ok}"),
        ("– https://example.com/a–b", "– https://example.com/a–b"),  # noqa: RUF001 - an address is never touched
        ("– see example.com/p?q=1", "- see example.com/p?q=1"),  # noqa: RUF001
        ("Привет – you", "Привет – you"),  # noqa: RUF001 - it would not become shorter
        ("Yes 🎉 – you", "Yes 🎉 – you"),  # noqa: RUF001
    ],
)
def test_letters_are_replaced_where_all_of_it_becomes_short(text: str, sent: str) -> None:
    assert finish(text, REPLACING, "en", None, False) == sent


@pytest.mark.parametrize("part", ["a-", "a.", "-", "http:", "www."])
def test_a_long_text_is_looked_through_once(part: str) -> None:
    """It may be a customer's; from each of its letters anew, it would take minutes."""
    assert finish("“" + part * 40_000, REPLACING, "en", None, False) == '"' + part * 40_000


def test_what_is_added_is_replaced_as_well() -> None:
    rules = SmsRules(replace=True, opt_out={"": "Don’t want it? STOP"})  # noqa: RUF001
    assert finish("Hi – you", rules, "en", None, True) == "Hi - you\nDon't want it? STOP"  # noqa: RUF001


def test_what_makes_a_text_long_is_told() -> None:
    found = measured("Hej Åsa – 10 €, eller ”mer” – ja?")  # noqa: RUF001
    assert (found.segments, found.places, found.room, found.forcing) == (1, 33, 70, ("–", "”"))  # noqa: RUF001
    plain = measured("a" * 150 + "{€}" * 4)
    assert (plain.segments, plain.places, plain.room, plain.forcing) == (2, 174, 306, ())
