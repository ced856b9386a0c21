"""Reading the keys of one set of keys: each known, none forgotten, the rest reported."""

from collections.abc import Collection

from journeyflow.language.problems import Mark, Report, instead, nearest, quoted
from journeyflow.language.source import ListNode, MapNode, Node, TextNode


class Fields:
    """The entries of `node`; those that are not in `known` are reported at once."""

    def __init__(self, node: MapNode, known: Collection[str], what: str, report: Report) -> None:
        self.mark = node.mark
        self._entries = {key.value: (key, value) for key, value in node.entries}
        self._what = what
        self._report = report
        self.unknown = [key.value for key, _ in node.entries if key.value not in known]
        for name in self.unknown:
            way_out = "delete it" if len(known) == 1 else instead(name, known)
            report.add(self.key(name), "JF101", f"{what} has no key {quoted(name)}; {way_out}")

    def get(self, name: str) -> Node | None:
        entry = self._entries.get(name)
        return entry[1] if entry else None

    def key(self, name: str) -> Mark:
        """Where the key stands; the whole where it is missing."""
        entry = self._entries.get(name)
        return entry[0].mark if entry else self.mark

    def need(self, name: str, example: str) -> Node | None:
        node = self.get(name)
        if node is None and not any(nearest(word, [name]) for word in self.unknown):
            message = f'{self._what} needs the key "{name}"; add it like this: {name}: {example}'
            self._report.add(self.mark, "JF102", message)
        return node

    def refuse(self, name: str, code: str, message: str) -> None:
        """Report the key `name` if it is there."""
        if name in self._entries:
            self._report.add(self.key(name), code, message)


def as_map(node: Node, what: str, report: Report) -> MapNode | None:
    if isinstance(node, MapNode):
        return node
    report.add(node.mark, "JF104", f"{what} is {describe(node)}; write keys with values")
    return None


def as_list(node: Node, what: str, report: Report) -> ListNode | None:
    if isinstance(node, ListNode):
        return node
    report.add(node.mark, "JF104", f'{what} is {describe(node)}; write a list, each item after a "-"')
    return None


def as_text(node: Node, what: str, report: Report) -> TextNode | None:
    if isinstance(node, TextNode) and (node.value.strip() or not node.plain):
        return node
    report.add(node.mark, "JF104", f"{what} is {describe(node)}; write a single value")
    return None


def describe(node: Node) -> str:
    match node:
        case ListNode():
            return "a list"
        case MapNode():
            return "a set of keys"
        case TextNode(value, plain):
            return quoted(value) if value or not plain else "empty"
