"""The most messages in a window, held against every path of small journeys and every way to wait."""

import json
import re
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from journeyflow.language.checks.loads import WINDOWS
from journeyflow.language.checks.paths import LIMIT
from journeyflow.language.checks.pressure import most
from journeyflow.language.checks.together import Loads
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


@settings(max_examples=75, deadline=None, suppress_health_check=list(HealthCheck))
@given(steps=STEPS)
def test_the_longest_path_is_found(steps: list[Any], tmp_path: Path) -> None:
    found = journey_most(tmp_path, {"event": "x"}, steps or ["end"])
    if found is not None:  # steps behind an end are refused
        assert found == {name: by_hand(steps or ["end"], window) for name, window in WINDOWS.items()}


def journey_most(root: Path, enter: dict[str, Any], steps: list[Any]) -> dict[str, int | None] | None:
    folder = root / "journeys"
    folder.mkdir(exist_ok=True)
    text = {"journey": "a", "category": "marketing", "enter": enter, "steps": steps}
    numbers = count()  # each branch asks something of its own, so that every way can be taken
    asked = re.sub('"when": {"consent": "email"}', lambda _: _ASKED.format(next(numbers)), json.dumps(text))
    (folder / "a.yaml").write_text(asked)
    (folder / "policy.yaml").write_text("senders: {email: {from: club@example.com}}")
    try:
        (journey,) = load(root).journeys
    except ProgrammeError as error:
        if {problem.code for problem in error.problems if problem.severity == "error"} != {"JF301"}:
            raise
        return None
    return most([journey], Policy())["a"]


_ASKED = '"when": {{"attribute": "a{}", "is": 1}}'


def either(one: list[Any], other: list[Any]) -> dict[str, Any]:
    return {"branch": [{"when": {"consent": "email"}, "then": one}, {"otherwise": other}]}


SEND = {"send": {"email": "a"}}
RENEWAL = {"until": {"attribute": "renewal_date", "at": "09:00"}}
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
        # However often, it is counted.
        ({"event": "x", "again": "after 5 minutes"}, [SEND], (288, 2_016, 8_640)),
        ({"event": "x", "again": "always"}, [SEND, {"wait": "90 seconds"}], (960, 6_720, 28_800)),
        ({"event": "x", "again": "after 7 hours"}, [SEND], (4, 24, 103)),
        # Without a pause of a minute there is no limit, on whichever way.
        ({"event": "x", "again": "always"}, [SEND], (None, None, None)),
        ({"event": "x", "again": "always"}, [{"wait": "59 seconds"}, SEND], (None, None, None)),
        ({"event": "x", "again": "always"}, [{"wait": RENEWAL}, SEND], (None, None, None)),
        ({"event": "x", "again": "always"}, [either([SEND, {"wait": "9 days"}, SEND], [SEND])], (None,) * 3),
        ({"event": "x", "again": "always"}, [either([SEND, {"wait": "1 hour"}], [])], (24, 168, 720)),
        ({"event": "x", "again": "always"}, [{"wait": "1 day"}], (0, 0, 0)),
        # A time of day comes once a day, but what is before it can go out just before and just after it.
        ({"event": "x", "again": "always"}, [MORNING, SEND], (1, 7, 30)),
        ({"event": "x", "again": "after 1 hour"}, [MORNING, SEND, {"wait": "1 hour"}, SEND], (2, 14, 60)),
        ({"event": "x", "again": "always"}, [SEND, MORNING], (2, 8, 31)),
        ({"event": "x", "again": "always"}, [either([MORNING], [{"wait": "1 hour"}]), SEND], (24, 168, 720)),
        (
            {"event": "x", "again": "always"},
            [either([MORNING], [{"wait": {"until": "18:00"}}]), SEND],
            (3, 21, 90),
        ),
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


def told(root: Path, caps: str, **journeys: dict[str, Any]) -> list[tuple[str, int, str, str]]:
    """Of some journeys together: file, line, code and message of each warning about how many messages."""
    folder = root / "journeys"
    folder.mkdir()
    for name, keys in journeys.items():
        enter = {"event": "x"}
        text = {"journey": name, "category": "marketing", "enter": enter, **keys}
        (folder / f"{name}.yaml").write_text(json.dumps(text, indent=1))
    (folder / "policy.yaml").write_text(
        f"caps: {caps}\nsenders: {{email: {{from: club@example.com}}}}\n"
        "categories: {marketing: {consent: not-required}, receipts: {consent: not-required, caps: exempt}}"
    )
    found = load(root).warnings
    return [
        (Path(one.file).stem, one.line, one.code, one.message) for one in found if one.code.startswith("JF5")
    ]


