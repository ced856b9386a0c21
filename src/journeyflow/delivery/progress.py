"""How far a message has come, by all that was told of it: in whatever order, the same in the end."""

from dataclasses import dataclass
from typing import Final

# What proves more stands later. Who opens a letter has it, whatever came back before.
_RANKS: Final = ("sent", "delivered", "failed", "bounced", "opened", "clicked")
_PROVES: Final = {
    "accepted": "sent",
    "deferred": "sent",
    "delivered": "delivered",
    "complained": "delivered",
    "unsubscribed": "delivered",
    "failed": "failed",
    "bounced": "bounced",
    "opened": "opened",
    "clicked": "clicked",
}
REPORTED: Final = ("delivered", "bounced", "opened", "clicked")  # states that only reports lead to
_WITH_REASON: Final = ("failed", "bounced")


@dataclass(frozen=True, slots=True)
class Progress:
    state: str  # of the ledger
    reason: str | None


def proven(kind: str, by_machine: bool, code: str | None) -> Progress:
    """What a report says by itself; one of a machine, that the provider had the message."""
    state = "sent" if by_machine else _PROVES[kind]
    return Progress(state, code if state in _WITH_REASON else None)


def further(one: Progress, other: Progress) -> Progress:
    """Of two reasons for the same the one that sorts first, so that their order makes no difference."""
    if _rank(one) != _rank(other):
        return max(one, other, key=_rank)
    return min(one, other, key=lambda progress: (progress.reason is None, progress.reason or ""))


def _rank(progress: Progress) -> int:
    """0: nobody knows yet whether the provider has it."""
    return _RANKS.index(progress.state) + 1 if progress.state in _RANKS else 0
