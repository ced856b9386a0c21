"""Codes for the messages that give one away, taken in the transaction that claims them."""

import logging
from collections.abc import Collection, Mapping
from datetime import datetime

from sqlalchemy import bindparam, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from journeyflow.delivery.catalogue import Locales
from journeyflow.delivery.claim import Claim
from journeyflow.errors import RenderError
from journeyflow.messages.choose import choose
from journeyflow.messages.templates import Template
from journeyflow.sandbox import COUPON
from journeyflow.store.coupons import coupons
from journeyflow.store.database import locked

_log = logging.getLogger(__name__)


async def take(
    connection: AsyncConnection,
    claims: Collection[Claim],
    templates: Mapping[str, Locales],
    default_locale: str,
    now: datetime,
) -> dict[int, str]:
    """By message, the code of each whose template names a pool, for as many as there are codes.

    One that is claimed again gets the code it has had before. A code that another transaction is just
    taking counts as gone: should that one be rolled back, its own messages will need it again.
    """
    if not any(one.coupon for locales in templates.values() for one in locales.values()):
        return {}
    pools = {claim.message: _pool(claim, templates, default_locale) for claim in claims}
    codes = await _taken(connection, [message for message, pool in pools.items() if pool])
    wanting: dict[str, list[Claim]] = {}
    for claim in claims:
        pool = pools[claim.message]
        if pool is not None and claim.message not in codes:
            wanting.setdefault(pool, []).append(claim)
    for pool, theirs in sorted(wanting.items()):
        codes |= await _take_of(connection, pool, theirs, now)
    return codes


def coupon_of(template: Template, code: str | None) -> dict[str, str]:
    """As the variable. Raises RenderError where there is neither a code nor a default."""
    if code is not None:
        return {COUPON: code}
    if template.coupon is not None and COUPON not in template.defaults:
        raise RenderError(
            f'template "{template.name}": the pool "{template.coupon}" has no code left; import more with '
            '"journeyflow coupons import"'
        )
    return {}


def _pool(claim: Claim, templates: Mapping[str, Locales], default_locale: str) -> str | None:
    try:
        locale = claim.locale or default_locale
        return choose(templates.get(claim.template, {}), locale, default_locale).coupon
    except RenderError:  # told where the message is composed
        return None


async def _taken(connection: AsyncConnection, ids: Collection[int]) -> dict[int, str]:
    query = select(coupons.c.message_id, coupons.c.code).where(coupons.c.message_id.in_(ids))
    return {row.message_id: row.code for row in await connection.execute(query)}


async def _take_of(
    connection: AsyncConnection, pool: str, claims: Collection[Claim], now: datetime
) -> dict[int, str]:
    """What expires first goes first."""
    query = (
        select(coupons.c.id, coupons.c.code)
        .where(coupons.c.pool == pool, coupons.c.taken_at.is_(None), coupons.c.expires_at > now)
        .order_by(coupons.c.expires_at, coupons.c.id)
        .limit(len(claims))
    )
    free = (await connection.execute(locked(connection, query, of=coupons, skip_locked=True))).all()
    given = list(zip(claims, free, strict=False))
    if given:
        rows = [
            {"coupon": row.id, "message": claim.message, "customer": claim.customer_id, "now": now}
            for claim, row in given
        ]
        await connection.execute(_TAKE, rows)
    if len(given) < len(claims):
        _log.warning('the pool "%s" has no code left for %d messages', pool, len(claims) - len(given))
    return {claim.message: row.code for claim, row in given}


_TAKE = (
    update(coupons)
    .where(coupons.c.id == bindparam("coupon"))
    .values(message_id=bindparam("message"), customer_id=bindparam("customer"), taken_at=bindparam("now"))
)
