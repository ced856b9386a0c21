"""One template file: its front matter, its body, and the places in it."""

import json
import re
from collections.abc import Set
from dataclasses import dataclass, field
from pathlib import Path

import jinja2
import yaml
from jinja2 import nodes

from journeyflow.conditions import Scalar
from journeyflow.messages.problems import BadTemplate, TemplateProblem
from journeyflow.refusals import refusals
from journeyflow.sandbox import COUPON, LINKS, ROOTS, compile_jinja, parse_jinja, unknown_names

MAX_BYTES = 500_000

_MOST_LEVELS = 20  # of front matter, which needs two
_WITH_PAIRS = ("utm",)  # keys of the front matter that may have lines of their own
_FRONT_MATTER = re.compile(r"---[ \t]*\n(.*?)^---[ \t]*(?:\n|\Z)", re.DOTALL | re.MULTILINE)
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
_PATH = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)+")
_OTHER_FILES = (nodes.Include, nodes.Import, nodes.FromImport, nodes.Extends)


@dataclass(slots=True)
class Source:
    """A file as it was read. Offsets count characters of `whole`."""

    path: Path
    whole: str
    start: int = 0  # where the body begins
    values: dict[str, str] = field(default_factory=dict)
    defaults: dict[str, Scalar] = field(default_factory=dict)
    pairs: dict[str, list[tuple[int, str, str]]] = field(default_factory=dict)  # of keys: place, name, value

    @property
    def body(self) -> str:
        return self.whole[self.start :]

    def problem(self, offset: int, message: str) -> list[TemplateProblem]:
        before = self.whole[:offset]
        line = before.count("\n") + 1
        return [TemplateProblem(str(self.path), line, offset - (before.rfind("\n") + 1) + 1, message)]

    def check_jinja(self) -> None:
        """Raises BadTemplate if something does not compile, or reads what no template is given."""
        problems = self._jinja_problems(self.body, self.start)
        for key, value in self.values.items():
            problems += self._jinja_problems(value, max(self.whole.find(f"{key}:"), 0))
        if problems:
            raise BadTemplate(problems)

    def check_made(self, part: str, what: str) -> None:
        """Raises BadTemplate if what was made from the body no longer compiles."""
        try:
            compile_jinja(parse_jinja(part), escape=False)
        except jinja2.TemplateSyntaxError as error:
            message = f"in the {what} made of this the Jinja no longer parses: {error.message}".rstrip(".")
            way_out = "; keep each {% if %} and its {% endif %} side by side, or write email.txt by hand"
            raise BadTemplate(self.problem(self.start, message + way_out)) from None

    def _jinja_problems(self, text: str, offset: int) -> list[TemplateProblem]:
        try:
            tree = parse_jinja(text)
            compile_jinja(tree, escape=False)
        except jinja2.TemplateSyntaxError as error:
            message = f"the Jinja does not parse: {error.message or 'unknown tag'}".rstrip(".")
            return self.problem(_line_start(text, error.lineno) + offset, f"{message}; mend the tag")
        return (
            self._other_files(tree, text, offset)
            + self._refusals(tree, text, offset)
            + self._unknown_variables(tree, text, offset)
        )

    def _other_files(self, tree: nodes.Template, text: str, offset: int) -> list[TemplateProblem]:
        message = "a template cannot load another one with Jinja; use mj-include, or write it here"
        found = tree.find_all(_OTHER_FILES)
        return [p for node in found for p in self.problem(_line_start(text, node.lineno) + offset, message)]

    def _refusals(self, tree: nodes.Template, text: str, offset: int) -> list[TemplateProblem]:
        return [
            problem
            for refusal in refusals(tree)
            for problem in self.problem(
                _line_start(text, refusal.line) + offset, f"this can never be filled in: {refusal.message}"
            )
        ]

    def _unknown_variables(self, tree: nodes.Template, text: str, offset: int) -> list[TemplateProblem]:
        problems: list[TemplateProblem] = []
        known = ROOTS | LINKS | {COUPON}
        for name in unknown_names(tree, known):
            at = re.search(rf"\b{re.escape(name)}\b(?=[^{{}}]*[}}%]}})", text)
            message = f'there is no variable "{name}"; there are {", ".join(sorted(known))}'
            problems += self.problem(offset + (at.start() if at else 0), message)
        return problems


def read_source(path: Path, *, keys: Set[str]) -> Source:
    """`keys` are those that the front matter may have. Raises BadTemplate."""
    source = Source(path, _read(path))
    match = _FRONT_MATTER.match(source.whole)
    if match is None:
        if source.whole.startswith("---"):
            raise BadTemplate(source.problem(0, 'the front matter has no end; close it with a line "---"'))
        return source
    source.start = match.end()
    _take_front_matter(source, _front_matter(source, match[1], match.start(1)), keys, match.start(1))
    return source


