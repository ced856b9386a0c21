"""The designs of a programme's experiments, and in words what differs between two of one experiment."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from journeyflow.digests import digest
from journeyflow.language.durations import in_words
from journeyflow.language.shares import percent
from journeyflow.plan import Decide

SPLIT = "split"  # a key of the content: the digest that the plan's split has
Texts = Mapping[tuple[str, str], str]  # the digest of a template in all languages, by channel and name


@dataclass(frozen=True, slots=True)
class Design:
    experiment: str
    journey: str
    content: dict[str, Any]  # what `design` makes of it, with the digests of the templates that it sends

    @staticmethod
    def of(experiment: str, journey: str, split: dict[str, Any], texts: Texts) -> "Design":
        # The digest of the split alone is the one that the plan has, and by which its travellers are counted.
        sent = sorted({_named(step) for step in _steps(split) if step["kind"] == "send"})
        templates = {" ".join(name): texts[name] for name in sent if name in texts}
        around = {"journey": journey, "templates": templates, SPLIT: digest(split)}
        return Design(experiment, journey, {**split, **around})

    @property
    def variants(self) -> list[str]:
        return [variant["name"] for variant in self.content["variants"]]

    @property
    def digest(self) -> str:
        return digest(self.content)


def differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[str, ...]:
    """Between the contents of two designs, each a clause; none if they are the same."""
    found = [
        *_journeys(before["journey"], after["journey"]),
        *_changed("the holdout", percent(before["holdout"]), percent(after["holdout"])),
        *_metrics(before.get("metric"), after.get("metric")),
        *_changed("the method", before["method"], after["method"]),
        *_changed("alpha", percent(_alpha(before)), percent(_alpha(after))),
        *_changed("stop_after", _time(before), _time(after)),
        *_variants(before["variants"], after["variants"]),
        *_templates(before["templates"], after["templates"]),
    ]
    return tuple(found) or (("it is put down in another way",) if dict(before) != dict(after) else ())


def _alpha(content: Mapping[str, Any]) -> int:
    return int(content.get("alpha", Decide().alpha))


def _time(content: Mapping[str, Any]) -> str | None:
    return in_words(content["stop_after"]) if "stop_after" in content else None


def _named(step: Mapping[str, Any]) -> tuple[str, str]:
    return step["channel"], step["template"]


def _steps(split: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    return (step for variant in split["variants"] for step in variant["steps"])


def _journeys(before: str, after: str) -> Iterator[str]:
    if before != after:
        yield f"it was in the journey {before} and is in {after}"


def _changed(what: str, before: object, after: object) -> Iterator[str]:
    if before != after:
        yield f"{what} was {_shown(before)} and is {_shown(after)}"


def _metrics(before: Mapping[str, Any] | None, after: Mapping[str, Any] | None) -> Iterator[str]:
    if before is None or after is None:
        if before != after:
            yield "the metric is new" if before is None else "the metric is gone"
        return
    yield from _changed("the metric's event", before["match"]["event"], after["match"]["event"])
    if before["match"].get("where") != after["match"].get("where"):
        yield "the tests on the metric's event changed"
    yield from _changed("the metric's time", in_words(before["within"]), in_words(after["within"]))
    yield from _changed("the metric's value", before.get("value"), after.get("value"))
    yield from _changed("the metric's at_most", before.get("most"), after.get("most"))
    yield from _changed("what is better", before["better"], after["better"])


def _variants(before: Iterable[Mapping[str, Any]], after: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    old, new = {one["name"]: one for one in before}, {one["name"]: one for one in after}
    yield from (f"the variant {name} is gone" for name in old if name not in new)
    yield from (f"the variant {name} is new" for name in new if name not in old)
    if list(old) != list(new) and set(old) == set(new):
        yield "the variants stand in another order"
    for name in (name for name in old if name in new):
        yield from _changed(f"the share of {name}", percent(old[name]["share"]), percent(new[name]["share"]))
        yield from _ways(name, old[name]["steps"], new[name]["steps"])


def _ways(name: str, before: list[Mapping[str, Any]], after: list[Mapping[str, Any]]) -> Iterator[str]:
    if [step["kind"] for step in before] != [step["kind"] for step in after]:
        yield f"{name} had {_listed(before)} and has {_listed(after)}"
        return
    for number, (old, new) in enumerate(zip(before, after, strict=True), start=1):
        if old != new:
            yield f"step {number} of {name} ({_kind(old)}) changed"


def _listed(steps: list[Mapping[str, Any]]) -> str:
    return ", ".join(map(_kind, steps)) or "no steps"


def _kind(step: Mapping[str, Any]) -> str:
    """The key by which it is written."""
    names = {"split": "experiment", "hand_over": "journey"}
    kind: str = step["kind"]
    return "wait" if kind.startswith("wait") and kind != "wait_for" else names.get(kind, kind)


def _templates(before: Mapping[str, str], after: Mapping[str, str]) -> Iterator[str]:
    """Those of steps that are new or gone are told with them."""
    for name in before:
        if name in after and before[name] != after[name]:
            yield f"the template of {name} changed"


def _shown(value: object) -> str:
    return "nothing" if value is None else f"{value:g}" if isinstance(value, float) else str(value)
