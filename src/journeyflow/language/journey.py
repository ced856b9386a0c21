"""Reading one journey: what it is called, who leaves it, what counts as success, and the steps."""

from pathlib import PurePath

from journeyflow.language import values
from journeyflow.language.conditions import condition, event_pattern
from journeyflow.language.definition import Exit, Goal, Journey, Step, Word
from journeyflow.language.entry import Entrance, entrance
from journeyflow.language.fields import Fields, as_list, as_map
from journeyflow.language.problems import Mark, Report, quoted
from journeyflow.language.source import Document, ListNode, Node
from journeyflow.language.steps import StepReader

_KEYS = ("journey", "title", "category", "topic", "priority", "enter", "exit", "goal", "allow", "steps")


def parse_journey(document: Document) -> Journey | None:
    """As much as can be read; complete only if the document's report is empty."""
    report = document.report
    root = as_map(document.root, "the journey", report) if document.root else None
    if root is None:
        return None
    fields = Fields(root, _KEYS, "the journey", report)
    name, enter = _name(fields, document.file, report), _enter(fields, report)
    title, category = _title(fields, report), _category(fields, report)
    priority, goal = _priority(fields, report), _goal(fields, report)
    exits, steps = _exits(fields, report), _steps(fields, report)
    if name is None or enter is None:
        return None
    return Journey(
        name=name,
        title=title or name.value,
        category=category or Word("marketing", name.mark),
        topic=_topic(fields, report),
        priority=priority,
        enter=enter.entry,
        when=enter.when,
        again=enter.again,
        spread=enter.spread,
        exits=exits,
        goal=goal,
        steps=steps,
        source=document.text,
    )


def _name(fields: Fields, file: str, report: Report) -> Word | None:
    stem = PurePath(file).stem
    node = fields.need("journey", stem)
    word = values.name(node, "the name", report) if node else None
    if word and word.value != stem:
        message = (
            f"the journey {quoted(word.value)} is in the file {quoted(stem + '.yaml')}; rename one of them"
        )
        report.add(word.mark, "JF118", message)
    return word


def _title(fields: Fields, report: Report) -> str | None:
    node = fields.get("title")
    word = values.phrase(node, '"title"', report) if node else None
    return word.value if word else None


def _category(fields: Fields, report: Report) -> Word | None:
    node = fields.get("category")
    return values.name(node, "the category", report) if node else None


def _topic(fields: Fields, report: Report) -> Word | None:
    node = fields.get("topic")
    return values.name(node, "the topic", report) if node else None


def _priority(fields: Fields, report: Report) -> int:
    node = fields.get("priority")
    found = values.whole(node, '"priority"', 0, 100, report) if node else None
    return 50 if found is None else found


def _enter(fields: Fields, report: Report) -> Entrance | None:
    node = fields.need("enter", "{event: member.joined}")
    return entrance(node, report) if node else None


def _exits(fields: Fields, report: Report) -> tuple[Exit, ...]:
    node = fields.get("exit")
    items = as_list(node, '"exit"', report) if node else None
    read = (_exit(item, f"exit/{number}", report) for number, item in enumerate(items.items if items else ()))
    return tuple(rule for rule in read if rule)


def _exit(node: Node, path: str, report: Report) -> Exit | None:
    keys = as_map(node, 'a rule of "exit"', report)
    if keys is None:
        return None
    fields = Fields(keys, ("event", "where", "when", "leaves"), 'a rule of "exit"', report)
    kind = next((kind for kind in ("when", "leaves") if fields.get(kind)), "event")
    chosen = fields.get(kind)
    if chosen is None and fields.unknown:
        return None
    if chosen is None or kind == "event":
        pattern = event_pattern(fields, report)
        return Exit(path, keys.mark, event=pattern) if pattern else None
    for key in ("event", "where", *(("leaves",) if kind == "when" else ())):
        message = f'"{key}" and "{kind}" stand in one rule of "exit"; make two rules of it'
        fields.refuse(key, "JF105", message)
    return _exit_with(kind, chosen, path, keys.mark, report)


def _exit_with(kind: str, node: Node, path: str, mark: Mark, report: Report) -> Exit | None:
    if kind == "leaves":
        segment = values.name(node, "the segment", report)
        return Exit(path, mark, leaves=segment) if segment else None
    asked = condition(node, '"when"', report)
    return Exit(path, mark, when=asked) if asked else None


def _goal(fields: Fields, report: Report) -> Goal | None:
    node = fields.get("goal")
    keys = as_map(node, '"goal"', report) if node else None
    if keys is None:
        return None
    inner = Fields(keys, ("event", "where", "within", "value"), '"goal"', report)
    pattern, within, value = event_pattern(inner, report), inner.get("within"), inner.get("value")
    seconds = values.duration(within, '"within"', report) if within else None
    added = values.phrase(value, '"value"', report) if value else None
    return Goal(keys.mark, pattern, seconds, added.value if added else None) if pattern else None


def _steps(fields: Fields, report: Report) -> tuple[Step, ...]:
    node = fields.need("steps", "[{send: {email: welcome}}]")
    if isinstance(node, ListNode) and not node.items:
        report.add(node.mark, "JF119", '"steps" is an empty list; write at least one step')
    return StepReader(report).steps(node, "steps", '"steps"') if node else ()
