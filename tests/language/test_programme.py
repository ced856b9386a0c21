"""The folder as a whole: what is read, what is missing, and what is in the way."""

import re
from pathlib import Path

import pytest

from journeyflow.compiler import compile_journey
from journeyflow.errors import ConfigurationError
from journeyflow.folder import read_folder
from journeyflow.language.checks.surroundings import Message
from journeyflow.language.problems import ProgrammeError
from journeyflow.language.programme import load, load_file
from journeyflow.policy import Policy
from tests.language.plans import assert_sound

HERE = Path(__file__).parent
SHIPPED = HERE.parents[1]
WAITING = "journey: {}\nenter: {{event: member.joined}}\nsteps: [{{wait: 1 day}}]\n"


def make(root: Path, **files: str) -> Path:
    (root / "journeys").mkdir()
    for name, text in files.items():
        (root / "journeys" / f"{name}.yaml").write_text(text)
    return root


def codes(root: Path) -> list[str]:
    with pytest.raises(ProgrammeError) as caught:
        load(root)
    return [f"{Path(problem.file).name} {problem.code}" for problem in caught.value.problems]


def test_journeys_come_by_name_with_their_source(tmp_path: Path) -> None:
    programme = load(make(tmp_path, b=WAITING.format("b"), a=WAITING.format("a")))
    assert [journey.name.value for journey in programme.journeys] == ["a", "b"]
    assert programme.journeys[0].source == WAITING.format("a")
    assert programme.policy == Policy()
    assert programme.segments == {}


def test_problems_of_all_files_come_together(tmp_path: Path) -> None:
    root = make(tmp_path, b="journey: b", a=WAITING.format("c"), policy="caps: 1", segments="x: {segment: y}")
    assert codes(root) == [
        "a.yaml JF118",
        "b.yaml JF102",
        "b.yaml JF102",
        "policy.yaml JF104",
        "segments.yaml JF201",
    ]


def test_nothing_is_said_about_what_an_unreadable_file_would_define(tmp_path: Path) -> None:
    text = "journey: a\ncategory: news\nenter: {segment: gold}\nsteps: [{send: {email: welcome}}]\n"
    assert codes(make(tmp_path, a=text, policy="a: b: c", segments="]")) == [
        "policy.yaml JF001",
        "segments.yaml JF001",
    ]


def test_without_a_policy_there_is_nobody_to_send(tmp_path: Path) -> None:
    text = "journey: a\nenter: {event: x, when: {consent: email}}\nsteps: [{send: {email: welcome}}]\n"
    assert codes(make(tmp_path, a=text)) == ["a.yaml JF205"]


def test_other_files_are_left_alone_but_not_yml(tmp_path: Path) -> None:
    root = make(tmp_path, a=WAITING.format("a"))
    for name in ("README.md", ".#a.yaml", ".hidden.yaml"):
        (root / "journeys" / name).write_text("not: a: journey")
    load(root)
    (root / "journeys" / "b.yml").write_text(WAITING.format("b"))
    assert codes(root) == ["b.yml JF016"]


def test_a_folder_in_the_place_of_a_file_is_a_problem(tmp_path: Path) -> None:
    root = make(tmp_path)
    (root / "journeys" / "a.yaml").mkdir()
    assert codes(root) == ["a.yaml JF015"]


def test_one_file_is_read_with_its_neighbours(tmp_path: Path) -> None:
    text = "journey: a\nenter: {segment: gold}\nsteps: [{wait: 1 day}]\n"
    root = make(tmp_path, a=text, broken="journey: [", segments="gold: {attribute: tier, is: gold}")
    assert [journey.name.value for journey in load_file(root / "journeys" / "a.yaml").journeys] == ["a"]


def test_journeys_that_hand_over_in_a_circle_are_told_once(tmp_path: Path) -> None:
    text = "journey: {}\nenter: {{manual: true}}\nsteps: [{{journey: {}}}, {{wait: 1 day}}]\n"
    ways = {"a": "b", "b": "c", "c": "a", "d": "a", "e": "e"}
    root = make(tmp_path, **{name: text.format(name, to) for name, to in ways.items()})
    with pytest.raises(ProgrammeError) as caught:
        load(root)
    told = [(Path(one.file).name, one.code, one.message.split("; ")[0]) for one in caught.value.problems]
    assert told == [
        ("a.yaml", "JF214", 'the journeys hand over to each other in a circle, "a" -> "b" -> "c" -> "a"'),
        ("e.yaml", "JF214", 'the journeys hand over to each other in a circle, "e" -> "e"'),
    ]
    load_file(root / "journeys" / "a.yaml")  # alone, nothing is known of the others' steps


def test_no_folder_and_no_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="journeys"):
        load(tmp_path)
    with pytest.raises(ConfigurationError, match=re.escape("a.yaml")):
        load_file(tmp_path / "a.yaml")


def test_templates_are_checked_by_name_and_channel(tmp_path: Path) -> None:
    policy = "categories: {marketing: {consent: not-required}}\nsenders: {email: {from: club@example.com}}"
    text = "journey: a\nenter: {event: x}\nsteps: [{send: {email: welcome}}]\n"
    root = make(tmp_path, a=text, policy=policy)
    load(root)
    load(root, [Message("welcome", "email")])
    for known in ([], [Message("welcome", "sms")], [Message("other", "email")]):
        with pytest.raises(ProgrammeError, match="JF206"):
            load(root, known)


def test_warnings_come_with_a_programme_and_with_its_errors(tmp_path: Path) -> None:
    policy = "senders: {email: {from: club@example.com}}"
    text = "journey: a\nenter: {event: x}\nsteps: [{send: {email: welcome}}]\n"
    root = make(tmp_path, a=text, policy=policy)
    assert [warning.code for warning in load(root).warnings] == ["JF601"]
    assert read_folder(make_template(root)).programme.journeys
    (root / "journeys" / "b.yaml").write_text("journey: c\nenter: {event: x}\nsteps: [end]\n")
    assert codes(root) == ["a.yaml JF601", "b.yaml JF118"]


def test_of_a_faulty_template_only_its_name_is_known(tmp_path: Path) -> None:
    policy = "senders: {email: {from: club@example.com, postal_address: Club}}"
    text = "journey: a\nenter: {event: x, when: {consent: email}}\nsteps: [{send: {email: welcome}}]\n"
    root = make(tmp_path, a=text, policy=policy)
    assert load(root, [Message("welcome", "email")]).warnings == ()
    known = Message("welcome", "email", locale="")
    assert [warning.code for warning in load(root, [known]).warnings] == ["JF211"]
    assert load(root, [known, Message("welcome", "email")]).warnings == ()


def make_template(root: Path) -> Path:
    place = root / "templates" / "messages" / "welcome"
    place.mkdir(parents=True)
    (place / "email.html").write_text("---\nsubject: Hello\n---\n<p>Hello</p>")
    return root


def test_the_shipped_programme_is_right() -> None:
    programme = read_folder(SHIPPED).programme
    assert programme.warnings == ()
    assert len(programme.journeys) >= 4
    for journey in programme.journeys:
        assert_sound(compile_journey(journey, programme.segments))
