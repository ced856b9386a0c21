"""Reading `categories` and `topics`: the kinds of messages, and what customers can choose among."""

from typing import Literal

from journeyflow.conditions import EventMatch, History, Test
from journeyflow.language import values
from journeyflow.language.conditions import event_pattern
from journeyflow.language.fields import Fields, as_map
from journeyflow.language.problems import Report
from journeyflow.language.source import MapNode, Node
from journeyflow.policy import Category, Topic

CONSENTS = ("opt-in", "soft-opt-in", "not-required")
_YEARS = 730 * 86_400  # how long after it a purchase speaks for a soft opt-in where nothing else is said


def categories(node: Node | None, report: Report) -> dict[str, Category]:
    keys = as_map(node, '"categories"', report) if node else None
    if keys is None:
        return {"marketing": Category()}
    if not keys.entries:
        message = '"categories" is empty; name a kind of message, for example "marketing: {}"'
        report.add(keys.mark, "JF119", message)
    found: dict[str, Category] = {}
    for key, value in keys.entries:
        name = values.name(key, "the category", report)
        if name:
            found[name.value] = _category(value, f'the category "{name.value}"', report)
    return found or {"marketing": Category()}


def topics(node: Node, report: Report) -> dict[str, Topic]:
    """`news: News`, or `news: {title: ..., about: ...}`; a text may be given by language."""
    keys = as_map(node, '"topics"', report)
    found: dict[str, Topic] = {}
    for key, value in keys.entries if keys else ():
        name = values.name(key, "the topic", report)
        topic = _topic(value, f'the topic "{name.value}"', report) if name else None
        if name and topic:
            found[name.value] = topic
    return found


def by_locale(node: Node, what: str, report: Report) -> dict[str, str]:
    """A text, or one for each language."""
    if not isinstance(node, MapNode):
        text = values.phrase(node, what, report)
        return {"": text.value} if text else {}
    found: dict[str, str] = {}
    for key, value in node.entries:
        language, text = values.locale(key, "the language", report), values.phrase(value, what, report)
        if language and text:
            found[language] = text.value
    return found


def _category(node: Node, what: str, report: Report) -> Category:
    if values.is_nothing(node):  # "marketing:" with nothing after it
        return Category()
    keys = as_map(node, what, report)
    if keys is None:
        return Category()
    fields = Fields(keys, ("consent", "bought", "caps", "quiet_hours"), what, report)
    consent, bought = _consent(fields, report), _bought(fields, report)
    if consent == "soft-opt-in" and fields.get("bought") is None:
        fields.need("bought", "{event: order.completed}")
    if consent != "soft-opt-in":
        message = '"bought" says who counts as a buyer for a soft opt-in; add "consent: soft-opt-in"'
        fields.refuse("bought", "JF105", message)
    return Category(
        consent=consent,
        caps=_exemption(fields, "caps", report),
        quiet_hours=_exemption(fields, "quiet_hours", report),
        bought=bought,
    )


def _consent(fields: Fields, report: Report) -> Literal["opt-in", "soft-opt-in", "not-required"]:
    match _one_of(fields, "consent", CONSENTS, report):
        case "soft-opt-in":
            return "soft-opt-in"
        case "not-required":
            return "not-required"
        case _:
            return "opt-in"


def _bought(fields: Fields, report: Report) -> History | None:
    node = fields.get("bought")
    keys = as_map(node, '"bought"', report) if node else None
    if keys is None:
        return None
    inner = Fields(keys, ("event", "where", "within"), '"bought"', report)
    pattern, within = event_pattern(inner, report), inner.get("within")
    seconds = values.duration(within, '"within"', report) if within else _YEARS
    if pattern is None:
        return None
    tests = tuple(Test(test.name, test.op, test.value) for test in pattern.where)
    return History(EventMatch(pattern.event.value, tests), seconds)


def _exemption(fields: Fields, key: str, report: Report) -> Literal["apply", "exempt"]:
    return "exempt" if _one_of(fields, key, ("apply", "exempt"), report) == "exempt" else "apply"


def _one_of(fields: Fields, key: str, options: tuple[str, ...], report: Report) -> str | None:
    node = fields.get(key)
    return values.one_of(node, options, f'"{key}"', report) if node else None


def _topic(node: Node, what: str, report: Report) -> Topic | None:
    if not isinstance(node, MapNode):
        title = values.phrase(node, what, report)
        return Topic({"": title.value}) if title else None
    fields = Fields(node, ("title", "about"), what, report)
    needed, about = fields.need("title", "News"), fields.get("about")
    if needed is None:
        return None
    return Topic(by_locale(needed, '"title"', report), by_locale(about, '"about"', report) if about else {})