def _read(path: Path) -> str:
    nowhere = Source(path, "")
    try:
        data = path.read_bytes()
    except OSError as error:
        raise BadTemplate(nowhere.problem(0, f"the file cannot be read ({error.strerror})")) from None
    if len(data) > MAX_BYTES:
        raise BadTemplate(nowhere.problem(0, f"the file is over {MAX_BYTES // 1000} kB; shorten it"))
    try:
        whole = data.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError:
        raise BadTemplate(nowhere.problem(0, "the file is not UTF-8 text; save it as UTF-8")) from None
    control = _CONTROL.search(whole)
    if control is not None:
        message = f"there is an invisible control character (number {ord(control[0])}) here; remove it"
        raise BadTemplate(Source(path, whole).problem(control.start(), message))
    return whole


def _front_matter(source: Source, text: str, offset: int) -> yaml.MappingNode:
    try:
        depth = 0
        for event in yaml.parse(text, Loader=yaml.SafeLoader):
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            fault = "this is nested too deep; take brackets out" if depth > _MOST_LEVELS else _fault(event)
            if fault:
                at = offset + (event.start_mark.index if event.start_mark else 0)
                raise BadTemplate(source.problem(at, fault))
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        detail = getattr(error, "problem", None) or "it holds a character that YAML does not allow"
        at = offset + (mark.index if mark else 0)
        raise BadTemplate(source.problem(at, f"the front matter is not YAML: {detail}; mend it")) from None
    if isinstance(node, yaml.MappingNode):
        return node
    raise BadTemplate(source.problem(offset, 'the front matter should be lines such as "subject: ..."'))


def _fault(event: yaml.Event) -> str | None:
    """As in journeys, what is read must stand where it is used, as plain text."""
    anchor, tag = getattr(event, "anchor", None), getattr(event, "tag", None)
    if isinstance(event, yaml.AliasEvent):
        return f'"*{anchor}" is an alias; write out what it stands for, or put quotes round the text'
    if anchor is not None:
        return f'"&{anchor}" is an anchor; delete it, or put quotes round the text'
    if tag is not None:
        return f'the tag "{tag}" is not needed; delete it, or put quotes round the text'
    return None


def _take_front_matter(source: Source, front: yaml.MappingNode, keys: Set[str], offset: int) -> None:
    problems: list[TemplateProblem] = []
    seen: set[str] = set()
    for key, value in front.value:
        name, at = str(key.value), offset + key.start_mark.index
        if name not in keys:
            known = f"known here: {', '.join(sorted(keys))}" if keys else "this file takes none"
            problems += source.problem(at, f'the front matter has an unknown key "{name}"; {known}')
        elif name in seen:
            problems += source.problem(at, f'"{name}" stands here a second time; remove one')
        elif name == "defaults":
            problems += _take_defaults(source, value, offset)
        elif isinstance(value, yaml.ScalarNode):
            source.values[name] = value.value
        elif name in _WITH_PAIRS and isinstance(value, yaml.MappingNode):
            source.pairs[name] = [_pair(k, v, offset) for k, v in value.value]
        else:
            problems += source.problem(at, f'"{name}" should be a text')
        seen.add(name)
    if problems:
        raise BadTemplate(problems)


def _pair(key: yaml.Node, value: yaml.Node, offset: int) -> tuple[int, str, str]:
    """An empty value where it is no text."""
    text = value.value if isinstance(value, yaml.ScalarNode) else ""
    return offset + key.start_mark.index, str(key.value), str(text).strip()


def _take_defaults(source: Source, node: yaml.Node, offset: int) -> list[TemplateProblem]:
    if not isinstance(node, yaml.MappingNode):
        message = '"defaults" should be lines such as "customer.first_name: friend"'
        return source.problem(offset + node.start_mark.index, message)
    problems: list[TemplateProblem] = []
    for key, value in node.value:
        at, name = offset + key.start_mark.index, str(key.value)
        if name != COUPON and (not _PATH.fullmatch(name) or name.split(".")[0] not in ROOTS):
            message = f'"{name}" should be the path of a variable, such as customer.first_name'
            problems += source.problem(at, message)
        elif not isinstance(value, yaml.ScalarNode):
            problems += source.problem(at, f'the default of "{name}" should be a text, number, true or false')
        else:
            source.defaults[name] = _scalar(value)
    return problems


def _scalar(node: yaml.ScalarNode) -> Scalar:
    """A number, true or false where it is written plainly; else the text as it stands."""
    if node.style is None:
        try:
            value = json.loads(node.value)
        except ValueError:
            return str(node.value)
        if isinstance(value, bool | int | float):
            return value
    return str(node.value)


def _line_start(text: str, line: int) -> int:
    """The first word of a line (from 1), where a better place is not known."""
    lines = text.splitlines(keepends=True)
    before = "".join(lines[: line - 1])
    here = lines[line - 1] if line <= len(lines) else ""
    return len(before) + len(here) - len(here.lstrip())
