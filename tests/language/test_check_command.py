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
