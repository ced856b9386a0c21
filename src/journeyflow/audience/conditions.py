"""A condition as one SQL expression over many customers at once, true or false and never NULL."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Any as Anything
from typing import assert_never

from sqlalchemy import (
    Boolean,
    ColumnElement,
    FromClause,
    Select,
    Subquery,
    and_,
    exists,
    false,
    func,
    literal,
    not_,
    or_,
    select,
    true,
    type_coerce,
)

from journeyflow.audience import expressions, json_sql
from journeyflow.audience.json_sql import Number
from journeyflow.audience.permission import consent_state
from journeyflow.conditions import (
    All,
    Any,
    Attribute,
    Condition,
    Consent,
    EventMatch,
    History,
    InSegment,
    Message,
    Not,
    Pick,
    Rfm,
    Test,
    Trigger,
    Which,
)
from journeyflow.errors import PlanError
from journeyflow.store.customers import events
from journeyflow.store.ledger import WAS, messages
from journeyflow.store.segments import rfm

COLUMNS = ("email", "phone", "timezone", "locale", "country")  # attributes with a column of their own
# In subqueries of their own, so all conditions share them: to make one costs as much as the query around it.
PAST, _MESSAGE, _RFM = events.alias("past"), messages.alias("message"), rfm.alias("standing")
_MOST_GATHERED = 8  # at once; SQLite joins no more than 64 tables
_DECIMALS = 6  # sums are rounded, as SQLite adds 0.1 and 0.7 to a little less than 0.8


@dataclass(frozen=True, slots=True)
class Range:
    """Customers above the number `low`, up to `high`.

    What they all did is looked through once, which for many is less work than a look for each of them. The
    query around has to select from `joined`, once its conditions are made.
    """

    low: int
    high: int
    _gathered: list[Subquery] = field(default_factory=list)

    def gathers(self, condition: History) -> bool:
        """Not what depends on more than the condition's own name, times and numbers."""
        named = (condition.match, condition.within, False, condition.count, condition.sum)
        return condition == History(*named) and len(self._gathered) < _MOST_GATHERED

    def gather(self, events_of_each: Select[Anything]) -> Subquery:
        self._gathered.append(events_of_each.subquery())
        return self._gathered[-1]

    def joined(self, people: FromClause, number: ColumnElement[int]) -> FromClause:
        """`people`, whose numbers are given, beside what was gathered about each."""
        for gathered in self._gathered:
            people = people.outerjoin(gathered, gathered.c.customer_id == number)
        return people


@dataclass(frozen=True, slots=True)
class Frame:
    """Where a condition looks. The query around it selects from all that is named here."""

    customer: FromClause  # has the columns of `customers`
    now: datetime
    trigger: FromClause | None = (
        None  # has the columns of `events`: what brought the customer in; may be all NULL
    )
    since: ColumnElement[datetime] | None = None  # for `since: entry`: events after it count
    range: Range | None = None  # for a query about all in it


def holds(condition: Condition, frame: Frame) -> ColumnElement[bool]:
    match condition:
        case All(of):
            return and_(true(), *(holds(part, frame) for part in of))
        case Any(of):
            return or_(false(), *(holds(part, frame) for part in of))
        case Not(of):
            return type_coerce(not_(holds(of, frame)), Boolean)
        case InSegment():
            return holds(condition.condition, frame)
        case _:
            return _of_customer(condition, frame)


def counted(condition: History, frame: Frame) -> ColumnElement[Anything]:
    """How many of the events there are."""
    return _over(PAST, _count(), condition, frame)


def summed(condition: History, name: str, frame: Frame) -> ColumnElement[Anything]:
    """The sum of the events' property `name`."""
    return _over(PAST, sum_of(PAST, name), condition, frame)


def picked(
    condition: History, which: Which, value: ColumnElement[Anything], frame: Frame
) -> ColumnElement[Anything]:
    """The value of the oldest or the newest of the events, an expression over `PAST`; NULL without any."""
    order = (PAST.c.at, PAST.c.id)
    query = select(value).select_from(PAST).where(_meant(condition, frame, PAST))
    query = query.order_by(*(order if which == "first" else (column.desc() for column in order))).limit(1)
    return query.correlate_except(PAST).scalar_subquery()


def asks_of_trigger(condition: Condition) -> bool:
    """Whether it needs the frame's `trigger`."""
    match condition:
        case All(of) | Any(of):
            return any(map(asks_of_trigger, of))
        case Not(of):
            return asks_of_trigger(of)
        case InSegment():
            return asks_of_trigger(condition.condition)
        case _:
            return isinstance(condition, Trigger)


def matches(match: EventMatch, events: FromClause) -> ColumnElement[bool]:
    """Whether a row of `events` has the name and passes the tests on its properties."""
    return and_(events.c.name == match.event, *_properties(match.where, events))


def _of_customer(
    condition: Attribute | Trigger | Consent | History | Message | Rfm, frame: Frame
) -> ColumnElement[bool]:
    match condition:
        case Attribute(tests):
            return and_(true(), *(expressions.holds(test, _attribute(test, frame)) for test in tests))
        case Trigger(tests):
            return _trigger(tests, frame)
        case Consent():
            return _consent(condition, frame)
        case History():
            return _history(condition, frame)
        case Message():
            return _message(condition, frame)
        case Rfm():
            return _rfm(condition, frame)
        case _:
            assert_never(condition)


