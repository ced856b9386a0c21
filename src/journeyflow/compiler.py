"""A checked definition becomes a plan: flat, in topological order, all jumps forward, one `End`, last.

The text `end` is a jump to that `End`. Where paths meet again they jump to the same step, so nothing
is copied but segments, which a plan holds itself so that it never changes.
"""

from collections.abc import Mapping
from typing import Any, Literal, assert_never

from journeyflow import conditions as c
from journeyflow import plan as p
from journeyflow.design import design
from journeyflow.digests import digest
from journeyflow.errors import PlanError
from journeyflow.language import definition as d
from journeyflow.language.walk import all_steps, step_lists

END_PATH = "end"


def compile_journey(journey: d.Journey, segments: Mapping[str, d.Segment]) -> p.Plan:
    """`segments` must hold every segment the journey uses, without circles; PlanError otherwise."""
    conditions = _Conditions(segments)
    end = _size(journey.steps)
    lowering = _Lowering(conditions, end, journey.goal)
    steps = lowering.lower(journey.steps, at=0, after=end)
    return p.Plan(
        journey=journey.name.value,
        title=journey.title,
        category=journey.category.value,
        priority=journey.priority,
        enter=_entry(journey.enter, conditions),
        steps=(*steps, p.End(END_PATH)),
        when=conditions.compile(journey.when) if journey.when else c.ALWAYS,
        again=journey.again,
        exits=tuple(_exit(rule, conditions) for rule in journey.exits),
        goal=_goal(journey.goal) if journey.goal else None,
        topic=journey.topic.value if journey.topic else "",
        spread=journey.spread,
    )


def compile_designs(journey: d.Journey, segments: Mapping[str, d.Segment]) -> dict[str, dict[str, Any]]:
    """What `design` makes of the experiments, by name; raises as `compile_journey` does."""
    lowering = _Lowering(_Conditions(segments), _size(journey.steps), journey.goal)
    found = [step for step in all_steps(journey.steps) if isinstance(step, d.ExperimentStep)]
    return {step.name.value: lowering.design(step) for step in found}


def compile_segment(name: str, segments: Mapping[str, d.Segment]) -> c.Condition:
    """The condition of the segment, with those of the segments it uses copied in."""
    return _Conditions(segments).segment(name)


class _Conditions:
    """Compiles conditions; each segment once."""

    def __init__(self, segments: Mapping[str, d.Segment]) -> None:
        self._segments = segments
        self._compiled: dict[str, c.Condition] = {}
        self._open: set[str] = set()

    def segment(self, name: str) -> c.Condition:
        if name not in self._segments or name in self._open:
            raise PlanError(f"segments/{name}", "the segment is unknown or uses itself; run the check first")
        if name not in self._compiled:
            self._open.add(name)
            self._compiled[name] = self.compile(self._segments[name].condition)
            self._open.remove(name)
        return self._compiled[name]

    def compile(self, condition: d.Condition) -> c.Condition:
        match condition:
            case d.AllOf() | d.AnyOf():
                several = c.All if isinstance(condition, d.AllOf) else c.Any
                return several(tuple(map(self.compile, condition.of)))
            case d.NotThis():
                return c.Not(self.compile(condition.of))
            case d.SegmentCondition():
                return c.InSegment(condition.segment.value, self.segment(condition.segment.value))
            case d.AttributeCondition() | d.TriggerCondition() | d.RfmCondition():
                return _comparing(condition)
            case d.ConsentCondition():
                return c.Consent(condition.channel.value, condition.topic.value if condition.topic else "")
            case d.MessageCondition():
                channel = condition.channel.value if condition.channel else None
                return c.Message(condition.template.value, condition.was, channel, condition.within)
            case d.EventCondition():
                return _history(condition)
            case _:
                assert_never(condition)


def _comparing(condition: d.AttributeCondition | d.TriggerCondition | d.RfmCondition) -> c.Condition:
    match condition:
        case d.AttributeCondition():
            return c.Attribute(_tests(condition.tests))
        case d.TriggerCondition():
            return c.Trigger(_tests(condition.tests))
        case d.RfmCondition():
            return c.Rfm(_tests(condition.tests))


