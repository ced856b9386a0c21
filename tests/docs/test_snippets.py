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
from journeyflow.sandbox import needed, parse_jinja

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


def test_the_examples_in_lists_are_yaml() -> None:
    examples = [cell for row in _rows() for cell in re.findall(r"`([^`]+)`", row[-1])]
    assert len(examples) > 50
    for example in examples:
        yaml.safe_load(example.replace("\\|", "|"))


def test_no_page_teaches_to_take_a_value_of_a_customer_for_granted() -> None:
    """Whose body asks for what a customer lacks fails for that customer."""
    text = (ROOT / "docs" / "language.md").read_text(encoding="utf-8").replace("\\|", "|")
    asked = re.findall(r"\{\{ *customer\.\w.*?\}\}", text)
    assert len(asked) > 2
    assert {path for one in asked for path in needed(parse_jinja(one))} == set()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#:]+)(?:#[a-z-]+)?\)", page.read_text(encoding="utf-8")):
        assert (page.parent / target).exists(), target


def _rows() -> list[list[str]]:
    """Of the lists of the language, whose last column holds examples."""
    text = (ROOT / "docs" / "language.md").read_text(encoding="utf-8")
    lists = re.findall(r"^<!-- list: .*? -->$(.*?)^<!-- end -->$", text, re.MULTILINE | re.DOTALL)
    lines = [line for one in lists for line in one.splitlines() if line.startswith("| `")]
    return [re.split(r"(?<!\\)\|", line.strip("| ")) for line in lines]


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
