"""`journeyflow graph` as it is typed."""

from pathlib import Path
from xml.etree import ElementTree

import pytest
from click.testing import CliRunner, Result

from journeyflow.cli import main
from journeyflow.cli.graph import graph
from journeyflow.preview.lettering import width_of

SHIPPED = sorted(
    path
    for path in (Path(__file__).parents[2] / "journeys").glob("*.yaml")
    if path.stem not in ("policy", "segments")
)
JOURNEY = """\
journey: code
title: "A <code> & a \\"word\\""
enter: {event: member.joined}
steps:
  - wait: 1 day
  - wait_for: {event: 'order "big"', timeout: 2 days, then: [{update: {points: {add: 5}}}]}
"""
MERMAID = """\
flowchart TD
    enter(["member.joined"]) --> s0
    s0("Wait 1 day")
    s1{{"order #34;big#34; within 2 days?"}}
    s2[["Add 5 to points"]]
    s3(("End"))
    s0 --> s1
    s1 -->|"yes"| s2
    s1 -->|"no"| s3
    s2 --> s3
"""
SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "code.yaml"
    path.write_text(JOURNEY)
    return path


def run(*arguments: object) -> Result:
    return CliRunner().invoke(graph, [str(one) for one in arguments], catch_exceptions=False)


def test_mermaid_is_the_default(file: Path) -> None:
    assert run(file).output == MERMAID


def test_dot_keeps_quotes_apart(file: Path) -> None:
    output = run(file, "--format", "dot").output
    assert 'label="A <code> & a \\"word\\""' in output
    assert 's1 [label="order \\"big\\" within 2 days?", shape=hexagon, style=dashed]' in output
    assert 's1 -> s3 [label="no"]' in output


@pytest.mark.parametrize("journey", SHIPPED, ids=lambda path: path.stem)
def test_a_picture_of_each_shipped_journey(journey: Path) -> None:
    root = ElementTree.fromstring(run(journey, "--format", "svg").output)
    groups = {group.get("id") for group in root.iter(f"{SVG}g")}
    assert {"enter", "step-0"} <= groups
    assert [title.text for title in root.findall(f"{SVG}title")] != [None]


def test_the_picture_shows_the_users_own_words(file: Path) -> None:
    root = ElementTree.fromstring(run(file, "--format", "svg").output)
    texts = [text.text for text in root.iter(f"{SVG}text")]
    assert texts[0] == 'A <code> & a "word"'
    assert {'order "big" within 2', "Add 5 to points", "yes", "no"} <= set(texts)


def test_a_long_title_stays_in_the_picture(file: Path) -> None:
    file.write_text(JOURNEY.replace("A <code>", "W" * 150))
    root = ElementTree.fromstring(run(file, "--format", "svg").output)
    titles = [text.text or "" for text in root.iter(f"{SVG}text") if text.get("class") == "title"]
    assert len(titles) > 1
    assert max(width_of(title, 18) for title in titles) <= float(root.get("width", "0"))


@pytest.mark.parametrize(
    ("name", "begin"), [("a.svg", "<svg "), ("a.dot", "digraph "), ("a.mmd", "flowchart ")]
)  # fmt: skip
def test_the_name_of_the_file_says_how(file: Path, name: str, begin: str, tmp_path: Path) -> None:
    assert run(file, "-o", tmp_path / name).output == ""
    assert (tmp_path / name).read_text().startswith(begin)


def test_a_place_that_cannot_be_written_is_told(file: Path, tmp_path: Path) -> None:
    result = run(file, "-o", tmp_path / "nowhere" / "a.svg")
    assert result.exit_code == 1
    assert "nowhere" in result.stderr


def test_a_journey_with_problems_is_not_drawn(file: Path) -> None:
    file.write_text(JOURNEY.replace("1 day", "1 dya"))
    assert main.run(["graph", str(file)]) == 1
