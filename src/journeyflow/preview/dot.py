"""A plan in Graphviz's language."""

import textwrap

from journeyflow.plan import Plan
from journeyflow.preview.words import entry_in_words, rules_in_words, step_in_words, ways

SHAPES = {
    "send": 'shape=box, style=filled, fillcolor="#e6e6e6"',
    "webhook": "shape=component",
    "wait": 'shape=box, style="rounded,dashed"',
    "wait_until": 'shape=box, style="rounded,dashed"',
    "wait_until_date": 'shape=box, style="rounded,dashed"',
    "wait_best_time": 'shape=box, style="rounded,dashed"',
    "wait_for": "shape=hexagon, style=dashed",
    "branch": "shape=hexagon",
    "split": "shape=trapezium",
    "update": "shape=box, peripheries=2",
    "hand_over": "shape=cds",
    "end": "shape=circle",
}
_WIDEST = 28  # characters in a line


def dot(plan: Plan) -> str:
    lines = [
        f"digraph {_quoted(plan.journey)} {{",
        f'  graph [rankdir=TB, label={_quoted(plan.title)}, labelloc=t, fontname="Helvetica"]',
        '  node [fontname="Helvetica", fontsize=11, margin="0.2,0.08"]',
        '  edge [fontname="Helvetica", fontsize=10]',
        f"  rules [label={_wrapped(*rules_in_words(plan))}, shape=note]",
        "  rules -> enter [style=dotted, arrowhead=none]",
        f"  enter [label={_wrapped(entry_in_words(plan.enter))}, shape=box, style=rounded, penwidth=2]",
        "  enter -> s0",
    ]
    for number, step in enumerate(plan.steps):
        lines.append(f"  s{number} [label={_wrapped(step_in_words(step))}, {SHAPES[step.kind]}]")
    for number, step in enumerate(plan.steps):
        for case, to in ways(step):
            lines.append(f"  s{number} -> s{to}" + (f" [label={_wrapped(case)}]" if case else ""))
    return "\n".join([*lines, "}"])


def _wrapped(*texts: str) -> str:
    return _quoted("\n".join(line for text in texts for line in textwrap.wrap(text, _WIDEST)))


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'
