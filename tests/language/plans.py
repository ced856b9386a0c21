"""What holds for every plan that comes out of the compiler."""

import json
from typing import assert_never

from journeyflow.plan import (
    Branch,
    End,
    HandOver,
    Plan,
    Send,
    Split,
    Step,
    Update,
    Wait,
    WaitBestTime,
    WaitFor,
    WaitUntil,
    WaitUntilDate,
    Webhook,
)


def jumps(step: Step) -> tuple[int, ...]:
    match step:
        case Send() | Webhook() | Update() | HandOver():
            return (step.next,)
        case Wait() | WaitUntil() | WaitUntilDate() | WaitBestTime():
            return (step.next,)
        case WaitFor():
            return (step.then, step.otherwise)
        case Branch():
            return (*(arm.to for arm in step.arms), step.otherwise)
        case Split():
            return tuple(variant.to for variant in step.variants)
        case End():
            return ()
        case _:
            assert_never(step)


def assert_sound(plan: Plan) -> None:
    """Every jump goes forward, every step is reached, there is one end, and nothing is lost as JSON."""
    last = len(plan.steps) - 1
    assert [number for number, step in enumerate(plan.steps) if isinstance(step, End)] == [last]
    reached = {0}
    for number, step in enumerate(plan.steps):
        assert number in reached, f"{step.path} is never reached"
        assert all(number < jump <= last for jump in jumps(step)), f"{step.path} jumps out of order"
        reached.update(jumps(step))
    paths = [step.path for step in plan.steps]
    assert len(set(paths)) == len(paths)
    again = Plan.from_json(json.loads(json.dumps(plan.to_json())))
    assert again == plan
    assert again.digest == plan.digest
