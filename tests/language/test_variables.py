"""Variables that are there for some customers of a journey, and not for those of another."""

from pathlib import Path

import pytest

from journeyflow.language.problems import ProgrammeError
from journeyflow.language.programme import load
from tests.language.test_golden import messages

TARGET = """journey: target
category: transactional
enter: {event: parcel.sent}
steps:
  - webhook:
      url: https://hooks.example.com/parcels
      body:
        total: "{{ event.total }}"
        journey: "{{ event.journey }}"
        shop: "{{ event.shop | default('web') }}"
  - send: {email: total}
"""
POLICY = """categories: {marketing: {}, transactional: {consent: not-required, caps: exempt}}
senders: {email: {from: club@example.com, reply_to: club@example.com, postal_address: "Example Street 1"}}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "journeys").mkdir()
    (tmp_path / "journeys" / "target.yaml").write_text(TARGET)
    (tmp_path / "journeys" / "policy.yaml").write_text(POLICY)
    return tmp_path


def test_an_event_of_the_entry_has_any_property(folder: Path) -> None:
    load(folder, messages())


def test_who_is_handed_over_brings_no_event_along(folder: Path) -> None:
    source = "journey: source\nenter: {manual: true}\nsteps: [{wait: 1 day}, {journey: target}]\n"
    (folder / "journeys" / "source.yaml").write_text(source)
    with pytest.raises(ProgrammeError) as caught:
        load(folder, messages())
    told = [(problem.line, problem.code, problem.message) for problem in caught.value.problems]
    assert [(line, code) for line, code, _ in told] == [(8, "JF208"), (11, "JF208")]
    assert all('whom the journey "source" hands over' in message for *_, message in told)
