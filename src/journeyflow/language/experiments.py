"""Reading `experiment`: a holdout and variants, whose shares are all of the customers."""

import re
from collections.abc import Callable

from journeyflow.language import values
from journeyflow.language.definition import ExperimentStep, ExperimentVariant, Step, Word
from journeyflow.language.fields import Fields, as_map, as_text
from journeyflow.language.problems import Mark, Report, quoted
from journeyflow.language.source import Node, TextNode

ReadSteps = Callable[[Node, str, str], tuple[Step, ...]]  # the list, its path, what it is called

_ALL = 10_000  # hundredths of a percent
_PERCENT = re.compile(r"([0-9]{1,3})(?:\.([0-9]{1,2}))? ?%")


def experiment(
    node: Node, path: str, place: str, mark: Mark, report: Report, read_steps: ReadSteps
) -> ExperimentStep | None:
    """`place` is where the paths of the steps inside begin."""
    keys = as_map(node, '"experiment"', report)
    if keys is None:
        return None
    fields = Fields(keys, ("name", "holdout", "variants"), '"experiment"', report)
    named, held = fields.need("name", "letter-timing"), fields.get("holdout")
    name = values.name(named, "the experiment", report) if named else None
    holdout = _share(held, '"holdout"', report) if held else 0
    variants = _variants(fields, place, report, read_steps)
    if variants and holdout is not None:
        _check_sum(holdout, variants, fields.key("variants"), report)
    # Without a name it is kept, so that what follows the experiment does not seem unreachable.
    return ExperimentStep(path, mark, name or Word("", mark), holdout or 0, variants) if variants else None


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
    share = _share(shared, '"share"', report) if shared else None
    if share == 0:
        report.add(fields.key("share"), "JF124", f"{what} is for nobody; give it a share or delete it")
    steps = read_steps(inside, f"{place}/variants/{key.value}", '"steps"') if inside else ()
    return ExperimentVariant(name, share or 0, steps)


def _share(node: Node, what: str, report: Report) -> int | None:
    """Hundredths of a percent."""
    text = as_text(node, what, report)
    if text is None:
        return None
    found = _PERCENT.fullmatch(text.value)
    if found is None:
        way_out = 'write percent with at most two decimals, for example "45%" or "33.34%"'
        report.add(node.mark, "JF124", f"{what} is {quoted(text.value)}; {way_out}")
        return None
    return int(found[1]) * 100 + int((found[2] or "").ljust(2, "0"))


def _check_sum(holdout: int, variants: tuple[ExperimentVariant, ...], mark: Mark, report: Report) -> None:
    """Unless one of the shares has been reported already."""
    total = holdout + sum(variant.share for variant in variants)
    if total == _ALL or not all(variant.share for variant in variants):
        return
    whole = "the shares and the holdout" if holdout else "the shares"
    way_out = f"{_percent(abs(_ALL - total))} {'more are missing' if total < _ALL else 'are too much'}"
    report.add(mark, "JF124", f"{whole} add up to {_percent(total)} and have to be 100%; {way_out}")


def _percent(hundredths: int) -> str:
    return f"{hundredths / 100:.10g}%"
