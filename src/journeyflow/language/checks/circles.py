"""Things that use each other in a circle."""

from collections.abc import Collection, Iterator, Mapping


def circles(uses: Mapping[str, Collection[str]]) -> Iterator[list[str]]:
    """A shortest circle through each name, unless it shares a name with an earlier one."""
    seen: set[str] = set()
    for name in uses:
        circle = _circle(name, uses)
        if circle and not seen & set(circle):
            seen |= set(circle)
            yield circle


def in_order(uses: Mapping[str, Collection[str]], start: str) -> list[str]:
    """All that `start` uses, and itself at last: each behind those that it uses, but for circles."""
    left, opened, done = [start], set[str](), dict[str, None]()
    while left:
        name = left[-1]
        if name in opened:
            done[left.pop()] = None
        else:
            opened.add(name)
            left += [used for used in uses[name] if used in uses and used not in opened]
    return list(done)


def _circle(start: str, uses: Mapping[str, Collection[str]]) -> list[str]:
    """A shortest way from `start` back to itself; empty if it only leads into a circle."""
    came_from: dict[str, str] = {}
    front = [start]
    while front:
        name = front.pop(0)
        for following in sorted(set(uses[name]) & uses.keys()):
            if following == start:
                return _way_back(name, came_from)
            if following not in came_from:
                came_from[following] = name
                front.append(following)
    return []


def _way_back(name: str, came_from: Mapping[str, str]) -> list[str]:
    way = [name]
    while way[-1] in came_from:
        way.append(came_from[way[-1]])
    return way[::-1]
