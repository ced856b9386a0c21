"""The lists in docs/language.md and docs/checks.md, made from the JSON Schemas and from the codes.

`python -m journeyflow.language.reference docs` puts them between `<!-- list: NAME -->` and `<!-- end -->`.
"""

import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import yaml

from journeyflow.language.codes import CODES, Code
from journeyflow.language.examples.every import EXAMPLES
from journeyflow.language.json_schema.documents import Names, journey_schema, policy_schema
from journeyflow.language.json_schema.parts import Schema

_PLACE = re.compile(r"(?<=<!-- list: )([a-z -]+)( -->\n).*?(?=<!-- end -->)", re.DOTALL)
_FAMILIES = {
    "0": "The file as YAML",
    "1": "The shape of a journey, of segments and of the policy",
    "2": "References between files",
    "3": "The way through a journey",
    "4": "Templates",
    "5": "How many messages",
    "6": "Consent",
    "7": "Silenced warnings",
}


def renewed(text: str) -> str:
    """The page with fresh lists; KeyError for one that there is not."""
    return _PLACE.sub(lambda place: f"{place[1]}{place[2]}\n{_LISTS[place[1]]().strip()}\n\n", text)


def main(folder: Path) -> None:
    for page in sorted(folder.glob("*.md")):
        page.write_text(renewed(page.read_text(encoding="utf-8")), encoding="utf-8")


def _table(schema: Schema) -> str:
    """The keys of a set of keys: what each says, and an example."""
    rows = ["| key | what it says | example |", "|---|---|---|"]
    for name, found in _properties(schema).items():
        needed = " (needed)" if name in schema.get("required", ()) else ""
        rows.append(f"| `{name}`{needed} | {_cell(found['description'])} | {_examples(found)} |")
    return "\n".join(rows)


def _properties(schema: Schema) -> dict[str, Schema]:
    found: dict[str, Schema] = schema.get("properties", {})
    return found


def _examples(schema: Schema) -> str:
    return ", ".join(f"`{_cell(_in_line(example))}`" for example in schema.get("examples", ()))


def _in_line(value: Any) -> str:
    """YAML on one line, as a person would write it."""
    text: str = yaml.dump(
        value, Dumper=_Dumper, default_flow_style=True, width=10_000, allow_unicode=True, sort_keys=False
    )
    return text.strip().removesuffix("...").strip()


class _Dumper(yaml.SafeDumper):
    def choose_scalar_style(self) -> str:
        """Texts that need quotes have double ones, as everywhere in the documentation."""
        style: str = super().choose_scalar_style()
        return style.replace("'", '"')


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _with_keys(schema: Schema) -> Schema:
    """Of several forms of a value the one that is a set of keys."""
    forms: list[Schema] = [schema, *schema.get("anyOf", ())]
    return next(form for form in forms if "properties" in form)


def _condition_keys(beside: str | None) -> Callable[[], str]:
    """The keys that stand beside `beside`, or those that say which condition it is."""

    def listed() -> str:
        schema = _JOURNEY["$defs"]["condition"]
        needs = schema["dependentRequired"]
        keys = {
            name: one for name, one in _properties(schema).items() if needs.get(name, [None])[0] == beside
        }
        return _table({"properties": keys})

    return listed


def _of(schema: Schema, *path: str) -> Callable[[], str]:
    """The set of keys of a definition, or of what stands below its key."""

    def listed() -> str:
        found = _with_keys(schema["$defs"][path[0]] if path else schema)
        for key in path[1:]:
            found = _with_keys(_properties(found)[key])
        return _table(found)

    return listed


def _arms() -> str:
    return _table(_JOURNEY["$defs"]["branch"]["items"])


def _variant() -> str:
    return _table(_properties(_JOURNEY["$defs"]["experiment"])["variants"]["additionalProperties"])


def _changes() -> str:
    return _table(_with_keys({"anyOf": _JOURNEY["$defs"]["update"]["additionalProperties"]["anyOf"]}))


def _codes() -> str:
    """Every code with its explanation and examples, by family."""
    lines: list[str] = []
    for digit, family in _FAMILIES.items():
        members = {code: about for code, about in CODES.items() if code[2] == digit}
        lines += [f"## {family}", ""] if members else []
        for code, about in members.items():
            lines += [*_code(code, about), ""]
    return "\n".join(lines)


def _code(code: str, about: Code) -> Iterator[str]:
    warning = ", a warning" if about.severity == "warning" else ""
    yield f"### {code}: {about.title}{warning}"
    yield ""
    yield about.explanation
    example = EXAMPLES.get(code)
    if example is not None:
        bad = f"Not so, saved in {example.encoding}" if example.encoding != "utf-8" else "Not so"
        yield from _shown(bad, example.shown or example.bad, example.file)
        yield from _shown("But so", example.good, example.good_file or example.file)


def _shown(word: str, text: str, file: str) -> Iterator[str]:
    """A journey needs no name of its file; a template is no YAML."""
    place = "" if file == "journey" else f", in `{file if '.' in file else f'{file}.yaml'}`"
    yield from (
        "",
        f"{word}{place}:",
        "",
        "```" if "." in file else "```yaml example",
        text.strip("\n"),
        "```",
    )


_JOURNEY, _POLICY = journey_schema(Names()), policy_schema(Names())
_LISTS: dict[str, Callable[[], str]] = {
    "journey": _of(_JOURNEY),
    "enter": _of(_JOURNEY, "enter"),
    "date": _of(_JOURNEY, "enter", "date"),
    "exit": _of(_JOURNEY, "exit"),
    "goal": _of(_JOURNEY, "goal"),
    "steps": _of(_JOURNEY, "step"),
    "send": _of(_JOURNEY, "send"),
    "wait": _of(_JOURNEY, "wait"),
    "until": _of(_JOURNEY, "wait", "until"),
    "best-time": _of(_JOURNEY, "wait", "best_time"),
    "wait-for": _of(_JOURNEY, "wait_for"),
    "branch": _arms,
    "experiment": _of(_JOURNEY, "experiment"),
    "variant": _variant,
    "metric": _of(_JOURNEY, "experiment", "metric"),
    "guardrails": _of(_JOURNEY, "experiment", "guardrails"),
    "decide": _of(_JOURNEY, "experiment", "decide"),
    "changes": _changes,
    "webhook": _of(_JOURNEY, "webhook"),
    "conditions": _condition_keys(None),
    "beside event": _condition_keys("event"),
    "comparisons": _condition_keys("attribute"),
    "policy": _of(_POLICY),
    "category": _of(_POLICY, "category"),
    "cap": _of(_POLICY, "cap"),
    "topic": _of(_POLICY, "topic"),
    "hours": _of(_POLICY, "hours"),
    "brand": _of(_POLICY, "brand"),
    "tracking": _of(_POLICY, "tracking"),
    "utm": _of(_POLICY, "tracking", "utm"),
    "sms": _of(_POLICY, "sms"),
    "retention": _of(_POLICY, "retention"),
    "purchases": _of(_POLICY, "purchases"),
    "sender": _of(_POLICY, "senders", "email"),
    "defaults": _of(_POLICY, "defaults"),
    "codes": _codes,
}

if __name__ == "__main__":
    main(Path(sys.argv[1]))