def counts(root: Path) -> dict[str, tuple[int | None, ...]]:
    programme = load(root)
    return {name: tuple(found.values()) for name, found in most(programme.journeys, programme.policy).items()}


ONE_A_DAY = "[{category: marketing, at_most: 1, per: 1 day}]"
TWO_A_DAY = "[{category: marketing, at_most: 2, per: 1 day}]"
BY_HAND = {"manual": True}
NEXT = {"journey": "next"}


def test_a_hand_over_goes_on_in_the_other_journey(tmp_path: Path) -> None:
    """Beside what still comes in the first; told where the hand-over stands."""
    ((file, _, code, message),) = told(
        tmp_path,
        TWO_A_DAY,
        first={"steps": [SEND, {"wait": "1 day"}, NEXT, {"wait": "1 hour"}, SEND]},
        next={"enter": BY_HAND, "steps": [SEND, {"wait": "2 hours"}, SEND, {"wait": "4 days"}, SEND]},
    )
    assert (file, code) == ("first", "JF501")
    assert "3 messages from this journey and those that it hands over to in 1 day" in message
    assert message.count(' of "next")') == 2
    assert "; 3 in 24 hours, 5 in 7 days, 5 in 30 days." in message
    assert counts(tmp_path) == {"first": (3, 5, 5), "next": (2, 3, 3)}


def test_what_is_too_much_in_one_journey_is_told_there_alone(tmp_path: Path) -> None:
    found = told(
        tmp_path,
        ONE_A_DAY,
        first={"steps": [SEND, {"wait": "1 hour"}, SEND, {"wait": "2 days"}, NEXT]},
        next={"enter": BY_HAND, "steps": [SEND]},
    )
    assert [(file, code) for file, _, code, _ in found] == [("first", "JF501")]
    assert "hands over" not in found[0][3]


@pytest.mark.parametrize(
    ("again", "most_of_first"),
    [
        ("never", (1, 1, 1)),
        ("after 1 hour", (2, 2, 2)),
        ("after 5 hours", (1, 1, 1)),
    ],
)
def test_a_journey_that_takes_nobody_in_again_is_entered_once(
    tmp_path: Path, again: str, most_of_first: tuple[int, ...]
) -> None:
    told(
        tmp_path, ONE_A_DAY,
        first={"steps": [NEXT, {"wait": "3 hours"}, NEXT]},
        next={"enter": {"manual": True, "again": again}, "steps": [SEND]},
    )  # fmt: skip
    assert counts(tmp_path)["first"] == most_of_first


def test_hand_overs_again_and_again(tmp_path: Path) -> None:
    again = {"event": "x", "again": "after 1 day"}
    told(
        tmp_path, ONE_A_DAY,
        daily={"enter": again, "steps": [{"journey": "always"}]},
        rare={"enter": again, "steps": [{"journey": "monthly"}]},
        endless={"enter": {"event": "x", "again": "always"}, "steps": [{"journey": "always"}]},
        chain={"steps": [{"journey": "rare"}, {"wait": "8 days"}, SEND]},
        always={"enter": {"manual": True, "again": "always"}, "steps": [SEND]},
        monthly={"enter": {"manual": True, "again": "after 30 days"}, "steps": [SEND]},
    )  # fmt: skip
    found = counts(tmp_path)
    assert (found["daily"], found["rare"], found["chain"]) == ((1, 7, 30), (1, 1, 1), (1, 1, 2))
    assert found["endless"] == (None, None, None)


def test_only_what_a_cap_is_about_counts_in_other_journeys(tmp_path: Path) -> None:
    """Receipts are under no cap, but a journey of receipts can hand over to one that is."""
    found = told(
        tmp_path,
        ONE_A_DAY,
        first={"category": "receipts", "steps": [SEND, NEXT, {"journey": "last"}]},
        next={"enter": BY_HAND, "steps": [SEND]},
        last={"enter": BY_HAND, "category": "receipts", "steps": [SEND]},
    )
    assert found == []
    assert counts(tmp_path)["first"] == (3, 3, 3)


def tier(name: str) -> dict[str, Any]:
    return {"event": "x", "when": {"attribute": "tier", "is": name}}


