"""Templates that give a code away: `coupon: birthday-10` in the front matter names the pool it comes from."""

import re

from journeyflow.messages.problems import BadTemplate
from journeyflow.messages.source import Source
from journeyflow.sandbox import COUPON, parse_jinja, paths

POOL = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
POOL_FORM = "a name in small letters, digits and hyphens, such as birthday-10"

_KEY = re.compile(rf"^{COUPON}:", re.MULTILINE)
_USE = re.compile(rf"\b{COUPON}\b(?=[^{{}}]*[}}%]}})")


def check_coupon(source: Source, *parts: str) -> str | None:
    """The pool, if there is one. Raises BadTemplate when it is misspelt, not used, or used and not named."""
    pool = source.values.get(COUPON)
    is_used = any(COUPON in paths(parse_jinja(part)) for part in parts)
    message = _unnamed(source, is_used) if pool is None else _misnamed(pool, is_used)
    if message:
        # A part that an e-mail includes, or that stands in email.txt, is not searched.
        found = (_USE if pool is None else _KEY).search(source.whole)
        raise BadTemplate(source.problem(found.start() if found else 0, message))
    return pool


def _unnamed(source: Source, is_used: bool) -> str:
    if is_used:
        return (
            'there is no pool to take the "coupon" from; name one in the front matter: "coupon: birthday-10"'
        )
    if COUPON in source.defaults:
        return (
            'there is a default for "coupon" and no pool; name one in the front matter: "coupon: birthday-10"'
        )
    return ""


def _misnamed(pool: str, is_used: bool) -> str:
    if not POOL.fullmatch(pool):
        return f"the pool of coupons should be {POOL_FORM}"
    if not is_used:
        return f'a code is taken from "{pool}" and never shown; write {{{{ coupon }}}} where it should stand'
    return ""
