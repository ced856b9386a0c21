"""Whether a customer may be written to: an address that is not suppressed, and consent."""

from sqlalchemy import (
    ColumnElement,
    FromClause,
    Text,
    and_,
    case,
    cast,
    exists,
    func,
    literal,
    null,
    or_,
    select,
)

from journeyflow.audience.suppression import STOPPED
from journeyflow.plan import WEBHOOK
from journeyflow.policy import Category
from journeyflow.store.customers import consents, suppressions
from journeyflow.store.hashing import address_hash

NO_CONSENT = "none"  # what `consent_state` is where nobody has decided

_AGREED = consents.alias("agreed")  # in subqueries of its own


def consent_state(channel: str, topic: str, customer: FromClause) -> ColumnElement[str]:
    """granted, denied or pending: that of the topic, without one that of the channel, else NO_CONSENT."""
    whole = _state(channel, "", customer)
    own = [_state(channel, topic, customer)] if topic else []
    return func.coalesce(*own, whole, literal(NO_CONSENT))


def refused_by(
    channel: str, category: Category, topic: str, customer: FromClause, has_bought: ColumnElement[bool] | None
) -> ColumnElement[str | None]:
    """The first rule that refuses the message, else NULL: no-address, suppressed, or consent.

    Who said STOP is answered and gets receipts: that suppresses only what needs consent.
    `has_bought` says whether the category's `bought` holds; needed only for a soft opt-in.
    """
    if channel == WEBHOOK:
        return cast(null(), Text)
    address = customer.c.email if channel == "email" else customer.c.phone
    hashed = address_hash(literal(channel), address)
    suppressed = exists().where(suppressions.c.channel == channel, suppressions.c.hash == hashed)
    if category.consent == "not-required":
        suppressed = suppressed.where(suppressions.c.reason != STOPPED)
    rules = [(address.is_(None), "no-address"), (suppressed, "suppressed")]
    if category.consent != "not-required":
        rules.append((~_agrees(consent_state(channel, topic, customer), has_bought), "consent"))
    return case(*rules, else_=None)


def _agrees(state: ColumnElement[str], has_bought: ColumnElement[bool] | None) -> ColumnElement[bool]:
    """A buyer who has not decided yet counts as willing under a soft opt-in (ePrivacy directive, 13(2))."""
    granted = state == "granted"
    return granted if has_bought is None else or_(granted, and_(state == NO_CONSENT, has_bought))


def _state(channel: str, topic: str, customer: FromClause) -> ColumnElement[str]:
    row = _AGREED
    return (
        select(row.c.state)
        .where(row.c.customer_id == customer.c.id, row.c.channel == channel, row.c.topic == topic)
        .correlate_except(row)
        .scalar_subquery()
    )
