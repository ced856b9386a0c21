"""Reading `webhook`: an address that never changes, and a body whose texts are Jinja."""

import re
from urllib.parse import SplitResult, urlsplit

from jinja2 import TemplateSyntaxError, nodes

from journeyflow.conditions import Scalar
from journeyflow.language import values
from journeyflow.language.definition import Datum, WebhookStep
from journeyflow.language.fields import Fields, as_map, as_text
from journeyflow.language.problems import Mark, Report, instead, quoted
from journeyflow.language.source import Node, TextNode
from journeyflow.refusals import refusals
from journeyflow.sandbox import compile_jinja, parse_jinja, unknown_names

ROOTS = ("customer", "event", "journey")  # the variables that a body is given

_OTHER_FILES = (nodes.Extends, nodes.Include, nodes.Import, nodes.FromImport)
_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_LONGEST_URL = 2_000


def webhook(node: Node, path: str, mark: Mark, report: Report) -> WebhookStep | None:
    keys = as_map(node, '"webhook"', report)
    if keys is None:
        return None
    fields = Fields(keys, ("url", "body"), '"webhook"', report)
    named, sent = fields.need("url", '"https://example.com/hook"'), fields.get("body")
    url = _url(named, report) if named else None
    body = _body(sent, report) if sent else ()
    return WebhookStep(path, mark, url, body) if url else None


def is_safe(parts: SplitResult) -> bool:
    """Encrypted, or staying on this machine."""
    return parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOOPBACK)


def _url(node: Node, report: Report) -> str | None:
    text = as_text(node, '"url"', report)
    if text is None:
        return None
    fault = _fault(text.value)
    if fault is not None:
        report.add(node.mark, "JF127", f'"url" is {quoted(text.value)}; {fault}')
    return None if fault else text.value


def _fault(url: str) -> str | None:
    if "{{" in url or "{%" in url:
        return 'it is the same for every customer; put what differs into "body"'
    if len(url) > _LONGEST_URL or not re.fullmatch(r"[!-~]+", url):
        return f"write an address of at most {_LONGEST_URL} characters without spaces, others as %C3%A5"
    try:
        parts = urlsplit(url)
        has_host = bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        return "it is no address; write it like https://example.com/hook"
    if not has_host or not is_safe(parts):
        return "write it with https://, as what is sent is about customers (http:// only for this machine)"
    return (
        "take the user and password out; the receiver knows us by the signature"
        if "@" in parts.netloc
        else None
    )


def _body(node: Node, report: Report) -> tuple[Datum, ...]:
    keys = as_map(node, '"body"', report)
    read = ((key, node.mark, _value(key, node, report)) for key, node in (keys.entries if keys else ()))
    return tuple(
        Datum(key.value, value, mark)
        for key, mark, value in read
        if values.phrase(key, "the name", report) is not None
    )


def _value(key: TextNode, node: Node, report: Report) -> Scalar | None:
    if values.is_nothing(node):
        return None
    what = f"the value of {quoted(key.value)}"
    # An empty text is a value like any other.
    is_empty = isinstance(node, TextNode) and not node.plain and not node.value
    value = "" if is_empty else values.scalar(node, what, report)
    if isinstance(value, str):
        _check_jinja(value, what, node.mark, report)
    return value


def _check_jinja(text: str, what: str, mark: Mark, report: Report) -> None:
    try:
        tree = parse_jinja(text)
        compile_jinja(tree, escape=False)
    except TemplateSyntaxError as error:
        message = f"{what} is not valid Jinja: {error.message or 'unknown tag'}".rstrip(".")
        report.add(mark, "JF128", f"{message}; mend the tag")
        return
    if any(True for _ in tree.find_all(_OTHER_FILES)):
        report.add(mark, "JF128", f"{what} loads another template, and there is none; write it here")
    for refusal in refusals(tree):
        report.add(mark, "JF128", f"{what} can never be filled in: {refusal.message}")
    for name in unknown_names(tree, set(ROOTS)):
        message = f"{what} uses {quoted(name)} and there is no such variable; {instead(name, ROOTS)}"
        report.add(mark, "JF128", message)
