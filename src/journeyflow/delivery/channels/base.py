"""What a channel is asked to do, and the only four things that can come of it."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from journeyflow.policy import Sender


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A rendered message. What is personal in it stays out of its `repr`, and so out of logs."""

    message_id: int  # of the ledger
    channel: str  # email | sms | webhook
    to: str = field(repr=False)
    sender: Sender
    at: datetime  # the time of handing over, for the date header
    subject: str | None = field(repr=False)  # only of e-mail
    html: str | None = field(repr=False)  # only of e-mail
    text: str = field(repr=False)
    unsubscribe_url: str | None = field(default=None, repr=False)  # only of e-mail that needs consent
    counts_clicks: bool = False  # our own links do, so the provider must not rewrite them
    counts_opens: bool = False


@dataclass(frozen=True, slots=True)
class Sought:
    """A message of which nobody knows whether the provider has it."""

    message_id: int
    to: str = field(repr=False)
    sender: Sender
    claimed_at: datetime  # it was handed over then or a little later, if at all
    taken: frozenset[str] = frozenset()  # what the provider calls other messages of ours to this address
    doubled: bool = False  # another message of ours to this address from about then is in doubt as well
    moved: bool = False  # the customer was changed since, so it may have gone to another address


@dataclass(frozen=True, slots=True)
class Accepted:
    """The provider has it."""

    provider_id: str


@dataclass(frozen=True, slots=True)
class Rejected:
    """The provider has not got it and will never take it. Its words quote neither message nor address."""

    code: str  # a reply code of the provider's, or a word of ours
    reason: str
    address_is_dead: bool = False  # nothing will ever reach this address: suppress it
    opted_out: bool = False  # whoever has the address has told the provider to stop: as if they had told us


@dataclass(frozen=True, slots=True)
class Throttled:
    """The provider has not got it, and may take it later: the fault is not the message's.

    The reason is logged and told to Temporal: it quotes neither message nor address.
    """

    retry_after: float  # seconds
    reason: str
    alone: bool = False  # says nothing about other messages: they may go on


@dataclass(frozen=True, slots=True)
class Ambiguous:
    """The provider may or may not have it."""

    reason: str


@dataclass(frozen=True, slots=True)
class Unanswerable:
    """The answer of a channel that keeps no record one could ask, or of one that cannot be asked now."""

    for_now: bool = False  # the same question may be answered later


Outcome = Accepted | Rejected | Throttled | Ambiguous


class Channel(Protocol):
    batch: int  # messages that may be in flight at once; after a crash at most these are in doubt

    async def send(self, message: Outgoing) -> Outcome:
        """Hands over one message. Raises for faults of ours alone; the provider's are outcomes.

        A ConfigurationError is raised before anything is handed over; any other error leaves doubt.
        """
        ...

    async def lookup(self, sought: Sought) -> Accepted | Unanswerable | None:
        """Whether an earlier `send` of this message was accepted; None: certainly not."""
        ...

    async def close(self) -> None: ...
