"""Whatever the language takes without a problem, the JSON Schemas accept."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from journeyflow.language.checks.allowed import allowances
from journeyflow.language.journey import parse_journey
from journeyflow.language.json_schema.documents import SCHEMAS, Names
from journeyflow.language.policy import parse_policy
from journeyflow.language.problems import ProgrammeError
from journeyflow.language.programme import load
from journeyflow.language.segments import parse_segments
from journeyflow.language.source import Document, read
from tests.language.editor import value_of
from tests.language.test_fuzz import EXAMPLES, PIECES, SEEDS, TREES, _replaced


def _whole_journey(document: Document) -> None:
    parse_journey(document)
    allowances(document)


PARSERS: dict[str, Callable[[Document], object]] = {
    "journey": _whole_journey,
    "segments": parse_segments,
    "policy": parse_policy,
}
VALIDATORS = {kind: Draft202012Validator(make(Names())) for kind, make in SCHEMAS.items()}
fuzzed = settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))


def agree(kind: str, text: bytes, folder: Path) -> None:
    document = read("fuzzed.yaml", text)
    PARSERS[kind](document)
    problems = [problem for problem in document.report.problems if problem.code != "JF118"]  # the file's name
    if document.root is None or problems:
        return
    refused = list(VALIDATORS[kind].iter_errors(value_of(document.root)))
    assert not refused or _is_refused_later(kind, text, folder), refused


def _is_refused_later(kind: str, text: bytes, folder: Path) -> bool:
    """Some of what a schema knows is left to the checks of a whole programme: what channels there are."""
    file = folder / "journeys" / ("fuzzed.yaml" if kind == "journey" else f"{kind}.yaml")
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(text)
    try:
        load(folder)
    except ProgrammeError as error:
        return any(problem.code not in ("JF118", "JF201", "JF203") for problem in error.problems)
    finally:
        file.unlink()
    return False


@pytest.mark.parametrize("kind", PARSERS)
@fuzzed
@given(data=st.data())
def test_damaged_text(kind: str, data: st.DataObject, tmp_path: Path) -> None:
    text = data.draw(st.sampled_from(SEEDS))
    start = data.draw(st.integers(0, len(text)))
    end = min(len(text), start + data.draw(st.sampled_from([0, 1, 2, 10])))
    agree(kind, text[:start] + data.draw(PIECES | st.just(b"")) + text[end:], tmp_path)


@pytest.mark.parametrize("kind", PARSERS)
@fuzzed
@given(data=st.data())
def test_replaced_values(kind: str, data: st.DataObject, tmp_path: Path) -> None:
    tree: Any = _replaced(data.draw(st.sampled_from(TREES)), data)
    agree(kind, _written(tree).encode("utf-8", "replace"), tmp_path)


def _written(tree: Any) -> str:
    """Plain where it can be: quotes would make everything a text."""
    return str(yaml.safe_dump(tree, sort_keys=False, allow_unicode=True)).replace("'", "")