@pytest.mark.parametrize("others", [{}, {"aa": tier("gold")}, {"aa": tier("gold"), "bd": tier("gold")}])
def test_the_order_of_the_names_hides_no_pair(tmp_path: Path, others: dict[str, Any]) -> None:
    enters = {**others, "bb": tier("silver"), "cc": tier("silver")}
    journeys = {name: {"enter": enter, "steps": [SEND]} for name, enter in enters.items()}
    found = told(tmp_path, ONE_A_DAY, **journeys)
    silver = [message for file, _, _, message in found if file == "cc"]
    assert len(silver) == 1
    assert '"bb" (1) and "cc" (1): together 2 messages' in silver[0]
    assert [file for file, *_ in found] == (["bd", "cc"] if "bd" in others else ["cc"])


def test_a_journey_hears_once_of_the_most_it_comes_to_with_others(tmp_path: Path) -> None:
    """One for everybody fits those for gold and those for silver; the sets share it."""
    found = told(
        tmp_path, TWO_A_DAY,
        all={"priority": 10, "steps": [SEND]},
        gold={"enter": tier("gold"), "steps": [SEND, {"wait": "1 hour"}, SEND]},
        pure={"enter": tier("silver"), "steps": [SEND]},
        silver={"enter": tier("silver"), "steps": [SEND, {"wait": "1 hour"}, SEND]},
    )  # fmt: skip
    assert [(file, code) for file, _, code, _ in found] == [("all", "JF502")]
    assert '"all" (1) and "pure" (1) and "silver" (2): together 4 messages' in found[0][3]


def test_one_that_is_too_much_by_itself_hides_no_pair(tmp_path: Path) -> None:
    steps = [SEND, {"wait": "1 hour"}, SEND]
    found = told(tmp_path, ONE_A_DAY, a={"steps": steps}, b={"steps": [SEND]}, c={"steps": [SEND]})
    assert [(file, code) for file, _, code, _ in found] == [("a", "JF501"), ("c", "JF502")]


@pytest.mark.parametrize(
    ("one", "other", "is_same"),
    [
        ("0 9 * * mon", "0 9 * * 1", True),
        ("0 9 * * sun", "0 9 * * 7", True),
        ("0 9 * * 0-6", "0 9 * * *", True),
        ("0,30 9 * jan *", "*/30 9 * 1 *", True),
        ("0 9 * * mon", "0 9 * * tue", False),
        ("0 9 1 * mon", "0 9 1 * *", False),
    ],
)
def test_times_that_are_written_differently(tmp_path: Path, one: str, other: str, is_same: bool) -> None:
    found = told(
        tmp_path, ONE_A_DAY,
        a={"enter": {"schedule": one}, "steps": [SEND]}, b={"enter": {"schedule": other}, "steps": [SEND]},
    )  # fmt: skip
    assert ("JF502" in {code for *_, code, _ in found}) is is_same


def chain(length: int, steps: int, again: str) -> dict[str, dict[str, Any]]:
    """Each journey hands over to the next one, again and again, and sends one message at last."""
    enter = {"manual": True, "again": again}
    found: dict[str, dict[str, Any]] = {"j0": {"enter": enter, "steps": [SEND]}}
    for number in range(1, length):
        hand_over = {"journey": f"j{number - 1}"}
        found[f"j{number}"] = {"enter": enter, "steps": [*[hand_over, {"wait": "1 hour"}] * steps, SEND]}
    return found


def test_hand_overs_that_multiply_are_counted_up_to_a_limit(tmp_path: Path) -> None:
    """Ten to the power of eleven paths; what is left out is told."""
    found = told(tmp_path, ONE_A_DAY, **chain(12, 10, "always"))
    assert "or more messages from this journey" in found[-1][3]
    assert max(count or 0 for counted in counts(tmp_path).values() for count in counted) <= 2 * LIMIT


def test_hand_overs_to_a_journey_that_takes_nobody_in_twice_do_not_multiply(tmp_path: Path) -> None:
    told(tmp_path, ONE_A_DAY, **chain(12, 10, "never"))
    assert counts(tmp_path)["j11"] == (12, 12, 12)


def test_no_front_grows_with_the_hand_overs(tmp_path: Path) -> None:
    told(tmp_path, ONE_A_DAY, **chain(12, 40, "always"))
    programme = load(tmp_path)
    loads = Loads({journey.name.value: journey for journey in programme.journeys}, programme.policy)
    sizes = [len(loads.of(f"j{number}").as_other(30 * DAY).entered) for number in range(12)]
    assert max(sizes) <= LIMIT
