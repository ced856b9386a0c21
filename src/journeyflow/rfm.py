"""The classes that customers are put into by their purchases, and what goes by their names."""

from typing import Literal

Class = Literal["lapsed", "slipping", "new", "active", "loyal", "champion"]
RANKED: tuple[Class, ...] = ("lapsed", "slipping", "new", "active", "loyal", "champion")  # the best last
QUINTILES = ("recency", "frequency", "monetary")  # 1 to 5 each, 5 is the best
READY_MADE: dict[str, Class] = {f"rfm-{name}": name for name in RANKED}  # segments that nobody has to define

MOVED_UP, MOVED_DOWN = "rfm.moved_up", "rfm.moved_down"  # events of ours, with the classes `from` and `to`


def moved(before: Class, after: Class) -> str:
    """The name of the event."""
    return MOVED_UP if RANKED.index(after) > RANKED.index(before) else MOVED_DOWN
