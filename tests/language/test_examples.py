"""Each code's own example shows it and nothing else, and its better version is clean."""

import shutil
from pathlib import Path

import pytest

from journeyflow.cli.check import find_problems
from journeyflow.language.codes import CODES
from journeyflow.language.examples.every import EXAMPLES
from journeyflow.language.examples.example import whole
from tests.language.test_golden import HERE

SENDING = "enter: {{schedule: '0 9 * * mon', when: {{consent: {0}}}}}\nsteps:\n  - send: {{{0}: card}}\n"


def found(root: Path, text: str, file: str, encoding: str = "utf-8") -> set[str]:
    shutil.copytree(HERE / "surroundings" / "capped", root / "journeys")
    shutil.copytree(HERE / "templates", root / "templates" / "messages")
    journey = root / "journeys" / "example.yaml"
    match file:
        case "journey":
            journey.write_text(whole(text), encoding)
        case _ if file.startswith("example."):
            place = journey.parent / file
            place.parent.mkdir(exist_ok=True)
            place.write_text(whole(text))
        case "segments" | "policy":
            (root / "journeys" / f"{file}.yaml").write_text(text)
            if "senders" not in text:  # the neighbour needs one
                (root / "journeys" / "neighbour.yaml").unlink()
        case _:
            journey.write_text(whole(SENDING.format(file.partition(".")[0])))
            card = root / "templates" / "messages" / "card"
            card.mkdir()
            (card / file).write_text(text)
    return {problem.code for problem in find_problems(root)}


@pytest.mark.parametrize("code", sorted(EXAMPLES))
def test_the_bad_one_shows_the_code_and_nothing_else(code: str, tmp_path: Path) -> None:
    example = EXAMPLES[code]
    assert found(tmp_path, example.bad, example.file, example.encoding) == {code}


@pytest.mark.parametrize("code", sorted(EXAMPLES))
def test_the_good_one_is_clean(code: str, tmp_path: Path) -> None:
    example = EXAMPLES[code]
    assert found(tmp_path, example.good, example.good_file or example.file) == set()


def test_no_code_is_without_an_example() -> None:
    assert EXAMPLES.keys() == set(CODES)
