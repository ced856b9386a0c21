"""`journeyflow schema` as it is typed."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from journeyflow.cli.schema import schema

ROOT = Path(__file__).parents[2]


def run(*arguments: object) -> Result:
    return CliRunner().invoke(schema, [str(one) for one in arguments], catch_exceptions=False)


def test_one_schema_is_printed() -> None:
    assert json.loads(run("policy").output)["title"] == "Policy"


def test_all_are_written_into_a_folder(tmp_path: Path) -> None:
    assert run("-o", tmp_path / "new").exit_code == 0
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == [
        "journey.schema.json",
        "policy.schema.json",
        "segments.schema.json",
    ]


def test_without_a_kind_and_a_folder_it_asks() -> None:
    result = run()
    assert result.exit_code == 2
    assert "say which schema" in result.stderr


def test_the_programmes_own_names_are_proposed() -> None:
    found = json.loads(run("journey", "--root", ROOT).output)
    assert "transactional" in found["properties"]["category"]["enum"]
    assert "lapsed" in found["$defs"]["enter"]["properties"]["segment"]["enum"]
    journeys = found["$defs"]["step"]["anyOf"][0]["properties"]["journey"]["enum"]
    assert {"birthday", "post-purchase", "welcome", "win-back"} < set(journeys)
    sends = found["$defs"]["send"]["properties"]
    assert "welcome" in sends["email"]["enum"]
    assert "welcome" not in sends["sms"]["enum"]


def test_a_programme_that_is_half_written_gives_what_it_can(tmp_path: Path) -> None:
    (tmp_path / "journeys").mkdir()
    (tmp_path / "journeys" / "segments.yaml").write_text("loyal: {consent: email}\nhalf: {consnt: sms}\n")
    (tmp_path / "journeys" / "policy.yaml").write_text("categories: [")
    found = json.loads(run("journey", "--root", tmp_path).output)
    assert found["$defs"]["enter"]["properties"]["segment"]["enum"] == ["half", "loyal"]
    assert "enum" not in found["properties"]["category"]


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    result = run("-o", tmp_path / "file" / "below")
    assert result.exit_code == 1
    assert "file" in result.stderr


@pytest.mark.parametrize("kind", ["journey", "segments", "policy"])
def test_the_schemas_of_the_shipped_programme_are_fresh(kind: str) -> None:
    """If not, run: journeyflow schema --root . -o schemas"""
    kept = (ROOT / "schemas" / f"{kind}.schema.json").read_text(encoding="utf-8")
    assert run(kind, "--root", ROOT).output == kept


@pytest.mark.parametrize("file", sorted((ROOT / "journeys").glob("*.yaml")), ids=lambda path: path.stem)
def test_every_shipped_file_names_its_schema(file: Path) -> None:
    kind = file.stem if file.stem in ("segments", "policy") else "journey"
    first = file.read_text(encoding="utf-8").partition("\n")[0]
    assert first == f"# yaml-language-server: $schema=../schemas/{kind}.schema.json"
