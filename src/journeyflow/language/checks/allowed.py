"""Warnings that a journey silences, each with its reason: `allow: {JF501: "agreed with the board"}`."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from journeyflow.language import values
from journeyflow.language.codes import CODES
from journeyflow.language.fields import as_map
from journeyflow.language.problems import Mark, Report, instead, quoted
from journeyflow.language.source import Document, MapNode, Node, TextNode

_REASON = 500  # characters


@dataclass(frozen=True, slots=True)
class Allowance:
    code: str
    mark: Mark


def allowances(document: Document) -> tuple[Allowance, ...]:
    """What the top-level key `allow` silences; what it may not is reported."""
    node = _node(document.root)
    keys = as_map(node, '"allow"', document.report) if node else None
    if keys is None:
        return ()
    if not keys.entries:
        message = '"allow" is empty; name a warning and say why it is all right, or leave it out'
        document.report.add(keys.mark, "JF119", message)
    found = (_allowance(key, reason, document.report) for key, reason in keys.entries)
    return tuple(allowance for allowance in found if allowance)


def silence(report: Report, allowed: Collection[Allowance], known: Collection[str]) -> None:
    """Take the allowed warnings out of `report`, and report those that there are none of.

    A warning about several journeys, told in one of them, is one that each of them may silence.
    `known` says which of a code's needs were met: of the other codes nobody knows.
    """
    found = {problem.code for problem in report.problems} | report.concerns
    complete = not any(problem.severity == "error" for problem in report.problems)
    codes = {allowance.code for allowance in allowed}
    report.problems = [problem for problem in report.problems if problem.code not in codes]
    for allowance in allowed:
        if complete and allowance.code not in found and CODES[allowance.code].needs in known:
            message = f'"{allowance.code}" silences nothing, since there is no such warning here; delete it'
            report.add(allowance.mark, "JF702", message)


def _node(root: Node | None) -> Node | None:
    entries = root.entries if isinstance(root, MapNode) else ()
    return next((value for key, value in entries if key.value == "allow"), None)


def _allowance(key: TextNode, reason: Node, report: Report) -> Allowance | None:
    warnings = tuple(_warnings())
    if key.value not in warnings:
        report.add(key.mark, "JF701", _refusal(key.value, warnings))
        return None
    if isinstance(reason, TextNode) and not reason.value.strip():
        message = f'"{key.value}" is silenced without a reason; write in a few words why it is all right'
        report.add(key.mark, "JF701", message)
    else:
        values.text(reason, f'the reason for "{key.value}"', report, most=_REASON)
    return Allowance(key.value, key.mark)


def _refusal(code: str, warnings: tuple[str, ...]) -> str:
    if code not in CODES:
        return f"no warning has the code {quoted(code)}; {instead(code, warnings)}"
    if CODES[code].severity == "warning":
        return f"{quoted(code)} is about what is silenced, and cannot be itself; delete what it points to"
    return f"{quoted(code)} is an error, and errors cannot be silenced; mend it instead"


def _warnings() -> Iterator[str]:
    """But not the one about silencing: it is mended by deleting what it is about."""
    return (name for name, code in CODES.items() if code.severity == "warning" and name != "JF702")