def _attribute(test: Test, frame: Frame) -> expressions.Value:
    if test.name in COLUMNS:
        return expressions.text_column(frame.customer.c[test.name])
    return expressions.member(frame.customer.c.attributes, test.name)


def _properties(tests: Iterable[Test], events: FromClause) -> list[ColumnElement[bool]]:
    return [expressions.holds(test, expressions.member(events.c.properties, test.name)) for test in tests]


def _trigger(tests: tuple[Test, ...], frame: Frame) -> ColumnElement[bool]:
    if frame.trigger is None:
        return false()
    return and_(frame.trigger.c.id.is_not(None), *_properties(tests, frame.trigger))


def _consent(condition: Consent, frame: Frame) -> ColumnElement[bool]:
    return consent_state(condition.channel, condition.topic, frame.customer) == "granted"


def _history(condition: History, frame: Frame) -> ColumnElement[bool]:
    if frame.range is not None and frame.range.gathers(condition):
        return _in_range(condition, frame, frame.range)
    asked = [_like(pick, which, condition, frame) for which, pick in condition.picks.items()]
    if condition.count or condition.sum:
        amount = _amount(condition, _count(), partial(sum_of, PAST))
        asked.append(_over(PAST, amount, condition, frame))
    return and_(*asked) if asked else exists().where(_meant(condition, frame, PAST)).correlate_except(PAST)


def _like(pick: Pick, which: Which, condition: History, frame: Frame) -> ColumnElement[bool]:
    tests = _properties(pick.where, PAST)
    if pick.within is not None:
        tests.append(PAST.c.at > frame.now - timedelta(seconds=pick.within))
    return func.coalesce(picked(condition, which, and_(true(), *tests), frame), false())


def _in_range(condition: History, frame: Frame, range: Range) -> ColumnElement[bool]:
    """Each customer with events has a row; what holds without any is known."""
    meant = (matches(condition.match, PAST), *_period(condition, frame, PAST))
    amount = _amount(condition, _count(), partial(sum_of, PAST))
    query = select(PAST.c.customer_id, amount.label("holds"))
    query = query.where(PAST.c.customer_id > range.low, PAST.c.customer_id <= range.high, *meant)
    gathered = range.gather(query.group_by(PAST.c.customer_id))
    nothing = literal(0, Number)
    is_asked_of_none = condition.count or condition.sum
    without = _amount(condition, nothing, lambda _: nothing) if is_asked_of_none else false()
    return func.coalesce(gathered.c.holds, without)


def _amount(
    condition: History, count: ColumnElement[Anything], sum_of: Callable[[str], ColumnElement[Anything]]
) -> ColumnElement[bool]:
    tests = [expressions.holds(test, expressions.number(count)) for test in condition.count]
    tests += [expressions.holds(test, expressions.number(sum_of(test.name))) for test in condition.sum]
    return and_(true(), *tests)


def _over(
    past: FromClause, value: ColumnElement[Anything], condition: History, frame: Frame
) -> ColumnElement[Anything]:
    """The value, computed over the events that the condition is about."""
    query = select(value).select_from(past).where(_meant(condition, frame, past))
    return query.correlate_except(past).scalar_subquery()


def _meant(condition: History, frame: Frame, past: FromClause) -> ColumnElement[bool]:
    theirs = past.c.customer_id == frame.customer.c.id
    return and_(theirs, matches(condition.match, past), *_period(condition, frame, past))


def _period(condition: History, frame: Frame, past: FromClause) -> list[ColumnElement[bool]]:
    limits = [past.c.at <= frame.now]
    if condition.within is not None:
        limits.append(past.c.at > frame.now - timedelta(seconds=condition.within))
    if condition.since_entry:
        if frame.since is None:
            raise PlanError(condition.match.event, '"since: entry" is asked where nobody has entered yet')
        limits.append(past.c.at > frame.since)
    return limits


def _message(condition: Message, frame: Frame) -> ColumnElement[bool]:
    row = _MESSAGE
    asked = [
        row.c.customer_id == frame.customer.c.id,
        row.c.template == condition.template,
        row.c.state.in_(WAS[condition.was]),
    ]
    if condition.channel is not None:
        asked.append(row.c.channel == condition.channel)
    if condition.within is not None:
        left = func.coalesce(row.c.sent_at, row.c.at)
        asked.append(left > frame.now - timedelta(seconds=condition.within))
    return exists().where(*asked).correlate_except(row)


def _rfm(condition: Rfm, frame: Frame) -> ColumnElement[bool]:
    row = _RFM
    tests = [expressions.holds(test, _amounts(row.c[test.name])) for test in condition.tests]
    return exists().where(row.c.customer_id == frame.customer.c.id, *tests).correlate_except(row)


def _amounts(column: ColumnElement[Anything]) -> expressions.Value:
    return expressions.text_column(column) if column.name == "class" else expressions.number(column)


def _count() -> ColumnElement[Anything]:
    return func.count()


def sum_of(past: FromClause, name: str) -> ColumnElement[Anything]:
    total = func.coalesce(func.sum(json_sql.number_at(past.c.properties, name)), literal(0, Number))
    return func.round(total, _DECIMALS, type_=Number)
