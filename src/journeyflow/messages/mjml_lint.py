"""MJML's tag names and nesting, with positions: the renderer drops what it does not know in silence."""

import re
from difflib import get_close_matches
from pathlib import Path

from journeyflow.messages.nesting import refuse_deep
from journeyflow.messages.problems import BadTemplate, TemplateProblem
from journeyflow.messages.source import MAX_BYTES, Source, read_source
from journeyflow.messages.tags import hold

_NAMES = frozenset({
    "mjml",
    "mj-head", "mj-attributes", "mj-all", "mj-class", "mj-breakpoint", "mj-font", "mj-html-attributes",
    "mj-selector", "mj-html-attribute", "mj-preview", "mj-style", "mj-title", "mj-include", "mj-body",
    "mj-accordion", "mj-accordion-element", "mj-accordion-title", "mj-accordion-text", "mj-button",
    "mj-carousel", "mj-carousel-image", "mj-column", "mj-divider", "mj-group", "mj-hero", "mj-image",
    "mj-navbar", "mj-navbar-link", "mj-raw", "mj-section", "mj-social", "mj-social-element",
    "mj-spacer", "mj-table", "mj-text", "mj-wrapper",
})  # fmt: skip
_SKIPPED = re.compile(r"<!--.*?-->|<!\[CDATA\[.*?\]\]>", re.DOTALL)
_TAG = re.compile(r"<(?P<close>/?)(?P<name>mjml|mj-[\w-]*)(?:\"[^\"]*\"|'[^']*'|[^'\">])*?(?P<empty>/?)>")
_INCLUDE = re.compile(r"<mj-include\s+path=[\"']([^\"']+)[\"']\s*(?:/>|>\s*</mj-include>)")


def included(source: Source, folder: Path) -> str:
    """The checked body with its parts put in place. Raises BadTemplate with every problem of both.

    Parts are put in as text, because an include resolved by the renderer loses the page's width. A part
    cannot include another.
    """
    problems = _problems(source)
    size = len(source.body)

    def part(match: re.Match[str]) -> str:
        at = source.start + match.start()
        path = folder / match[1]
        if not path.resolve().is_relative_to(folder.resolve()) or not path.is_file():
            beside = source.path.parent.name
            message = (
                f'there is no part "{match[1]}"; mend the path, which begins beside the folder "{beside}"'
            )
            problems.extend(source.problem(at, message))
            return ""
        found = _part(path)
        problems.extend(_problems(found))
        nonlocal size
        size += len(found.body)
        if size > MAX_BYTES:
            raise BadTemplate(
                source.problem(at, f"with its parts this is over {MAX_BYTES // 1000} kB; shorten it")
            )
        return found.body

    refuse_deep(source, slash_closes=True)
    whole = _INCLUDE.sub(part, source.body)
    if problems:
        raise BadTemplate(problems)
    return whole


def _part(path: Path) -> Source:
    part = read_source(path, keys=set())
    part.check_jinja()
    refuse_deep(part, slash_closes=True)
    return part


def _problems(source: Source) -> list[TemplateProblem]:
    """Unknown tags, and tags that are not closed or close another."""
    problems: list[TemplateProblem] = []
    open_tags: list[tuple[str, int]] = []
    for match in _TAG.finditer(_blanked(source)):
        name, at = match["name"], source.start + match.start()
        if name not in _NAMES:
            problems += source.problem(at, f'MJML has no tag "{name}"{_near(name)}')
        if match["close"]:
            if not open_tags or open_tags[-1][0] != name:
                return problems + source.problem(at, _wrong_close(name, open_tags))
            open_tags.pop()
        elif not match["empty"]:
            open_tags.append((name, at))
    for name, at in open_tags:
        problems += source.problem(at, f'"<{name}>" is never closed; add "</{name}>"')
    return problems


def _blanked(source: Source) -> str:
    """The body with all that may look like a tag but is none replaced by blanks, so that offsets stay."""
    text = source.body
    for tag in sorted(set(hold(text).tags), key=len, reverse=True):
        text = text.replace(tag, " " * len(tag))
    text = _SKIPPED.sub(lambda match: " " * len(match[0]), text)
    return text


def _near(name: str) -> str:
    near = get_close_matches(name, _NAMES, n=1)
    return f'; did you mean "{near[0]}"?' if near else "; remove it"


def _wrong_close(name: str, open_tags: list[tuple[str, int]]) -> str:
    if not open_tags:
        return f'"</{name}>" closes nothing; remove it'
    return f'"</{name}>" stands where "<{open_tags[-1][0]}>" is still open; close that first'
