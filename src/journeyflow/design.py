"""The design of an experiment: all that must stay as it is while customers are being compared.

It is the split without its guardrails, and the steps of every variant, wherever in the journey they stand. Of
the figures for deciding it has those that could be chosen by what has been seen: how much doubt is allowed,
and when a fixed one is looked at.
"""

from collections.abc import Sequence
from typing import Any

from pydantic import TypeAdapter

from journeyflow.plan import Decide, Metric, Split, Step

_STEP: TypeAdapter[Step] = TypeAdapter(Step)
_METRIC: TypeAdapter[Metric | None] = TypeAdapter(Metric | None)
_LOOSE = ("path", "design", "guardrails")  # a step's keys that may change


def design(
    holdout: int,
    shares: Sequence[tuple[str, int]],
    ways: Sequence[Sequence[Step]],
    metric: Metric | None,
    decide: Decide,
) -> dict[str, Any]:
    """As JSON. `shares` are of the variants by name, `ways` their steps, each numbered from 0 on: the number
    behind the last is what follows the experiment, and one more is the end of the journey."""
    variants = [
        {"name": name, "share": share, "steps": list(map(_step, way))}
        for (name, share), way in zip(shares, ways, strict=True)
    ]
    watched = _given(_METRIC.dump_python(metric, mode="json"))
    return {"holdout": holdout, "metric": watched, **_decided(decide), "variants": variants}


def _decided(decide: Decide) -> dict[str, Any]:
    looked_at = decide.stop_after if decide.method == "fixed" else None
    alpha = None if decide.alpha == Decide().alpha else decide.alpha
    return {"method": decide.method, **_given({"alpha": alpha, "stop_after": looked_at})}


def _step(step: Step) -> dict[str, Any]:
    found = _given(_STEP.dump_python(step, mode="json"))
    if isinstance(step, Split):
        found["decide"] = _decided(step.decide)
    return {key: value for key, value in found.items() if key not in _LOOSE}


def _given(value: Any) -> Any:
    """Without what is left open, so that a key which a later version of the program adds changes nothing."""
    if isinstance(value, dict):
        return {key: _given(one) for key, one in value.items() if one is not None and one != []}
    return [_given(one) for one in value] if isinstance(value, list) else value
