"""A plan as a Mermaid flowchart: text that GitHub and many wikis draw."""

from journeyflow.plan import Plan
from journeyflow.preview.words import entry_in_words, rules_in_words, step_in_words, ways

# Left and right of the label: sends are boxes, waits have round ends, questions have corners at the sides.
SHAPES = {
    "send": ("[", "]"),
    "webhook": ("[", "]"),
    "wait": ("(", ")"),
    "wait_until": ("(", ")"),
    "wait_until_date": ("(", ")"),
    "wait_best_time": ("(", ")"),
    "wait_for": ("{{", "}}"),
    "branch": ("{", "}"),
    "split": ("[/", "\\]"),
    "update": ("[[", "]]"),
    "hand_over": (">", "]"),
    "end": ("((", "))"),
}


def mermaid(plan: Plan) -> str:
    head = "<br>".join(map(_label, (plan.title, *rules_in_words(plan))))
    lines = [
        "flowchart TD",
        f'    rules["{head}"] -.- enter',
        f'    enter(["{_label(entry_in_words(plan.enter))}"]) --> s0',
    ]
    for number, step in enumerate(plan.steps):
        opening, closing = SHAPES[step.kind]
        lines.append(f'    s{number}{opening}"{_label(step_in_words(step))}"{closing}')
    for number, step in enumerate(plan.steps):
        for case, to in ways(step):
            arrow = f'-->|"{_label(case)}"|' if case else "-->"
            lines.append(f"    s{number} {arrow} s{to}")
    return "\n".join(lines)


def _label(text: str) -> str:
    """What Mermaid, Markdown or HTML would take for its own is written as `#number;`."""
    return "".join(f"#{ord(char)};" if char in '"#;<>&`*_~[]{}|\\' else char for char in text)
