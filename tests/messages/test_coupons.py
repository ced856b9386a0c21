"""Templates that give a code away name the pool that it comes from."""

from pathlib import Path

import pytest

from journeyflow.messages.render import Renderer
from tests.messages.test_templates import load_one, printed

SMS = "---\ncoupon: birthday-10\n---\nYour code: {{ coupon }}\n"
EMAIL = "---\nsubject: Hi\ncoupon: birthday-10\n---\n<p>Hi</p>\n"
BAD = {
    "no pool": (
        {"a/sms.txt": "Your\ncode: {{ coupon }}"},
        'a/sms.txt:2:10: there is no pool to take the "coupon" from; name one in the front matter: '
        '"coupon: birthday-10"',
    ),
    "no pool for a default": (
        {"a/sms.txt": "---\ndefaults:\n  coupon: HELLO\n---\nHi"},
        'a/sms.txt:1:1: there is a default for "coupon" and no pool; name one in the front matter: '
        '"coupon: birthday-10"',
    ),
    "not used": (
        {"a/email.html": EMAIL},
        'a/email.html:3:1: a code is taken from "birthday-10" and never shown; write {{ coupon }} where it '
        "should stand",
    ),
    "misspelt": (
        {"a/sms.txt": SMS.replace("birthday-10", "Birthday 10")},
        "a/sms.txt:2:1: the pool of coupons should be a name in small letters, digits and hyphens, such as "
        "birthday-10",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_a_mistake_has_its_place_and_a_way_out(tmp_path: Path, name: str) -> None:
    files, expected = BAD[name]
    assert printed(tmp_path, files) == [expected]


@pytest.mark.parametrize(
    "files",
    [
        {"a/sms.txt": SMS},
        {"a/email.html": EMAIL.replace("<p>Hi</p>", "<p>{{ coupon }}</p>")},
        {"a/email.html": EMAIL.replace("subject: Hi", "subject: Take {{ coupon }}")},
        {"a/email.html": EMAIL, "a/email.txt": "Take {{ coupon }}"},
    ],
    ids=["sms", "html", "subject", "written text"],
)
def test_it_may_stand_in_any_part(tmp_path: Path, files: dict[str, str]) -> None:
    template = load_one(tmp_path, files)
    assert template.coupon == "birthday-10"
    rendered = Renderer().render(template, {"coupon": "XK7Q"})
    assert "XK7Q" in f"{rendered.subject}{rendered.html}{rendered.text}"


def test_a_default_stands_in_for_a_code(tmp_path: Path) -> None:
    text = SMS.replace("---\nYour", "defaults:\n  coupon: HELLO\n---\nYour")
    assert Renderer().render(load_one(tmp_path, {"a/sms.txt": text}), {}).text == "Your code: HELLO"
