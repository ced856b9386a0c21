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
    rules["A #60;code#62; #38; a #34;word#34;<br>how often: once only"] -.- enter
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


RULES = {
    "how often": "as often as it comes",
    "only who": "consents to e-mail",
    "leaves at once": "order.refunded",
    "goal": "order.completed within 30 days",
}


@pytest.mark.parametrize("form", ["mermaid", "svg", "dot"])
def test_the_rules_of_the_journey_stand_in_each_picture(file: Path, form: str) -> None:
    enter = "{event: member.joined, when: {consent: email}, again: always}"
    rules = "exit: [{event: order.refunded}]\ngoal: {event: order.completed, within: 30 days}\n"
    file.write_text(JOURNEY.replace("{event: member.joined}", f"{enter}\n{rules}"[:-1]))
    output = " ".join(run(file, "--format", form).output.replace("\\n", " ").split())
    assert [name for name, told in RULES.items() if f"{name}: {told}" not in output] == []


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
    ("name", "begin"), [
        ("a.svg", "<svg "),
        ("a.dot", "digraph "),
        ("a.gv", "digraph "),
        ("a.mmd", "flowchart "),
        ("a.md", "```mermaid\nflowchart "),
    ],
)  # fmt: skip
def test_the_name_of_the_file_says_how(file: Path, name: str, begin: str, tmp_path: Path) -> None:
    assert run(file, "-o", tmp_path / name).output == ""
    assert (tmp_path / name).read_text().startswith(begin)


@pytest.mark.parametrize("name", ["a.png", "a", "a.SVGZ"])
def test_a_name_that_says_nothing_is_refused(file: Path, name: str, tmp_path: Path) -> None:
    result = run(file, "-o", tmp_path / name)
    assert result.exit_code == 2
    assert f'"{name}" does not tell what to write; end it in .mmd, .md, .svg, .dot or .gv' in result.stderr
    assert not (tmp_path / name).exists()
    assert run(file, "-o", tmp_path / name, "--format", "dot").exit_code == 0
    assert (tmp_path / name).read_text().startswith("digraph ")


def test_a_place_that_cannot_be_written_is_told(file: Path, tmp_path: Path) -> None:
    result = run(file, "-o", tmp_path / "nowhere" / "a.svg")
    assert result.exit_code == 2
    assert "nowhere" in result.stderr


def test_a_journey_with_problems_is_not_drawn(file: Path) -> None:
    file.write_text(JOURNEY.replace("1 day", "1 dya"))
    assert main.run(["graph", str(file)]) == 1


@pytest.mark.parametrize("command", ["graph", "explain"])
@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("policy.yaml", '/policy.yaml" is no journey but stands beside them; name the file of a journey\n'),
        (
            "segments.yaml",
            '/segments.yaml" is no journey but stands beside them; name the file of a journey\n',
        ),
        ("gone.yaml", '/gone.yaml"; name the file of a journey\n'),
        ("notes.txt", '/notes.txt" is no journey, which is a file that ends in ".yaml"; name one\n'),
        ("", '" is no journey, which is a file that ends in ".yaml"; name one\n'),
        ("a" * 300, '" cannot be opened (File name too long)\n'),
    ],
)
def test_what_is_no_journey_is_told_in_a_sentence(
    command: str, name: str, words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "policy.yaml").write_text("caps: [{at_most: 1, per: 1 day}]\n")
    (tmp_path / "segments.yaml").write_text("lapsed: {consent: email}\n")
    (tmp_path / "notes.txt").write_text("no journey")
    assert main.run([command, str(tmp_path / name)]) == 2
    told = capsys.readouterr().err
    assert told.startswith("journeyflow: ")
    assert told.endswith(words)
    assert told.count("\n") == 1
