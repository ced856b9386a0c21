"""The shipped e-mails in a browser, in every language, as narrow as a small telephone and as wide as a desk.

Screenshots are left in the folder that JOURNEYFLOW_ARTIFACTS names, to be looked at.
"""

import os
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Page, Route, async_playwright

from journeyflow.messages.templates import Template
from tests.messages.test_shipped import EMAILS, KNOWN, ORDER, label, render

WIDTHS = (320, 1200)
SMALLEST_TEXT = 12  # pixels
SMALLEST_TARGET = 24  # pixels, as WCAG 2.2 has it (2.5.8); links inside of a sentence are exempt there
LEAST_CONTRAST = 4.5  # as WCAG 2.2 has it (1.4.3)
PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
ARGUMENTS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip
LOOK = (Path(__file__).parent / "looks.js").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
async def page() -> AsyncIterator[Page]:
    program = next(filter(None, map(shutil.which, PROGRAMS)), None)
    if program is None:
        if os.environ.get("CI"):
            pytest.fail("there is no chromium; install it")
        pytest.skip("there is no chromium")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=program, args=ARGUMENTS)
        page = await browser.new_page()
        await page.route("**/*", _refuse)
        yield page
        await browser.close()


async def _refuse(route: Route) -> None:
    await route.abort()


@pytest.fixture
def artifacts(tmp_path: Path) -> Path:
    folder = Path(os.environ.get("JOURNEYFLOW_ARTIFACTS", tmp_path)) / "looks"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@pytest.mark.parametrize("template", EMAILS, ids=label)
async def test_it_looks_right(template: Template, page: Page, artifacts: Path) -> None:
    rendered = render(template, KNOWN, ORDER)
    asked: list[str] = []
    page.once("request", lambda request: asked.append(request.url))
    await page.set_content(rendered.html or "")
    styled = {
        width: await _look(page, width, artifacts / f"{label(template)}.{width}.png") for width in WIDTHS
    }
    for width, found in styled.items():
        assert found["width"] <= width, f"one has to scroll sideways at {width}"
        assert found["faults"] == []
    assert (styled[320]["lang"], styled[320]["dir"]) == (template.locale, "ltr")
    bare = await _without_styles(page, artifacts / f"{label(template)}.bare.png")
    assert bare["links"] == styled[320]["links"]
    assert bare["words"] == (template.preheader or "").split() + styled[320]["words"]
    assert bare["faint"] == []
    assert asked == []


async def _look(page: Page, width: int, picture: Path) -> dict[str, Any]:
    await page.set_viewport_size({"width": width, "height": 800})
    await page.screenshot(path=picture, full_page=True)
    limits = {"text": SMALLEST_TEXT, "target": SMALLEST_TARGET, "contrast": LEAST_CONTRAST}
    found: dict[str, Any] = await page.evaluate(f"limits => {{ {LOOK}; return look(limits) }}", limits)
    return found


async def _without_styles(page: Page, picture: Path) -> dict[str, Any]:
    """What remains where a mail program knows no styles; and so shows what was hidden."""
    await page.evaluate(f"() => {{ {LOOK}; strip() }}")
    await page.screenshot(path=picture, full_page=True)
    limits = {"contrast": LEAST_CONTRAST}
    found: dict[str, Any] = await page.evaluate(
        f"limits => {{ {LOOK}; return {{...read(), faint: faint(limits)}} }}", limits
    )
    return found
