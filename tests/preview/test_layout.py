"""Any journey that can be written has a picture in which nothing covers anything."""

from itertools import combinations

from hypothesis import given, settings

from journeyflow.conditions import Consent, EventMatch
from journeyflow.plan import Arm, Branch, End, EnterByEvent, Plan, Wait
from journeyflow.preview.layout import LEADING, SIZE, SLANTED, Block, Box, Case, Dot, Line, layout
from journeyflow.preview.lettering import lines_of, width_of
from tests.preview.definitions import plans


def boxes(block: Block) -> list[Box]:
    return [part for part in block.parts if isinstance(part, Box)]


@settings(max_examples=100, deadline=None)
@given(plans())
def test_every_step_is_drawn_once(plan: Plan) -> None:
    drawn = sorted(box.step for box in boxes(layout(plan)) if box.kind != "end")
    assert drawn == [-1, *(number for number, step in enumerate(plan.steps) if not isinstance(step, End))]


@settings(max_examples=100, deadline=None)
@given(plans())
def test_nothing_covers_a_box(plan: Plan) -> None:
    block = layout(plan)
    for one, other in combinations(boxes(block), 2):
        assert not _overlap(_sides(one), _sides(other)), (one, other)
    for box in boxes(block):
        for part in block.parts:
            if isinstance(part, Case):
                assert not _overlap(_sides(box), _sides_of_case(part)), (box, part)
            if isinstance(part, Line):
                assert not any(_overlap(_sides(box), side) for side in _sides_of_line(part)), (box, part)


@settings(max_examples=100, deadline=None)
@given(plans())
def test_everything_lies_inside_and_arrows_point_down(plan: Plan) -> None:
    block = layout(plan)
    for part in block.parts:
        match part:
            case Box():
                left, top, right, bottom = _sides(part)
            case Case():
                left, top, right, bottom = _sides_of_case(part)
            case Line():
                xs, ys = zip(*part.points, strict=True)
                left, top, right, bottom = min(xs), min(ys), max(xs), max(ys)
                assert not part.arrow or part.points[-1][1] > part.points[-2][1]
            case Dot():
                left, top, right, bottom = part.x, part.y, part.x, part.y
        assert -block.left - 1e-6 <= left <= right <= block.right + 1e-6
        assert -1e-6 <= top <= bottom <= block.height + 1e-6


@settings(max_examples=100, deadline=None)
@given(plans())
def test_words_fit_their_box(plan: Plan) -> None:
    for box in boxes(layout(plan)):
        edge = 20 if box.kind in SLANTED else 5  # the corners of what has points at its sides
        assert all(width_of(line, SIZE) + 2 * edge <= box.width for line in box.lines)
        assert len(box.lines) * LEADING + 8 <= box.height


def test_a_word_that_is_too_long_is_broken() -> None:
    lines = lines_of("see the-longest-name-" + "o" * 80, SIZE, 100)
    assert "".join(lines) == "seethe-longest-name-" + "o" * 80
    assert all(width_of(line, SIZE) <= 100 for line in lines)


def test_a_long_name_is_broken_behind_its_hyphens() -> None:
    lines = lines_of("E-mail win-back_after-a-year.for-members_of-the-club", SIZE, 100)
    assert "".join(lines) == "E-mailwin-back_after-a-year.for-members_of-the-club"
    assert all(line[-1] in "-_." for line in lines[1:-1])
    assert all(width_of(line, SIZE) <= 100 for line in lines)


def test_ways_that_meet_are_joined_by_a_dot() -> None:
    branch = Branch("steps/0", (Arm(Consent("email"), 1),), 2)
    steps = (branch, Wait("steps/0/0", 2, 60), Wait("steps/1", 3, 60), End("end"))
    plan = Plan("any", "Any", "marketing", 50, EnterByEvent(EventMatch("a")), steps)
    assert len([part for part in layout(plan).parts if isinstance(part, Dot)]) == 1


def _sides(box: Box) -> tuple[float, float, float, float]:
    return box.x - box.width / 2, box.y, box.x + box.width / 2, box.y + box.height


def _sides_of_case(case: Case) -> tuple[float, float, float, float]:
    width = max(width_of(line, SIZE) for line in case.lines)
    return case.x, case.y - SIZE, case.x + width, case.y + (len(case.lines) - 1) * 17


def _sides_of_line(line: Line) -> list[tuple[float, float, float, float]]:
    pairs = zip(line.points, line.points[1:], strict=False)
    return [(min(a, c), min(b, d), max(a, c), max(b, d)) for (a, b), (c, d) in pairs]


def _overlap(one: tuple[float, ...], other: tuple[float, ...]) -> bool:
    """More than touching."""
    near = 1e-6
    return (
        one[0] < other[2] - near
        and other[0] < one[2] - near
        and one[1] < other[3] - near
        and other[1] < one[3] - near
    )
