"""The most messages in a window, held against every path of small journeys and every way to wait."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from journeyflow.language.checks.pressure import WINDOWS, most
from journeyflow.language.problems import ProgrammeError
from journeyflow.language.programme import load
from journeyflow.policy import Policy

HOUR, DAY = 3_600, 86_400
Way = list[tuple[str, int]]  # ("send", 0) or ("wait", seconds)

STEPS: st.SearchStrategy[list[Any]] = st.recursive(
    st.lists(
        st.sampled_from([
            {"send": {"email": "a"}}, {"wait": "1 hour"}, {"wait": "1 day"}, {"wait": "8 days"}, "end",
        ]),
        max_size=4,
    ),
    lambda inner: st.lists(
        st.sampled_from([{"send": {"email": "a"}}, {"wait": "20 hours"}])
        | st.builds(
            lambda one, other: {
                "branch": [{"when": {"consent": "email"}, "then": one}, {"otherwise": other}]
            },
            inner, inner,
        )
        | st.builds(
            lambda one, other: {
                "wait_for": {"event": "x", "timeout": "3 days", "then": one, "otherwise": other}
            },
            inner, inner,
        ),
        max_size=4,
    ),
    max_leaves=8,
)  # fmt: skip
_SECONDS = {"1 hour": HOUR, "20 hours": 20 * HOUR, "1 day": DAY, "8 days": 8 * DAY}


def paths(steps: list[Any]) -> Iterator[tuple[Way, bool]]:
    """Every way through, with its least waits, and whether it goes on behind the last step."""
    if not steps:
        yield [], True
        return
    for head, goes_on in _of_step(steps[0]):
        if goes_on:
            yield from ((head + rest, on) for rest, on in paths(steps[1:]))
        else:
            yield head, False


def _of_step(step: Any) -> Iterator[tuple[Way, bool]]:
    match step:
        case "end":
            yield [], False
        case {"send": _}:
            yield [("send", 0)], True
        case {"wait": text}:
            yield [("wait", _SECONDS[text])], True
        case {"branch": arms}:
            for arm in arms:
                yield from paths(arm.get("then", arm.get("otherwise")))
        case {"wait_for": wait}:
            yield from paths(wait["then"])
            yield from (([("wait", 3 * DAY), *path], on) for path, on in paths(wait["otherwise"]))


def by_hand(steps: list[Any], window: int) -> int:
    best = 0
    for path, _ in paths(steps):
        times, now = [], 0
        for kind, seconds in path:
            now += seconds
            times += [now] if kind == "send" else []
        best = max([best, *(sum(start <= time < start + window for time in times) for start in times)])
    return best


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(steps=STEPS)
def test_the_longest_path_is_found(steps: list[Any], tmp_path: Path) -> None:
    found = journey_most(tmp_path, {"event": "x"}, steps or ["end"])
    if found is not None:  # steps behind an end are refused
        assert found == {name: by_hand(steps or ["end"], window) for name, window in WINDOWS.items()}


def journey_most(root: Path, enter: dict[str, Any], steps: list[Any]) -> dict[str, int] | None:
    folder = root / "journeys"
    folder.mkdir(exist_ok=True)
    text = {"journey": "a", "category": "marketing", "enter": enter, "steps": steps}
    (folder / "a.yaml").write_text(json.dumps(text))
    (folder / "policy.yaml").write_text("senders: {email: {from: club@example.com}}")
    try:
        (journey,) = load(root).journeys
    except ProgrammeError as error:
        if {problem.code for problem in error.problems if problem.severity == "error"} != {"JF301"}:
            raise
        return None
    return most(journey, Policy())


SEND = {"send": {"email": "a"}}
MORNING = {"wait": {"until": "10:00"}}
WAITS = {"send": {"email": "a", "if_capped": "wait up to 1 day"}}


@pytest.mark.parametrize(
    ("enter", "steps", "counts"),
    [
        # Only one passage: one is never let in again.
        ({"event": "x"}, [SEND, {"wait": "1 hour"}], (1, 1, 1)),
        ({"event": "x", "again": "after 1 day"}, [SEND], (1, 7, 30)),
        ({"event": "x", "again": "after 12 hours"}, [SEND], (2, 14, 60)),
        # Nobody comes in while still inside: a passage takes two days.
        ({"event": "x", "again": "after 1 day"}, [SEND, {"wait": "2 days"}], (1, 4, 15)),
        ({"event": "x", "again": "always"}, [SEND, {"wait": "2 days"}, SEND, {"wait": "1 hour"}], (2, 8, 30)),
        ({"schedule": "0 9 * * mon"}, [SEND], (1, 1, 5)),
        ({"schedule": "0 9 1 * *"}, [SEND], (1, 1, 2)),
        ({"schedule": "0 9 * * mon", "again": "after 20 days"}, [SEND], (1, 1, 2)),
        ({"date": {"attribute": "b", "at": "09:00", "yearly": True}}, [SEND], (1, 1, 1)),
        # A time of day that is known comes again after a day.
        ({"event": "x"}, [*[{"wait": {"until": "10:00"}}, SEND] * 3], (1, 3, 3)),
        ({"event": "x"}, [SEND, *[{"wait": {"until": "10:00", "days": ["mon"]}}, SEND] * 2], (2, 2, 3)),
        ({"event": "x"}, [{"wait": {"until": "10:00"}}, SEND, {"wait": {"until": "18:00"}}, SEND], (2, 2, 2)),
        # A message that waits for room goes out at any time.
        (
            {"event": "x"},
            [{"wait": {"until": "10:00"}}, WAITS, {"wait": {"until": "10:00"}}, SEND],
            (2, 2, 2),
        ),
    ],
)
def test_repeated_and_local(
    tmp_path: Path, enter: dict[str, Any], steps: list[Any], counts: tuple[int, ...]
) -> None:
    found = journey_most(tmp_path, enter, steps)
    assert found == dict(zip(WINDOWS, counts, strict=True))
