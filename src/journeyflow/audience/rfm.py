"""What customers' purchases amount to, as SQL over all of them at once: quintiles, and a class by them.

Recency, frequency and monetary value in fifths are the method of A. M. Hughes ("Strategic Database
Marketing", 1994). His fifths cut through people who are alike, and of the customers of a shop half may have
bought just once. Here whoever is equal gets the same: the quintile of the middle of the ranks that they share
(I. Bross, "How to Use Ridit Analysis", Biometrics 14, 1958), so that all are in the third if all are equal.

The classes stand in `docs/rfm.md` with their reasons. Whoever bought once is never more than new, whatever
they paid. Fifths compare customers with each other only: where everybody came this month somebody is still
in the last fifth, and where most are gone for good somebody in the first came two years ago. So whoever
bought in the last 30 days counts as recent, and whoever did not in a year does not, whatever the fifth.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    FromClause,
    Select,
    Subquery,
    Text,
    and_,
    case,
    cast,
    exists,
    extract,
    func,
    literal,
    or_,
    select,
)

from journeyflow.audience.conditions import sum_of
from journeyflow.policy import DAY, Purchases
from journeyflow.rfm import QUINTILES, Class
from journeyflow.store.customers import events
from journeyflow.store.segments import rfm

FRESH, STALE = 30, 365  # days since the last purchase: recent at least so long, and never longer
STANDING = ("customer_id", *QUINTILES, "class")


def standings(purchases: Purchases, now: datetime) -> Subquery:
    """Of each customer with a purchase: `STANDING`, and what it was made of (`days`, `number`, `paid`)."""
    scored = _scored(purchases, now)
    return select(scored, class_by(scored).label("class")).subquery("standings")


def changes(purchases: Purchases, now: datetime, since: datetime) -> Select[Any]:
    """`STANDING` of those whose is another than is stored, or was computed before `since`; by customer."""
    new = standings(purchases, now)
    differs = (rfm.c[name] != new.c[name] for name in STANDING)
    return (
        select(*(new.c[name] for name in STANDING))
        .outerjoin_from(new, rfm, rfm.c.customer_id == new.c.customer_id)
        .where(or_(rfm.c.customer_id.is_(None), rfm.c.at < since, *differs))
        .order_by(new.c.customer_id)
    )


def without_purchases(purchases: Purchases, now: datetime) -> Select[Any]:
    """Customers who are stored and have none left."""
    theirs = exists().where(events.c.customer_id == rfm.c.customer_id, _bought(purchases, now))
    return select(rfm.c.customer_id).where(~theirs).order_by(rfm.c.customer_id)


def figures(purchases: Purchases, now: datetime) -> Select[Any]:
    """Of each class its `size`, and the medians of `days`, `number` and `paid` (of two the lower)."""
    each = standings(purchases, now)
    group = each.c["class"]
    measures = ("days", "number", "paid")
    places = [
        func.row_number().over(partition_by=group, order_by=each.c[name]).label(f"place_{name}")
        for name in measures
    ]
    size = func.count().over(partition_by=group).label("size")
    ranked = select(group, *(each.c[name] for name in measures), *places, size).subquery("ranked")
    middle = (ranked.c.size + 1) // 2
    medians = [
        func.max(case((ranked.c[f"place_{name}"] == middle, ranked.c[name]))).label(name) for name in measures
    ]
    return select(ranked.c["class"], ranked.c.size, *medians).group_by(ranked.c["class"], ranked.c.size)


def class_by(scored: FromClause) -> ColumnElement[str]:
    recency, frequency, monetary = (scored.c[name] for name in QUINTILES)
    came_back = scored.c.number > 1
    is_recent = or_(and_(recency >= 4, scored.c.days < STALE), scored.c.days < FRESH)
    is_worth_much = frequency + monetary >= 7
    return case(
        (and_(is_recent, ~came_back), _named("new")),
        (and_(is_recent, frequency == 5, monetary == 5), _named("champion")),
        (and_(is_recent, is_worth_much), _named("loyal")),
        (is_recent, _named("active")),
        (recency >= 3, _named("slipping")),
        (and_(recency == 2, came_back, is_worth_much), _named("slipping")),
        else_=_named("lapsed"),
    )


def _bought(purchases: Purchases, now: datetime) -> ColumnElement[bool]:
    return and_(events.c.name == purchases.event, events.c.at <= now)


def _amounts(purchases: Purchases, now: datetime) -> FromClause:
    last = cast(extract("epoch", func.max(events.c.at)), BigInteger)
    days = (literal(int(now.timestamp()), BigInteger) - last) // DAY
    return (
        select(
            events.c.customer_id,
            days.label("days"),
            func.count().label("number"),
            sum_of(events, purchases.value).label("paid"),
        )
        .where(_bought(purchases, now))
        .group_by(events.c.customer_id)
        .subquery("amounts")
    )


def _scored(purchases: Purchases, now: datetime) -> Subquery:
    amounts = _amounts(purchases, now)
    by = (amounts.c.days.desc(), amounts.c.number, amounts.c.paid)
    fifths = (_quintile(order).label(name) for name, order in zip(QUINTILES, by, strict=True))
    return select(amounts, *fifths).subquery("scored")


def _quintile(order: ColumnElement[Any]) -> ColumnElement[int]:
    """Where twice the number before, and the number of equals, stand among twice as many as all."""
    before = func.rank().over(order_by=order) - 1
    not_behind = func.count().over(order_by=order)  # those before, and all who are equal
    return 5 * (before + not_behind) // (2 * func.count().over()) + 1


def _named(name: Class) -> ColumnElement[str]:
    return literal(name, Text)
