"""`journeyflow check` as it is typed."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from journeyflow.cli.check import check

WAITING = "journey: {}\nenter: {{event: member.joined}}\nsteps: [{{wait: {}}}]\n"


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "journeys").mkdir()
    (tmp_path / "journeys" / "good.yaml").write_text(WAITING.format("good", "1 day"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*arguments: str) -> Result:
    return CliRunner().invoke(check, arguments, catch_exceptions=False)


def spoil(root: Path) -> None:
    (root / "journeys" / "bad.yaml").write_text(WAITING.format("bad", "3h"))


def test_nothing_wrong(root: Path) -> None:
    result = run()
    assert (result.exit_code, result.output) == (0, "1 journey checked, nothing is wrong\n")


def test_problems_are_printed_with_their_place(root: Path) -> None:
    spoil(root)
    result = run()
    assert result.exit_code == 1
    assert result.output == (
        'journeys/bad.yaml:3:16: JF107 "wait" is "3h": write "3 hours"\n'
        "    3 | steps: [{wait: 3h}]\n"
        "      |                ^^\n"
        "\n"
        "1 error in 1 file\n"
    )


def test_problems_as_json(root: Path) -> None:
    spoil(root)
    result = run("--format", "json")
    assert result.exit_code == 1
    (problem,) = json.loads(result.output)["problems"]
    assert (problem["file"], problem["line"], problem["column"]) == ("journeys/bad.yaml", 3, 16)
    assert (problem["code"], problem["width"]) == ("JF107", 2)


def test_journeys_as_json(root: Path) -> None:
    pressure = {"good": {"24 hours": 0, "7 days": 0, "30 days": 0}}
    told = {"problems": [], "journeys": ["good"], "most_messages": pressure}
    assert json.loads(run("--format", "json").output) == told


def test_messages_without_limit_as_json(root: Path) -> None:
    """And those of the journeys that are handed over to are counted, too."""
    warn(root)
    enter = "enter: {event: x, when: {consent: email}, again: always}\n"
    for name, step in [("loud", "send: {email: hello}"), ("first", "journey: good")]:
        (root / "journeys" / f"{name}.yaml").write_text(f"journey: {name}\n{enter}steps: [{{{step}}}]\n")
    found = json.loads(run("--format", "json").output)["most_messages"]
    assert found["loud"] == {"24 hours": None, "7 days": None, "30 days": None}
    assert found["first"]["24 hours"] == found["good"]["24 hours"] == 2


def test_annotations_for_github(root: Path) -> None:
    (root / "journeys" / "bad.yaml").write_text(WAITING.format("bad", '"100%, all"'))
    output = run("--format", "github").output
    assert output.startswith("::error file=journeys/bad.yaml,line=3,col=16,title=JF107::")
    assert '"100%25, all"' in output


def test_one_file(root: Path) -> None:
    spoil(root)
    assert run("journeys/good.yaml").exit_code == 0
    assert run("journeys/bad.yaml").exit_code == 1


@pytest.mark.parametrize("arguments", [["nowhere"], ["journeys"], ["journeys/nowhere.yaml"]])
def test_nothing_to_check(root: Path, arguments: list[str]) -> None:
    result = run(*arguments)
    assert result.exit_code == 2
    assert arguments[0] in result.stderr
    assert result.stderr.startswith("journeyflow: ")


@pytest.mark.parametrize("form", ["text", "json", "github"])
def test_a_folder_without_journeys_is_nothing_to_check(root: Path, form: str) -> None:
    (root / "journeys" / "good.yaml").rename(root / "journeys" / "README.md")
    result = run("--format", form)
    assert (result.exit_code, result.stdout) == (2, "")
    assert "there is no journey in" in result.stderr
    assert run("journeys/README.md").exit_code == 2


def test_the_policy_and_the_segments_alone(root: Path) -> None:
    """And nothing is said of what stands beside them."""
    spoil(root)
    (root / "journeys" / "policy.yaml").write_text("caps: [{at_most: 1, per: 1 day}]\n")
    (root / "journeys" / "segments.yaml").write_text("lapsed: {segment: gone}\n")
    assert run("journeys/policy.yaml").output == "policy.yaml checked, nothing is wrong\n"
    result = run("journeys/segments.yaml")
    assert (result.exit_code, result.output.count("JF")) == (1, 1)
    assert "journeys/segments.yaml:1:" in result.output
    (root / "journeys" / "policy.yaml").write_text("caps: 1\n")
    assert run("journeys/policy.yaml").exit_code == 1


def test_templates_are_looked_at_too(root: Path) -> None:
    (root / "journeys" / "policy.yaml").write_text(
        "senders: {sms: {from: Club}, email: {from: club@example.com}}"
    )
    steps = "steps:\n  - send: {sms: code}\n  - send: {sms: coda}\n"
    (root / "journeys" / "good.yaml").write_text(f"journey: good\nenter: {{event: x}}\n{steps}")
    folder = root / "templates" / "messages" / "code"
    folder.mkdir(parents=True)
    (folder / "sms.txt").write_text("Hello {{ oops")
    output = run().output
    assert "templates/messages/code/sms.txt:1:" in output
    assert " JF401 " in output
    assert 'JF206 no template for "sms" is called "coda"; did you mean "code"?' in output
    assert output.count("JF206") == 1


def test_a_send_needs_its_template_but_not_in_a_file_by_itself(root: Path) -> None:
    (root / "journeys" / "policy.yaml").write_text("senders: {sms: {from: Club}}")
    (root / "journeys" / "good.yaml").write_text(
        "journey: good\nenter: {event: x}\nsteps: [{send: {sms: code}}]\n"
    )
    for argument in (".", "journeys/good.yaml"):
        assert "JF206" in run(argument).output
    (root / "journeys").rename(root / "drafts")
    assert run("drafts/good.yaml").exit_code == 0


def test_the_command_waits_for_nothing_heavy() -> None:
    heavy = "('pydantic', 'yaml', 'jinja2')"
    script = f"import sys, journeyflow.cli.check; print([m for m in {heavy} if m in sys.modules])"
    found = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


def warn(root: Path, allow: str = "") -> None:
    policy = 'senders: {email: {from: club@example.com, postal_address: "Club, 1 Example Street"}}'
    (root / "journeys" / "policy.yaml").write_text(policy)
    steps = "steps: [{send: {email: hello}}, {send: {email: hello}}]\n"
    enter = "enter: {event: x, when: {consent: email}}\n"
    (root / "journeys" / "good.yaml").write_text(f"journey: good\n{allow}{enter}{steps}")
    folder = root / "templates" / "messages" / "hello"
    folder.mkdir(parents=True)
    foot = '{{ sender.postal_address }} <a href="https://www.example.com/unsubscribe">Unsubscribe</a>'
    (folder / "email.html").write_text(f"---\nsubject: Hello\n---\n<p>Hello</p><p>{foot}</p>")


def test_warnings_stop_nobody_unless_they_shall(root: Path) -> None:
    warn(root)
    result = run()
    assert result.exit_code == 0
    assert "JF307 warning: " in result.output
    assert result.output.endswith("\n1 warning in 1 file\n")
    assert run("--strict").exit_code == 1


def test_errors_and_warnings_are_counted_apart(root: Path) -> None:
    warn(root)
    spoil(root)
    result = run()
    assert result.exit_code == 1
    assert result.output.endswith("\n1 error and 1 warning in 2 files\n")


def test_severity_for_programs(root: Path) -> None:
    warn(root)
    (problem,) = json.loads(run("--format", "json").output)["problems"]
    assert problem["severity"] == "warning"
    assert run("--format", "github").output.startswith("::warning file=journeys/good.yaml,line=3,")


def test_a_silenced_warning_is_gone(root: Path) -> None:
    warn(root, 'allow: {JF307: "agreed with the board"}\n')
    result = run("--strict")
    assert (result.exit_code, result.output) == (0, "1 journey checked, nothing is wrong\n")


def test_what_needs_the_whole_programme_is_not_missed_in_one_file(root: Path) -> None:
    """Nobody knows whether it silences something, and of templates nothing is known beside a single file."""
    warn(root, 'allow: {JF307: "agreed", JF502: "the other journey is for few"}\n')
    assert run("journeys/good.yaml").output == "1 journey checked, nothing is wrong\n"
    assert "JF702" in run().output
    (root / "journeys").rename(root / "drafts")
    (root / "drafts" / "good.yaml").write_text(
        (root / "drafts" / "good.yaml").read_text().replace("JF502", "JF211")
    )
    assert run("drafts/good.yaml").output == "1 journey checked, nothing is wrong\n"


def test_what_is_handed_over_to_can_be_silenced(root: Path) -> None:
    """In the journey that hands over, which by itself shows nothing to silence."""
    warn(root, 'allow: {JF307: "agreed"}\n')
    policy = root / "journeys" / "policy.yaml"
    policy.write_text(policy.read_text() + "\ncaps: [{at_most: 2, per: 1 day}]\n")
    rest = "enter: {event: y, when: {consent: email}}\nsteps: [{send: {email: hello}}, {journey: good}]\n"
    (root / "journeys" / "other.yaml").write_text(f"journey: other\n{rest}")
    assert "JF501 warning: a customer can get 3 messages" in run().output
    (root / "journeys" / "other.yaml").write_text(f'journey: other\nallow: {{JF501: "few"}}\n{rest}')
    assert run("--strict").exit_code == run("--strict", "journeys/other.yaml").exit_code == 0


def test_journeys_that_run_against_a_cap_together(root: Path) -> None:
    """Told in the one that comes last by priority, which can silence it."""
    warn(root, 'allow: {JF307: "agreed"}\n')
    policy = root / "journeys" / "policy.yaml"
    policy.write_text(policy.read_text() + "\ncaps: [{at_most: 2, per: 1 day}]\n")
    other = (
        "journey: other\npriority: 40\nenter: {event: x, when: {consent: email}}\n"
        "steps: [{send: {email: hello}}]\n"
    )
    (root / "journeys" / "other.yaml").write_text(other)
    found = json.loads(run("--format", "json").output)
    assert [(Path(one["file"]).name, one["code"]) for one in found["problems"]] == [("other.yaml", "JF502")]
    assert found["most_messages"]["good"]["24 hours"] == 2
    (root / "journeys" / "other.yaml").write_text(f'allow: {{JF502: "few are in both"}}\n{other}')
    assert run("--strict").exit_code == 0


def test_each_of_journeys_that_run_against_a_cap_together_can_silence_it(root: Path) -> None:
    """Whichever the warning stands in: that changes with the priorities of the others."""
    warn(root, 'allow: {JF307: "agreed", JF502: "few are in both"}\n')
    policy = root / "journeys" / "policy.yaml"
    policy.write_text(policy.read_text() + "\ncaps: [{at_most: 2, per: 1 day}]\n")
    other = root / "journeys" / "other.yaml"
    for priority in (60, 40):
        other.write_text(
            f'journey: other\npriority: {priority}\nallow: {{JF502: "few"}}\n'
            "enter: {event: x, when: {consent: email}}\nsteps: [{send: {email: hello}}]\n"
        )
        assert run("--strict").output == "2 journeys checked, nothing is wrong\n"
    other.unlink()  # now it silences nothing, which is no reason to stop
    result = run()
    assert result.exit_code == 0
    assert 'JF702 warning: "JF502" silences nothing' in result.output
