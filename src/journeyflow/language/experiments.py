"""Reading `experiment`: a holdout and variants, whose shares are all of the customers.

The first variant is the one that the others are compared with.
"""

from collections.abc import Callable
from dataclasses import replace

from journeyflow.language import deciding, values
from journeyflow.language.definition import ExperimentStep, ExperimentVariant, Step, Word
from journeyflow.language.fields import Fields, as_map
from journeyflow.language.problems import Mark, Report, quoted
from journeyflow.language.shares import ALL, percent, share
from journeyflow.language.source import Node, TextNode
from journeyflow.plan import Decide

ReadSteps = Callable[[Node, str, str], tuple[Step, ...]]  # the list, its path, what it is called

_KEYS = ("name", "holdout", "variants", "metric", "guardrails", "decide")


def experiment(
    node: Node, path: str, place: str, mark: Mark, report: Report, read_steps: ReadSteps
) -> ExperimentStep | None:
    """`place` is where the paths of the steps inside begin."""
    keys = as_map(node, '"experiment"', report)
    if keys is None:
        return None
    fields = Fields(keys, _KEYS, '"experiment"', report)
    named, held = fields.need("name", "letter-timing"), fields.get("holdout")
    name = values.name(named, "the experiment", report) if named else None
    holdout = share(held, '"holdout"', report) if held else 0
    variants = _variants(fields, place, report, read_steps)
    if variants and holdout is not None:
        _check_sum(holdout, variants, fields.key("variants"), report)
        _check_number(holdout, variants, fields.key("variants"), report)
    if not variants:
        return None
    # Without a name it is kept, so that what follows the experiment does not seem unreachable.
    step = ExperimentStep(path, mark, name or Word("", mark), holdout or 0, variants)
    return _decided(step, fields, report)


def _decided(step: ExperimentStep, fields: Fields, report: Report) -> ExperimentStep:
    metric = deciding.metric(found, report) if (found := fields.get("metric")) else None
    limits = deciding.guardrails(found, report) if (found := fields.get("guardrails")) else ()
    decide = deciding.decide(found, report) if (found := fields.get("decide")) else Decide()
    _check_floor(decide, step.holdout, step.variants, fields.key("decide"), report)
    return replace(step, metric=metric, guardrails=limits, decide=decide)


def _variants(
    fields: Fields, place: str, report: Report, read_steps: ReadSteps
) -> tuple[ExperimentVariant, ...]:
    node = fields.need("variants", "{morning: {share: 50%, steps: []}, evening: {share: 50%, steps: []}}")
    keys = as_map(node, '"variants"', report) if node else None
    if keys is None:
        return ()
    if not keys.entries:
        report.add(
            keys.mark, "JF119", '"variants" is empty; write "name: {share: 50%, steps: [...]}" into it'
        )
    return tuple(_variant(key, value, place, report, read_steps) for key, value in keys.entries)


def _variant(
    key: TextNode, node: Node, place: str, report: Report, read_steps: ReadSteps
) -> ExperimentVariant:
    what = f"the variant {quoted(key.value)}"
    name = values.name(key, "the variant", report) or Word(key.value, key.mark)
    keys = as_map(node, what, report)
    if keys is None:
        return ExperimentVariant(name, 0)
    fields = Fields(keys, ("share", "steps"), what, report)
    shared, inside = fields.need("share", "50%"), fields.need("steps", "[]")
    part = share(shared, '"share"', report) if shared else None
    if part == 0:
        report.add(fields.key("share"), "JF124", f"{what} is for nobody; give it a share or delete it")
    steps = read_steps(inside, f"{place}/variants/{key.value}", '"steps"') if inside else ()
    return ExperimentVariant(name, part or 0, steps)


def _check_sum(holdout: int, variants: tuple[ExperimentVariant, ...], mark: Mark, report: Report) -> None:
    """Unless one of the shares has been reported already."""
    total = holdout + sum(variant.share for variant in variants)
    if total == ALL or not all(variant.share for variant in variants):
        return
    whole = "the shares and the holdout" if holdout else "the shares"
    way_out = f"{percent(abs(ALL - total))} {'more are missing' if total < ALL else 'are too much'}"
    report.add(mark, "JF124", f"{whole} add up to {percent(total)} and have to be 100%; {way_out}")


def _check_number(holdout: int, variants: tuple[ExperimentVariant, ...], mark: Mark, report: Report) -> None:
    if len(variants) == 1 and not holdout:
        message = (
            f"all customers get the variant {quoted(variants[0].name.value)}, so there is nothing to compare "
            "it with; add another one, or a holdout"
        )
        report.add(mark, "JF134", message)


def _check_floor(
    decide: Decide, holdout: int, variants: tuple[ExperimentVariant, ...], mark: Mark, report: Report
) -> None:
    total = decide.floor * len(variants)
    if decide.method == "bandit" and total > ALL - holdout:
        message = (
            f"{len(variants)} variants keep {percent(decide.floor)} each, which is {percent(total)} and may "
            f'be at most {percent(ALL - holdout)}; write a smaller "floor"'
        )
        report.add(mark, "JF124", message)
