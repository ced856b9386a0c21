"""The pages as people meet them: in their language, without scripts, on any screen, with any aid."""

import json
import re
from html import unescape
from itertools import pairwise
from pathlib import Path

import pytest
from sqlalchemy import DDL

from journeyflow.api import site
from journeyflow.api.speech import Speech
from tests.api.visiting import FORGED, POLICY, Page, Visitor
from tests.engine.programmes import World

WORDS = Path(site.__file__).parent / "pages" / "words"
LANGUAGES = ["da", "de", "en", "es", "fi", "fr", "nb", "nl", "sv"]
PATHS = [f"/u/{FORGED}", f"/p/{FORGED}", f"/c/{FORGED}", f"/r/{FORGED}"]


def texts(language: str) -> dict[str, str]:
    found: dict[str, str] = json.loads((WORDS / f"{language}.json").read_text("utf-8"))
    return found


def test_every_language_says_everything() -> None:
    assert sorted(path.stem for path in WORDS.glob("*.json")) == LANGUAGES
    english = texts("en")
    for language in LANGUAGES:
        found = texts(language)
        assert found.keys() == english.keys()
        for key, text in found.items():
            assert text.strip()
            # Each sentence may name the brand where another one does not, but nothing else.
            assert set(re.findall(r"\{.*?\}", text)) <= {"{brand}"}, (language, key)
        assert len({found[key] for key in found}) > len(found) - 6, "a language is not a copy of one sentence"
        if language != "en":
            same = [key for key in found if found[key] == english[key] and key.partition(".")[0] != "channel"]
            assert same == [], (language, same)


@pytest.mark.parametrize(
    ("locale", "accepted", "language"),
    [
        ("sv-SE", "de", "sv"),
        ("nn", "", "nb"),
        ("no_NO", "", "nb"),
        ("pl", "xx, de;q=0.4, fr;q=0.9", "fr"),
        (None, "de-AT", "de"),
        (None, "de;q=0, fi;q=0.1", "fi"),
        (None, "*", "nl"),
        (None, "", "nl"),
        (None, ";;;,q=,=;q=x, sv;q=huge" * 500, "nl"),
    ],
)
def test_the_language_is_the_customers_then_the_browsers_then_the_programmes(
    locale: str | None, accepted: str, language: str
) -> None:
    assert Speech().words(locale, accepted, "nl").language == language


def test_without_any_known_language_it_is_english() -> None:
    assert Speech().words("pl", "ru", "el").language == "en"


@pytest.mark.parametrize("language", LANGUAGES)
async def test_pages_in_every_language_are_accessible(visitor: Visitor, world: World, language: str) -> None:
    await world.customers("ann", locale=language, consents={"email": "granted"})
    for purpose in ("unsubscribe", "preferences", "confirm", "register"):
        token = await visitor.token("ann", purpose)
        for method in ("GET", "POST"):
            answer = await visitor.http.request(method, f"/{purpose[0]}/{token}")
            assert_accessible(Page(answer.text), language)
    assert (
        texts(language)["choices.title"] in (await visitor.http.get(f"/p/{await visitor.token('ann')}")).text
    )


def assert_accessible(page: Page, language: str) -> None:
    html = page.one("html").attributes
    assert (html["lang"], html["dir"]) == (language, "ltr")
    assert page.one("title").text.strip()
    page.one("main")
    levels = [int(one.tag[1]) for one in page.elements if re.fullmatch("h[1-6]", one.tag)]
    assert levels.count(1) == 1
    assert levels[0] == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))
    ids = [one.attributes["id"] for one in page.elements if "id" in one.attributes]
    assert len(ids) == len(set(ids))
    labelled = {one.attributes["for"] for one in page.all("label") if one.text.strip()}
    fields = [*page.all("input"), *page.all("select")]
    assert all(one.attributes["id"] in labelled for one in fields if one.attributes.get("type") != "hidden")
    assert all(one.text.strip() for one in (*page.all("button"), *page.all("a"), *page.all("legend")))
    assert all(
        one.attributes["method"] == "post" and "action" not in one.attributes for one in page.all("form")
    )
    [viewport] = [
        one.attributes["content"] for one in page.all("meta") if one.attributes.get("name") == "viewport"
    ]
    assert viewport == "width=device-width, initial-scale=1"  # nobody is kept from making it larger
    assert_plain(page)


