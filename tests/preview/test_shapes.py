"""Each kind of step has a shape in each kind of drawing."""

from typing import get_args

from journeyflow.plan import Step
from journeyflow.preview import dot, mermaid


def test_every_kind_of_step_can_be_drawn() -> None:
    kinds = {kind.__dataclass_fields__["kind"].default for kind in get_args(get_args(Step)[0])}
    assert set(mermaid.SHAPES) == set(dot.SHAPES) == kinds
