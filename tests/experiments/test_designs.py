"""What an experiment's design is, and how two of them are told apart in words."""

from pathlib import Path

import pytest

from journeyflow.experiments.designs import Design, differences
from journeyflow.folder import designs_of, read_folder
from tests.journeys.writing import POLICY, write_programme

JOURNEY = """
    journey: timing
    enter: {event: began, when: {consent: email}}
    steps:
      - experiment:
          name: nudge
          holdout: 10%
          metric: {event: bought, where: {total: {at_least: 5}}, within: 14 days, value: total, at_most: 500}
          decide: {method: fixed, stop_after: 30 days}
          variants:
            morning: {share: 45%, steps: [{wait: {until: "09:00"}}, {send: {email: early}}]}
            evening: {share: 45%, steps: [{wait: {until: "18:00"}}, end]}
      - send: {email: after}
"""
SEGMENT = "loyal: {event: bought, count: {at_least: 2}}"


def design(folder: Path, journey: str = JOURNEY, body: str = "Hello") -> Design:
    letter = {f"{name}/email.html": f"---\nsubject: {body}\n---\n<p>Hi</p>\n" for name in ("early", "late")}
    write_programme(folder, journey, policy=POLICY, segments=SEGMENT, templates=letter)
    (found,) = designs_of(read_folder(folder))
    return found


def edited(*changes: tuple[str, str]) -> str:
    text = JOURNEY
    for before, after in changes:
        assert text.count(before) == 1
        text = text.replace(before, after)
    return text


SPOILING = [
    ([("journey: timing", "journey: letters")], "it was in the journey timing and is in letters"),
    (
        [("holdout: 10%", "holdout: 9%"), ("evening: {share: 45%", "evening: {share: 46%")],
        "the holdout was 10% and is 9%, the share of evening was 45% and is 46%",
    ),
    ([("event: bought", "event: paid")], "the metric's event was bought and is paid"),
    ([("at_least: 5", "at_least: 6")], "the tests on the metric's event changed"),
    ([("within: 14 days", "within: 1 week")], "the metric's time was 14 days and is 7 days"),
    (
        [("value: total, at_most: 500", "better: less")],
        "the metric's value was total and is nothing, the metric's at_most was 500 and is nothing, "
        "what is better was more and is less",
    ),
    (
        [("method: fixed", "method: sequential")],
        "the method was fixed and is sequential, stop_after was 30 days and is nothing",
    ),
    (
        [("stop_after: 30 days", "stop_after: 60 days, alpha: 1%")],
        "alpha was 5% and is 1%, stop_after was 30 days and is 60 days",
    ),
    ([("evening", "night")], "the variant evening is gone, the variant night is new"),
    ([('"18:00"', '"19:00"')], "step 1 of evening (wait) changed"),
    (
        [('{wait: {until: "18:00"}}, end', '{wait: {until: "18:00"}}')],
        "step 1 of evening (wait) changed",
    ),
    (
        [('{wait: {until: "18:00"}}, end', "{send: {email: late}}, {update: {a: 1}}")],
        "evening had wait and has send, update",
    ),
]


@pytest.mark.parametrize(("changes", "told"), SPOILING)
def test_what_customers_are_compared_by_is_told(
    changes: list[tuple[str, str]], told: str, tmp_path: Path
) -> None:
    before, after = design(tmp_path), design(tmp_path, edited(*changes))
    assert ", ".join(differences(before.content, after.content)) == told
    assert before.digest != after.digest


def test_the_texts_that_variants_send_belong_to_it(tmp_path: Path) -> None:
    before, after = design(tmp_path), design(tmp_path, body="Hello again")
    assert differences(before.content, after.content) == ("the template of email early changed",)


def test_a_segment_that_a_variant_asks_for_belongs_to_it(tmp_path: Path) -> None:
    asking = edited(("{send: {email: early}}", "{branch: [{when: {segment: loyal}, then: [end]}]}"))
    before = design(tmp_path, asking)
    segments = tmp_path / "journeys" / "segments.yaml"
    segments.write_text(SEGMENT.replace("2", "3"))
    (after,) = designs_of(read_folder(tmp_path))
    assert differences(before.content, after.content) == ("step 2 of morning (branch) changed",)


def test_nothing_around_it_belongs_to_it(tmp_path: Path) -> None:
    around = edited(
        (
            "    steps:\n      - experiment:",
            "    steps:\n      - wait: 1 day\n      - id: known\n        experiment:",
        ),
        ("- send: {email: after}", "- wait: 1 hour\n      - send: {email: otherwise}"),
        ("stop_after: 30 days", "stop_after: 30 days, minimum: 500"),
        ("          decide:", "          guardrails: {unsubscribed: 1%}\n          decide:"),
        ("{send: {email: early}}", "{id: letter, send: {email: early}}"),
        ("enter: {event: began", "title: Another\n    priority: 80\n    enter: {event: came"),
    )
    assert design(tmp_path, around) == design(tmp_path)


def test_when_one_that_may_be_looked_at_any_time_is_over_does_not_belong_to_it(tmp_path: Path) -> None:
    found = [
        design(tmp_path, edited(("{method: fixed, stop_after: 30 days}", decide)))
        for decide in ("{stop_after: 30 days}", "{stop_after: 60 days}", "{alpha: 1%}")
    ]
    assert found[0] == found[1]
    assert differences(found[0].content, found[2].content) == ("alpha was 5% and is 1%",)


def test_an_experiment_inside_of_a_variant_belongs_to_it(tmp_path: Path) -> None:
    inner = (
        "{experiment: {name: inner, metric: {event: bought, within: 1 day}, decide: {minimum: 50}, "
        "variants: {a: {share: 50%, steps: []}, b: {share: 50%, steps: [{send: {email: late}}]}}}}"
    )
    texts = [edited(("{send: {email: early}}", inner.replace("50}", minimum))) for minimum in ("50}", "60}")]
    texts.append(texts[0].replace("email: late", "email: early"))
    found = []
    for text in texts:
        write_programme(tmp_path, text, policy=POLICY, segments="", templates={})
        found.append(next(one for one in designs_of(read_folder(tmp_path)) if one.experiment == "nudge"))
    assert found[0] == found[1], "when it is over is no part of either"
    assert found[0].digest != found[2].digest
