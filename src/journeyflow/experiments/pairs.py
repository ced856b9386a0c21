"""Which two variants keep a test open."""

from collections.abc import Sequence

from journeyflow.experiments.verdict import HOLDOUT, Comparison, Counts, Rules, Verdict, assess, sample


def closest(counted: Sequence[Counts], rules: Rules, verdict: Verdict) -> Comparison | None:
    """The variant that looks best and the best of those that it does not beat beyond doubt; who breaks a
    guardrail is none of them. The control is the one that is written first. None: there is one variant only.
    """
    variants = [one for one in counted if one.arm != HOLDOUT]
    if len(variants) < 2:
        return None
    best, *others = _ranked(variants, rules, verdict)
    is_over = verdict.state == "no-difference"
    beaten = {one.arm for one in _against(best, variants, rules, is_over) if one.is_worse}
    other = next((one for one in others if one.arm not in beaten), others[0])
    control, arm = sorted((best, other), key=variants.index)
    return next(one for one in _against(control, variants, rules, is_over) if one.arm == arm.arm)


def is_any_known(counted: Sequence[Counts], rules: Rules, verdict: Verdict) -> bool:
    """Whether some variant is better than another one beyond doubt, though none is better than all."""
    variants = [one for one in counted if one.arm != HOLDOUT]
    is_over = verdict.state == "no-difference"
    pairs = (pair for one in variants for pair in _against(one, variants, rules, is_over))
    return any(pair.is_better or pair.is_worse for pair in pairs)


def _against(
    control: Counts, variants: Sequence[Counts], rules: Rules, is_over: bool
) -> tuple[Comparison, ...]:
    """All others with `control`, by the level that a verdict has."""
    others = [one for one in variants if one != control]
    return assess([control, *others], rules, is_over).against_first


def _ranked(variants: Sequence[Counts], rules: Rules, verdict: Verdict) -> list[Counts]:
    """The best first; two at least."""
    broken = {one.arm for one in verdict.breaches}
    fit = [one for one in variants if one.arm not in broken]
    sign = 1 if rules.metric.better == "more" else -1
    return sorted(
        fit if len(fit) > 1 else variants,
        key=lambda one: sample(one, rules.metric).mean * sign,
        reverse=True,
    )