class _Lowering:
    def __init__(self, conditions: _Conditions, end: int, goal: d.Goal | None) -> None:
        self._conditions = conditions
        self._end = end
        self._goal = goal

    def lower(self, steps: tuple[d.Step, ...], at: int, after: int) -> tuple[p.Step, ...]:
        """`steps` as they stand from number `at` on; behind them it goes on at number `after`."""
        found: list[p.Step] = []
        for number, step in enumerate(steps):
            here = at + len(found)
            behind = self._start(steps[number + 1 :], here + _size((step,)), after)
            found += self._step(step, here, behind)
        return tuple(found)

    def _start(self, steps: tuple[d.Step, ...], at: int, after: int) -> int:
        """Where a customer goes who comes to `steps`, which stand from `at` on."""
        if not steps:
            return after
        return self._end if isinstance(steps[0], d.EndStep) else at

    def _step(self, step: d.Step, here: int, behind: int) -> tuple[p.Step, ...]:
        match step:
            case d.EndStep():
                return ()
            case d.WaitForStep():
                return self._wait_for(step, here, behind)
            case d.BranchStep():
                return self._branch(step, here, behind)
            case d.ExperimentStep():
                return self._experiment(step, here, behind)
            case _:
                return (_single(step, behind),)

    def _wait_for(self, step: d.WaitForStep, here: int, behind: int) -> tuple[p.Step, ...]:
        (then, otherwise), inner = self._arms((step.then, step.otherwise), here + 1, behind)
        events = tuple(_event(event.value, step.where) for event in step.events)
        return (p.WaitFor(step.path, events, step.timeout, then, otherwise), *inner)

    def _branch(self, step: d.BranchStep, here: int, behind: int) -> tuple[p.Step, ...]:
        lists = (*(arm.then for arm in step.arms), step.otherwise)
        (*starts, otherwise), inner = self._arms(lists, here + 1, behind)
        arms = tuple(
            p.Arm(self._conditions.compile(arm.when), to) for arm, to in zip(step.arms, starts, strict=True)
        )
        return (p.Branch(step.path, arms, otherwise), *inner)

    def _experiment(self, step: d.ExperimentStep, here: int, behind: int) -> tuple[p.Step, ...]:
        starts, inner = self._arms(tuple(variant.steps for variant in step.variants), here + 1, behind)
        variants = tuple(
            p.Variant(variant.name.value, variant.share, to)
            for variant, to in zip(step.variants, starts, strict=True)
        )
        split = p.Split(
            path=step.path,
            experiment=step.name.value,
            holdout=step.holdout,
            variants=variants,
            metric=_metric(step, self._goal),
            guardrails=step.guardrails,
            decide=step.decide,
            design=digest(self.design(step)),
        )
        return (split, *inner)

    def design(self, step: d.ExperimentStep) -> dict[str, Any]:
        """Each variant is lowered by itself, so that what stands around the experiment is no part of it."""
        sizes = [_size(variant.steps) for variant in step.variants]
        ways = [
            _Lowering(self._conditions, size + 1, self._goal).lower(variant.steps, at=0, after=size)
            for variant, size in zip(step.variants, sizes, strict=True)
        ]
        shares = [(variant.name.value, variant.share) for variant in step.variants]
        return design(step.holdout, shares, ways, _metric(step, self._goal), step.decide)

    def _arms(
        self, lists: tuple[tuple[d.Step, ...], ...], at: int, behind: int
    ) -> tuple[list[int], list[p.Step]]:
        """Where each list starts, and all their steps one after the other."""
        starts: list[int] = []
        found: list[p.Step] = []
        for steps in lists:
            starts.append(self._start(steps, at + len(found), behind))
            found += self.lower(steps, at + len(found), behind)
        return starts, found


