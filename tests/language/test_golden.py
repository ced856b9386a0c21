"""Pairs of files: ok/x.yaml with its plan in ok/x.out, err/x.yaml with its printed problems in err/x.out.

A new pair needs no code: write the .yaml, run with UPDATE_GOLDEN=1, and read the .out before it is
committed. A name that begins with policy- or segments- stands for that file of the programme; all
others are journeys, beside the policy and the segments in surroundings/, or for a name that begins with
capped- or bought- beside those in surroundings/capped/ or surroundings/bought/. Messages are those in
templates/.

What a file by itself cannot show is a programme in folders/x/, with its printed problems in folders/x.out.
"""

import dataclasses
import json
import os
import re
import shutil
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from journeyflow.cli.check import find_problems
from journeyflow.compiler import compile_journey, compile_segment
from journeyflow.language.checks.surroundings import Message
from journeyflow.language.codes import CODES
from journeyflow.language.problems import ProgrammeError
from journeyflow.language.programme import Programme, load
from journeyflow.messages.facts import known_messages
from journeyflow.messages.templates import load_templates

HERE = Path(__file__).parent
_SURROUNDINGS = ("capped", "bought")


@cache
def messages() -> list[Message]:
    folder = HERE / "templates"
    known = known_messages(folder, *load_templates(folder))
    return [dataclasses.replace(one, file=one.file.replace(f"{HERE}/", "")) for one in known]


@pytest.mark.parametrize("name", sorted(path.stem for path in (HERE / "ok").glob("*.yaml")))
def test_good(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    programme = _load(HERE / "ok" / f"{name}.yaml", tmp_path, monkeypatch)
    assert "\n".join(map(str, programme.warnings)) == ""
    _compare(HERE / "ok" / f"{name}.out", json.dumps(_result(name, programme), indent=2, ensure_ascii=False))


@pytest.mark.parametrize("name", sorted(path.stem for path in (HERE / "err").glob("*.yaml")))
def test_bad(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    try:
        programme = _load(HERE / "err" / f"{name}.yaml", tmp_path, monkeypatch)
        problems = programme.warnings
    except ProgrammeError as error:
        problems = error.problems
    assert problems
    _compare(HERE / "err" / f"{name}.out", "\n".join(map(str, problems)))


@pytest.mark.parametrize("name", sorted(path.name for path in (HERE / "folders").iterdir() if path.is_dir()))
def test_bad_folder(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(HERE / "folders" / name)
    problems = find_problems(Path())
    assert problems
    _compare(HERE / "folders" / f"{name}.out", "\n".join(map(str, problems)))


def test_every_code_has_a_pair() -> None:
    outputs = [path.read_text() for folder in ("err", "folders") for path in (HERE / folder).glob("*.out")]
    assert set(CODES) - {code for text in outputs for code in re.findall(r": (JF\d+) ", text)} == set()


def test_no_golden_file_is_left_over() -> None:
    outputs = [path for folder in ("ok", "err") for path in (HERE / folder).glob("*.out")]
    assert [path.name for path in outputs if not path.with_suffix(".yaml").exists()] == []
    folders = (HERE / "folders").glob("*.out")
    assert [path.name for path in folders if not path.with_suffix("").is_dir()] == []


def _load(file: Path, root: Path, monkeypatch: pytest.MonkeyPatch) -> Programme:
    """Through the folder that a user would have, so that places are printed as a user sees them."""
    folder = root / "journeys"
    kind = file.stem.partition("-")[0]
    place = HERE / "surroundings" / (kind if kind in _SURROUNDINGS else "")
    shutil.copytree(place, folder, ignore=shutil.ignore_patterns(*_SURROUNDINGS))
    shutil.copy(file, folder / (f"{kind}.yaml" if kind in ("policy", "segments") else file.name))
    monkeypatch.chdir(root)
    return load(Path(), messages())


def _result(name: str, programme: Programme) -> dict[str, Any]:
    match name.partition("-")[0]:
        case "policy":
            return programme.policy.to_json()
        case "segments":
            compiled = {name: compile_segment(name, programme.segments) for name in programme.segments}
            return {name: dataclasses.asdict(condition) for name, condition in compiled.items()}
        case _:
            journey = next(one for one in programme.journeys if one.name.value == name)
            return compile_journey(journey, programme.segments).to_json()


def _compare(file: Path, text: str) -> None:
    if os.environ.get("UPDATE_GOLDEN"):
        file.write_text(text + "\n", encoding="utf-8", newline="\n")
    assert text + "\n" == file.read_text(encoding="utf-8")
