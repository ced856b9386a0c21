"""Every piece of YAML in the documentation is what the language reads, and compiles.

A list is a list of steps, keys of a journey are completed to a whole one, and a word behind `yaml` names
anything else: segments, policy, condition. `yaml example` belongs to a code, and is tested with the codes.
"""

import re
import shutil
import textwrap
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from journeyflow.compiler import compile_journey, compile_segment
from journeyflow.language.checks.surroundings import Message
from journeyflow.language.programme import load
from journeyflow.language.reference import renewed
from journeyflow.messages.facts import known_messages
from journeyflow.messages.templates import load_templates

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
_SNIPPET = re.compile(r"^```yaml *([a-z]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_MISSING = {
    "journey": "journey: snippet",
    "enter": "enter: {event: member.joined}",
    "steps": "steps: [{wait: 1 day}]",
}


@dataclass(frozen=True, slots=True)
class Snippet:
    place: str  # page and line
    kind: str
    text: str


def snippets(page: Path) -> list[Snippet]:
    text = page.read_text(encoding="utf-8")
    found = _SNIPPET.finditer(text)
    return [
        Snippet(f"{page.name}:{text.count(chr(10), 0, one.start()) + 1}", one[1], one[2])
        for one in found
        if one[1] != "example"
    ]


SNIPPETS = [snippet for page in PAGES for snippet in snippets(page)]


@pytest.fixture(scope="module")
def messages() -> list[Message]:
    """Those that the shipped templates make."""
    place = ROOT / "templates" / "messages"
    return list(known_messages(place, *load_templates(place)))


@pytest.mark.parametrize("snippet", SNIPPETS, ids=lambda snippet: snippet.place)
def test_a_snippet_is_right(snippet: Snippet, tmp_path: Path, messages: list[Message]) -> None:
    """Beside the shipped journeys, to which it may refer."""
    shutil.copytree(ROOT / "journeys", tmp_path / "journeys")
    name, text = _file_of(snippet)
    (tmp_path / "journeys" / f"{name}.yaml").write_text(text, encoding="utf-8")
    if name == "segments":  # which the shipped journeys do without
        for file in set((tmp_path / "journeys").iterdir()) - {tmp_path / "journeys" / "segments.yaml"}:
            file.unlink()
    programme = load(tmp_path, messages)
    for journey in programme.journeys:
        compile_journey(journey, programme.segments)
    for segment in programme.segments:
        compile_segment(segment, programme.segments)
    assert name in ("policy", "segments") or name in [one.name.value for one in programme.journeys]


def test_the_language_is_shown_whole() -> None:
    """Each page that teaches does it by examples."""
    assert len([one for one in SNIPPETS if one.place.startswith("language.md")]) > 25


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_lists_are_fresh(page: Path) -> None:
    """If not, run: python -m journeyflow.language.reference docs"""
    text = page.read_text(encoding="utf-8")
    assert renewed(text) == text


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#:]+)(?:#[a-z-]+)?\)", page.read_text(encoding="utf-8")):
        assert (page.parent / target).exists(), target


def _file_of(snippet: Snippet) -> tuple[str, str]:
    """The name of the file that the snippet would be, and its text, completed."""
    text = snippet.text
    if snippet.kind == "segments":
        return snippet.kind, text
    if snippet.kind == "policy":  # a part of one is completed by what the shipped journeys need
        shipped = yaml.safe_load((ROOT / "journeys" / "policy.yaml").read_text(encoding="utf-8"))
        needed = {key: shipped[key] for key in ("categories", "senders")}
        return snippet.kind, yaml.safe_dump(needed | yaml.safe_load(text), sort_keys=False)
    if snippet.kind == "condition":
        text = "steps:\n  - branch:\n    - then: [end]\n      when:\n" + textwrap.indent(text, 8 * " ")
    elif text.startswith("- "):
        text = "steps:\n" + textwrap.indent(text, "  ")
    missing = [line for key, line in _MISSING.items() if not re.search(f"^{key}:", text, re.MULTILINE)]
    text = "\n".join([text, *missing, ""])
    found = re.search(r"^journey: *(\S+)", text, re.MULTILINE)
    assert found
    return found[1], text