def _single(
    step: d.SendStep
    | d.WebhookStep
    | d.WaitStep
    | d.WaitUntilStep
    | d.WaitUntilDateStep
    | d.WaitBestTimeStep
    | d.UpdateStep
    | d.JourneyStep,
    behind: int,
) -> p.Step:
    """A step that has none inside."""
    match step:
        case d.SendStep():
            if_capped = p.IfCapped(step.if_capped, step.up_to)
            resends = step.when_unknown is not None and step.when_unknown.value == "resend"
            when_unknown: Literal["leave", "resend"] = "resend" if resends else "leave"
            template = step.template.value
            return p.Send(step.path, behind, step.channel.value, template, if_capped, when_unknown)
        case d.WebhookStep():
            return p.Webhook(
                step.path, behind, step.url, tuple(p.Datum(one.name, one.value) for one in step.body)
            )
        case d.WaitStep():
            return p.Wait(step.path, behind, step.seconds)
        case d.WaitUntilStep():
            return p.WaitUntil(step.path, behind, step.at, step.days)
        case d.WaitUntilDateStep():
            return p.WaitUntilDate(step.path, behind, step.attribute.value, step.at, step.offset)
        case d.WaitBestTimeStep():
            events = tuple(dict.fromkeys(event.value for event in step.events))
            return p.WaitBestTime(step.path, behind, events, step.within, step.otherwise)
        case d.UpdateStep():
            changes = tuple(p.Change(x.attribute.value, x.do, x.value) for x in step.changes)
            return p.Update(step.path, behind, changes)
        case d.JourneyStep():
            return p.HandOver(step.path, behind, step.journey.value)
        case _:
            assert_never(step)


def _size(steps: tuple[d.Step, ...]) -> int:
    """How many steps of the plan they become."""
    total = 0
    for step in steps:
        own = 0 if isinstance(step, d.EndStep) else 1
        total += own + sum(map(_size, step_lists(step)))
    return total


def _entry(entry: d.Entry, conditions: _Conditions) -> p.Entry:
    match entry:
        case d.EventEntry():
            return p.EnterByEvent(_match(entry.pattern))
        case d.DateEntry():
            return p.EnterByDate(entry.attribute.value, entry.at, entry.offset, entry.yearly, entry.leap_day)
        case d.SegmentEntry():
            return p.EnterBySegment(entry.segment.value, conditions.segment(entry.segment.value))
        case d.ScheduleEntry():
            return p.EnterBySchedule(entry.cron)
        case d.ManualEntry():
            return p.EnterByHand()
        case _:
            assert_never(entry)


def _exit(rule: d.Exit, conditions: _Conditions) -> p.ExitRule:
    event = _match(rule.event) if rule.event else None
    when = conditions.compile(rule.when) if rule.when else None
    return p.ExitRule(rule.path, event, when, rule.leaves.value if rule.leaves else None)


def _goal(goal: d.Goal) -> p.Goal:
    return p.Goal(_match(goal.pattern), goal.within, goal.value)


def _metric(step: d.ExperimentStep, goal: d.Goal | None) -> p.Metric | None:
    """What the experiment says, else the journey's goal, counted from exposure instead of from entry."""
    if step.metric is not None:
        found = step.metric
        return p.Metric(_match(found.pattern), found.within, found.value, found.most, found.better)
    if goal is None or goal.within is None:
        return None
    return p.Metric(_match(goal.pattern), goal.within, goal.value)


def _history(condition: d.EventCondition) -> c.History:
    return c.History(
        match=_match(condition.pattern),
        within=condition.within,
        since_entry=condition.since_entry,
        count=_tests(condition.count),
        sum=_tests(condition.sum),
        first=_pick(condition.first),
        most_recent=_pick(condition.most_recent),
    )


def _pick(pick: d.EventPick | None) -> c.Pick | None:
    return c.Pick(pick.within, _tests(pick.where)) if pick else None


def _match(pattern: d.EventPattern) -> c.EventMatch:
    return _event(pattern.event.value, pattern.where)


def _event(name: str, where: tuple[d.Comparison, ...]) -> c.EventMatch:
    """What programs do that open and follow links ahead of people counts only where it is asked for."""
    tests = _tests(where)
    if name in p.BY_READERS and all(test.name != p.MACHINE for test in tests):
        tests = (*tests, c.Test(p.MACHINE, "is_not", True))
    return c.EventMatch(name, tests)


def _tests(tests: tuple[d.Comparison, ...]) -> tuple[c.Test, ...]:
    return tuple(c.Test(test.name, test.op, test.value) for test in tests)
