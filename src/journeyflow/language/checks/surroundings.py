"""What a journey is checked against. None: not known, so nothing is said about it."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from journeyflow.language.definition import Segment
from journeyflow.policy import Policy


@dataclass(frozen=True, slots=True)
class Surroundings:
    segments: Mapping[str, Segment] | None
    policy: Policy | None
    templates: Collection[tuple[str, str]] | None  # (name, channel)