def assert_plain(page: Page) -> None:
    """Nothing runs and nothing is fetched."""
    tags = {one.tag for one in page.elements}
    assert not tags & {"script", "img", "link", "iframe", "object", "svg", "video"}
    for one in page.elements:
        assert not [name for name in one.attributes if name.startswith("on") or name == "style"]
        assert one.attributes.get("href", "https://").startswith(("https://", "../p/", "mailto:"))


PAIRS = [
    ("ink", "paper"), ("quiet", "paper"), ("action", "paper"), ("on-action", "action"), ("ink", "note"),
    ("ink", "alarm"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "ground"), PAIRS)
def test_words_stand_out_enough(text: str, ground: str) -> None:
    """WCAG 2.2, 1.4.3: 4.5 to 1."""
    colours = dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6})", site.STYLE))
    assert contrast(colours[text], colours[ground]) >= 4.5


def test_fields_and_the_focus_stand_out_enough() -> None:
    """WCAG 2.2, 1.4.11: 3 to 1; and what has the focus is never left without a sign of it."""
    colours = dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6})", site.STYLE))
    assert contrast(colours["line"], colours["paper"]) >= 3
    assert ":focus-visible { outline: 3px solid var(--action)" in site.STYLE
    assert "outline: none" not in site.STYLE
    assert set(re.findall(r"(?:color|background|border[a-z-]*): [^;]*?(#[0-9a-f]+)", site.STYLE)) == set()


def contrast(one: str, other: str) -> float:
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def luminance(colour: str) -> float:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


async def test_what_the_programme_and_customers_say_is_never_markup(visitor: Visitor, world: World) -> None:
    evil = "<script>alert(1)</script>"
    policy = (
        POLICY.replace("Club & Co", evil).replace("News,", f"'{evil}',").replace("help@example.com", evil)
    )
    await world.apply(policy=policy)
    await world.customers("ann", birthday=evil, locale="en", consents={})
    answer = await visitor.http.get(f"/p/{await visitor.token('ann')}")
    assert_plain(Page(answer.text))
    assert evil in unescape(answer.text)
    forged = await visitor.http.get("/u/%22%3E%3Cscript%3Ealert(1)%3C%2Fscript%3E")
    assert forged.status_code == 200
    assert_plain(Page(forged.text))


async def test_a_store_that_fails_is_logged_without_its_words(
    visitor: Visitor, world: World, caplog: pytest.LogCaptureFixture
) -> None:
    await world.customers("ann", consents={})
    token = await visitor.token("ann")
    async with world.store.writing() as connection:
        await connection.execute(DDL("ALTER TABLE consents RENAME TO others"))
    answer = await visitor.http.get(f"/p/{token}")
    assert (answer.status_code, answer.text) == (500, "Internal Server Error")
    [told] = [record.getMessage() for record in caplog.records if record.name.startswith("journeyflow")]
    assert told.startswith("the store failed: ")
    assert ".py:" in told
    assert "FROM consents" not in caplog.text


async def test_every_page_says_who_is_asking(visitor: Visitor, world: World) -> None:
    for path in PATHS:
        page = Page((await visitor.http.get(path)).text)
        links = [one.attributes["href"] for one in page.all("a")]
        assert "https://www.example.com" in links
        assert "https://www.example.com/privacy" in links
        assert "mailto:help@example.com" in links
        assert page.one("title").text.endswith("\N{EN DASH} Club & Co")


async def test_the_security_policy_fits_the_style(visitor: Visitor) -> None:
    answer = await visitor.http.get(PATHS[0])
    assert Page(answer.text).one("style").text == site.STYLE
    assert f"'sha256-{site.STYLE_HASH}'" in answer.headers["content-security-policy"]


def test_pages_and_words_are_part_of_the_package() -> None:
    found = {path.name for path in (Path(site.__file__).parent / "pages").iterdir()}
    assert found == {
        "layout.html", "unsubscribe.html", "preferences.html", "confirm.html", "register.html", "boxes.html",
        "language.html", "unreadable.html", "nowhere.html", "style.css", "words",
    }  # fmt: skip
