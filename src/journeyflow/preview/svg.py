"""A plan's picture as SVG that stands by itself, readable in black and white.

What is filled goes out, what is dashed takes time, what has points at its sides asks something.
"""

from collections.abc import Iterator
from html import escape

from journeyflow.plan import Plan
from journeyflow.preview.layout import LEADING, SIZE, SLANT, SLANTED, Box, Case, Dot, Line, Part, layout
from journeyflow.preview.lettering import lines_of
from journeyflow.preview.words import rules_in_words

_MARGIN, _LEAST = 24.0, 420.0
_TITLE, _TITLE_LEADING = 18.0, 24.0
_RULES = {
    "text": f"font:{SIZE:g}px Helvetica,Arial,'Liberation Sans','DejaVu Sans',sans-serif;fill:#111",
    ".box text": "text-anchor:middle",
    ".title": f"font-size:{_TITLE:g}px;font-weight:bold",
    ".head": "fill:#444",
    ".case": "font-style:italic;fill:#333",
    ".line": "fill:none;stroke:#555;stroke-width:1.2",
    ".shape": "fill:#fff;stroke:#111;stroke-width:1.2",
    ".bars": "fill:none;stroke:#111;stroke-width:1.2",
    ".enter .shape": "stroke-width:2.6",
    ".goes-out .shape": "fill:#dedede",
    ".takes-time .shape": "stroke-dasharray:6 3",
    ".end .shape": "fill:#111",
    ".end text": "fill:#fff",
}
_LOOKS = {
    **dict.fromkeys(("send", "webhook"), " goes-out"),
    **dict.fromkeys(("wait", "wait_until", "wait_until_date", "wait_best_time", "wait_for"), " takes-time"),
}
# Each under the picture's own class, so that a page it is put into keeps its looks.
_STYLE = "".join(f".journey-picture {where}{{{looks}}}" for where, looks in _RULES.items())
_ARROW = (
    '<defs><marker id="arrow" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="8" markerHeight="8" '
    'orient="auto"><path d="M0 0L8 4L0 8z" fill="#555"/></marker></defs>'
)


def svg(plan: Plan) -> str:
    """Each step is a group with the id `step-NUMBER`, so that a page can lay numbers over it."""
    block = layout(plan)
    width = max(block.left + block.right, _LEAST)
    titles = lines_of(plan.title, _TITLE * 1.1, width)  # it is bold
    head = list(_head(plan, width))
    below = _MARGIN + len(titles) * _TITLE_LEADING
    top = below + (len(head) + 1) * LEADING
    axis = _MARGIN + block.left + (width - block.left - block.right) / 2
    size = (width + 2 * _MARGIN, top + block.height + _MARGIN)
    # Lines first: boxes and words stand above them.
    parts = sorted(block.moved(axis, top), key=lambda part: not isinstance(part, Line))
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{size[0]:g}" height="{size[1]:g}" '
            f'viewBox="0 0 {size[0]:g} {size[1]:g}" class="journey-picture" role="img">',
            f"<title>{escape(plan.title)}</title>",
            f"<style>{_STYLE}</style>",
            _ARROW,
            '<rect width="100%" height="100%" fill="#fff"/>',
            *(
                _text(line, _MARGIN, _MARGIN + (n + 0.6) * _TITLE_LEADING, "title")
                for n, line in enumerate(titles)
            ),
            *(_text(line, _MARGIN, below + (n + 0.5) * LEADING, "head") for n, line in enumerate(head)),
            *(_drawn(part, plan) for part in parts),
            "</svg>",
        ]
    )


def _head(plan: Plan, width: float) -> Iterator[str]:
    for line in rules_in_words(plan):
        yield from lines_of(line, SIZE, width)


def _drawn(part: Part, plan: Plan) -> str:
    match part:
        case Box():
            return _box(part, plan)
        case Line():
            points = " ".join(f"{x:g},{y:g}" for x, y in part.points)
            arrow = ' marker-end="url(#arrow)"' if part.arrow else ""
            return f'<polyline class="line" points="{points}"{arrow}/>'
        case Case():
            lines = (_text(line, part.x, part.y + n * LEADING, "case") for n, line in enumerate(part.lines))
            return "".join(lines)
        case Dot():
            return f'<circle cx="{part.x:g}" cy="{part.y:g}" r="4" fill="#555"/>'


def _box(box: Box, plan: Plan) -> str:
    name = f"step-{box.step}" if box.step >= 0 else "enter"
    path = plan.steps[box.step].path if box.step >= 0 else "enter"
    first = box.y + box.height / 2 - (len(box.lines) - 1) * LEADING / 2 + SIZE * 0.36
    lines = "".join(_text(line, box.x, first + n * LEADING) for n, line in enumerate(box.lines))
    is_end = box.kind == "end"  # drawn once for every way that ends
    id_ = "" if is_end else f' id="{name}"'
    looks = _LOOKS.get(box.kind, "")
    return f'<g{id_} class="box {box.kind}{looks}"><title>{escape(path)}</title>{_shape(box)}{lines}</g>'


def _shape(box: Box) -> str:
    left, right, bottom = box.x - box.width / 2, box.x + box.width / 2, box.y + box.height
    inner, outer, middle = left + SLANT, right - SLANT, box.y + box.height / 2
    if box.kind in SLANTED:
        return _polygon(
            (inner, box.y), (outer, box.y), (right, middle), (outer, bottom), (inner, bottom), (left, middle)
        )
    if box.kind == "hand_over":
        return _polygon((left, box.y), (outer, box.y), (right, middle), (outer, bottom), (left, bottom))
    radius = box.height / 2 if box.kind in ("enter", "end") else 14 if box.kind.startswith("wait") else 2
    rect = (
        f'<rect class="shape" x="{left:g}" y="{box.y:g}" width="{box.width:g}" height="{box.height:g}" '
        f'rx="{radius:g}"/>'
    )
    bars = f'<path class="bars" d="M{left + 6:g} {box.y:g}V{bottom:g}M{right - 6:g} {box.y:g}V{bottom:g}"/>'
    return rect + (bars if box.kind == "update" else "")


def _polygon(*corners: tuple[float, float]) -> str:
    points = " ".join(f"{x:g},{y:g}" for x, y in corners)
    return f'<polygon class="shape" points="{points}"/>'


def _text(text: str, x: float, y: float, name: str = "") -> str:
    kind = f' class="{name}"' if name else ""
    return f'<text{kind} x="{x:g}" y="{y:g}">{escape(text)}</text>'
