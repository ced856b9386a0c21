"""What delivery works with, the same for every message of a worker."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from journeyflow.delivery.catalogue import Catalogue
from journeyflow.delivery.channels.base import Channel
from journeyflow.delivery.slots import Slots
from journeyflow.engine.programme import Programme
from journeyflow.messages.links import Links
from journeyflow.messages.render import Renderer
from journeyflow.store.database import Store

Pause = tuple[datetime, str]  # until when, and why


@dataclass(frozen=True, slots=True)
class Courier:
    store: Store
    channels: Mapping[str, Channel]
    programme: Programme = field(default_factory=Programme)
    catalogue: Catalogue = field(default_factory=Catalogue)
    renderer: Renderer = field(default_factory=Renderer)
    links: Links | None = None  # None: no template may use one
    most: int | None = None  # messages that one attempt hands over, where a rate is to be kept
    _slots: dict[str, Slots] = field(default_factory=dict, repr=False)
    _pauses: dict[str, Pause] = field(default_factory=dict, repr=False)

    def slots(self, channel: str) -> Slots:
        """Of all deliveries on the channel."""
        return self._slots.setdefault(channel, Slots(self.channels[channel].batch))

    def leave_alone(self, channel: str, until: datetime, reason: str) -> None:
        """The provider said so to one delivery, and means all."""
        self._pauses[channel] = max(self._pauses.get(channel, (until, reason)), (until, reason))

    def pause(self, channel: str, now: datetime) -> Pause | None:
        pause = self._pauses.get(channel)
        return pause if pause is not None and now < pause[0] else None
