"""What the checker learns about templates."""

from pathlib import Path

import pytest

from journeyflow.language.checks.surroundings import Message
from journeyflow.messages.facts import LONG, known_messages
from journeyflow.messages.templates import load_templates
from journeyflow.policy import SmsRules


def facts(folder: Path, file: str, text: str) -> Message:
    place = folder / "card"
    place.mkdir()
    (place / file).write_text(text)
    (found,) = known_messages(folder, *load_templates(folder))
    return found


def test_where_it_stands(tmp_path: Path) -> None:
    found = facts(tmp_path, "email.sv.html", "---\nsubject: Hej\n---\n<p>Hej</p>")
    assert (found.name, found.channel, found.locale) == ("card", "email", "sv")
    assert found.file == f"{tmp_path}/card/email.sv.html"
    assert found.words == "Hej"


@pytest.mark.parametrize(
    ("text", "needs"),
    [
        ("{{ event.total }}", {"event.total"}),
        ('{{ event["total"] }}', {"event.total"}),
        ("{{ event.shop.city }}", {"event.shop.city"}),
        ("{% if event.total > 1 %}a{% endif %}b", {"event.total"}),
        ("{% if event.total %}a{% endif %}b", {"event.total"}),  # asking for a missing one raises
        ("{{ event.total|default(5) }}", set()),
        ("{% if event.total is defined %}{{ event.total }}{% endif %}b", set()),
        ("{% if sender.reply_to %}{{ sender.reply_to }}{% endif %}b", set()),
        ("{% for item in event.items %}{{ item.name }}{% endfor %}b", {"event.items"}),
        ("{# event.total #}b", set()),
        ("---\ndefaults: {event.total: 5}\n---\n{{ event.total }}", set()),
    ],
)
def test_what_it_needs(tmp_path: Path, text: str, needs: set[str]) -> None:
    assert facts(tmp_path, "sms.txt", text).needs == needs


def test_an_sms_is_measured_with_a_long_name(tmp_path: Path) -> None:
    assert facts(tmp_path, "sms.txt", "a" * (160 - len(LONG)) + "{{ customer.first_name }}").parts == 1


def test_an_sms_that_a_long_name_makes_longer(tmp_path: Path) -> None:
    assert facts(tmp_path, "sms.txt", "a" * (161 - len(LONG)) + "{{ customer.first_name }}").parts == 2


def test_a_calculation_is_not_measured(tmp_path: Path) -> None:
    assert facts(tmp_path, "sms.txt", "{{ customer.points * 2 }}" + "a" * 500).parts == 1


@pytest.mark.parametrize(
    ("text", "can"),
    [
        ('<a href="https://www.example.com/unsubscribe">no more</a>', True),
        ('<a href="mailto:{{ sender.reply_to }}?subject=No">no more</a>', True),
        ('<a href="https://www.example.com/x">Avregistrera dig</a>', True),
        ("<p>Buy now.</p>", False),
        ('<a href="mailto:help@example.com">Ask us</a>', False),
    ],
)
def test_a_way_out(tmp_path: Path, text: str, can: bool) -> None:
    found = facts(tmp_path, "email.html", f"---\nsubject: Hello\n---\n<p>Hello</p>{text}")
    assert found.can_unsubscribe is can


def test_a_faulty_one_is_known_by_name_only(tmp_path: Path) -> None:
    assert facts(tmp_path, "sms.txt", "{{ oops") == Message("card", "sms")


@pytest.mark.parametrize("filter", ["date('full')", "money('SEK')", "plural(one='a', other='{n} points')"])
def test_dates_and_numbers_are_measured_as_they_are_written(tmp_path: Path, filter: str) -> None:
    text = "{{ customer.x | " + filter + " }}"
    assert facts(tmp_path, "sms.txt", "a" * 120 + text).parts == 1
    (tmp_path / "card" / "sms.txt").write_text("a" * 155 + text)
    [found] = known_messages(tmp_path, *load_templates(tmp_path))
    assert found.parts == 2


@pytest.mark.parametrize(
    ("text", "rests_on_consent", "parts"),
    [
        ("a" * 145, True, 2),
        ("a" * 145, False, 1),
        ("a" * 140 + " STOP", True, 1),
        ("a" * 10 + "{{ unsubscribe_url }}", True, 1),
    ],
)
def test_the_way_out_that_is_added_is_measured(
    tmp_path: Path, text: str, rests_on_consent: bool, parts: int
) -> None:
    rules = SmsRules(opt_out={"": "Reply STOP to stop."})
    assert facts(tmp_path, "sms.txt", text).length(rules, rests_on_consent) == parts


@pytest.mark.parametrize(
    ("link", "front", "parts"),
    [
        ("https://a.example", "utm: off", 2),  # shorter than any short link
        ("https://a.example", "tracking: off", 1),
        ("https://a.example/?a=" + "b" * 20, "utm: off", 2),  # stays so without a public address
    ],
)
@pytest.mark.parametrize("rests_on_consent", [True, False])
def test_a_link_is_measured_as_the_short_one_that_it_becomes(
    tmp_path: Path, link: str, front: str, parts: int, rests_on_consent: bool
) -> None:
    text = f"---\n{front}\n---\n" + "a" * 130 + f" STOP {link}"
    found = facts(tmp_path, "sms.txt", text)
    assert found.length(SmsRules(short_links=True), rests_on_consent) == parts
