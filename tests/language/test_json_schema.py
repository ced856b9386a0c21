"""The JSON Schemas accept what the language accepts, and refuse the common mistakes."""

import re
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from journeyflow.conditions import Operator
from journeyflow.language import durations
from journeyflow.language.conditions import _KEYS as CONDITIONS
from journeyflow.language.json_schema.documents import SCHEMAS, Names, journey_schema, segments_schema
from journeyflow.language.problems import Report
from journeyflow.language.steps import StepReader
from tests.language.editor import seen_by_an_editor

HERE = Path(__file__).parent
SHIPPED = sorted((HERE.parents[1] / "journeys").glob("*.yaml"))
GOOD = sorted((HERE / "ok").glob("*.yaml"))
BAD = sorted((HERE / "err").glob("*.yaml"))
# Codes of mistakes that show in one place; the others need the rest of the programme, or arithmetic.
COMMON = {"JF101", "JF102", "JF103", "JF104", "JF105", "JF106", "JF112"}
VALIDATORS = {kind: Draft202012Validator(make(Names())) for kind, make in SCHEMAS.items()}


def problems(file: Path, validator: Draft202012Validator | None = None) -> list[str]:
    kind = file.stem.partition("-")[0]
    validator = validator or VALIDATORS.get(kind, VALIDATORS["journey"])
    found = validator.iter_errors(seen_by_an_editor(file))
    return [f"{error.json_path}: {error.message}" for error in found]


def _is_common(file: Path) -> bool:
    codes = set(re.findall(r" (JF\d+) ", file.with_suffix(".out").read_text()))
    return bool(codes & COMMON) and seen_by_an_editor(file) is not None


@pytest.mark.parametrize("kind", SCHEMAS)
def test_they_are_schemas(kind: str) -> None:
    names = Names(["loyal"], ["marketing"], {"email": ["welcome"]})
    Draft202012Validator.check_schema(SCHEMAS[kind](Names()))
    Draft202012Validator.check_schema(SCHEMAS[kind](names))


@pytest.mark.parametrize("file", [*SHIPPED, *GOOD], ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_what_is_right_is_accepted(file: Path) -> None:
    assert problems(file) == []


@pytest.mark.parametrize("file", [file for file in BAD if _is_common(file)], ids=lambda path: path.stem)
def test_common_mistakes_are_refused(file: Path) -> None:
    assert problems(file) != []


def test_there_are_enough_common_mistakes() -> None:
    assert len([file for file in BAD if _is_common(file)]) > 30


def test_names_that_are_known_are_the_only_ones(tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    file.write_text(
        "journey: a\ncategory: marketng\nenter: {segment: loyl}\n"
        "steps: [{send: {email: welcom}}, {send: {sms: any}}, {journey: othr}, {journey: other}]\n"
    )
    names = Names(["loyal"], ["marketing"], {"email": ["welcome"]}, ["other"])
    found = problems(file, Draft202012Validator(journey_schema(names)))
    assert {line.partition(":")[0] for line in found} == {
        "$.category",
        "$.enter.segment",
        "$.steps[0]",
        "$.steps[2]",
    }
    assert problems(file) == []


@pytest.mark.parametrize(
    ("text", "is_right"),
    [
        ("0 days", False), ("0 days 0 hours", False), ("P0D", False), ("PT0S", False), ("00 hours", False),
        ("1825 days", True), ("1826 days", False), ("7000 days", False), ("0001 day", True),
        ("260 weeks", True), ("261 weeks", False), ("P1825D", True), ("P1826D", False), ("PT43800H", True),
        ("PT43801H", False), ("157680000 seconds", True), ("157680001 seconds", False),
        ("0 days 1 hour", True), ("10 days", True),
        ("2628000 minutes", True), ("2628001 minutes", False), ("P0DT1H", True),
    ],
)  # fmt: skip
def test_a_duration_is_as_long_as_the_language_allows(text: str, is_right: bool) -> None:
    definition = VALIDATORS["journey"].schema["$defs"]["wait"]
    assert VALIDATORS["journey"].evolve(schema=definition).is_valid(text) == is_right
    try:
        durations.seconds(text)
    except durations.DurationError:
        assert not is_right
    else:
        assert is_right


@pytest.mark.parametrize(
    ("text", "is_right"),
    [("-366 days", True), ("367 days", False), ("52 weeks", True), ("53 weeks", False), ("-P366D", True),
     ("P367D", False), ("P53W", False), ("0 days", True)],
)  # fmt: skip
def test_an_offset_is_at_most_a_year(text: str, is_right: bool) -> None:
    date = VALIDATORS["journey"].schema["$defs"]["enter"]["properties"]["date"]
    value = {"attribute": "birthday", "at": "09:00", "offset": text}
    assert VALIDATORS["journey"].evolve(schema=date).is_valid(value) == is_right


@pytest.mark.parametrize(
    ("arms", "is_right"),
    [("wo", True), ("w", True), ("wwo", True), ("o", False), ("ow", False), ("oo", False), ("woo", False)],
)
def test_otherwise_is_no_first_arm_and_there_is_one(arms: str, is_right: bool) -> None:
    of = {"w": {"when": {"consent": "sms"}, "then": ["end"]}, "o": {"otherwise": ["end"]}}
    branch = {"$ref": "#/$defs/branch", "$defs": VALIDATORS["journey"].schema["$defs"]}
    assert Draft202012Validator(branch).is_valid([of[arm] for arm in arms]) == is_right


def test_every_step_and_condition_of_the_language_is_known() -> None:
    steps = journey_schema(Names())["$defs"]["step"]["anyOf"][0]["properties"]
    assert set(StepReader(Report("a.yaml"))._readers) == set(steps) - {"id"}
    condition = segments_schema(Names())["$defs"]["condition"]["properties"]
    assert set(CONDITIONS) <= set(condition)
    assert set(Operator.__args__) <= set(condition)


def _keys(schema: object, place: str) -> list[tuple[str, dict[str, object]]]:
    if isinstance(schema, list):
        return [found for item in schema for found in _keys(item, place)]
    if not isinstance(schema, dict):
        return []
    own = [(f"{place}/{name}", value) for name, value in schema.get("properties", {}).items()]
    inner = [
        found
        for name, value in schema.items()
        if name not in ("examples", "enum", "const")
        for found in (
            [f for key, one in value.items() for f in _keys(one, f"{place}/{key}")]
            if name in ("properties", "$defs")
            else _keys(value, place)
        )
    ]
    return own + inner


@pytest.mark.parametrize("kind", SCHEMAS)
def test_every_key_is_explained_and_its_examples_are_right(kind: str) -> None:
    schema = SCHEMAS[kind](Names())
    for place, found in _keys(schema, kind):
        assert found.get("description"), place
        examples = found.get("examples", [])
        assert isinstance(examples, list)
        for example in examples:
            validator = Draft202012Validator({**found, "$defs": schema.get("$defs", {})})
            assert validator.is_valid(example), (place, example)
