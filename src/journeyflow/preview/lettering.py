"""How wide text is, and its lines in a box. Measured for a wide sans-serif, so that any usual one fits."""

from collections.abc import Iterator
from unicodedata import normalize

# In parts of the font's size, rounded up from DejaVu Sans (Verdana is as wide, Helvetica and Arial narrower).
_WIDTHS = (
    ("ijl'|.,:;", 0.34),
    (" ", 0.32),
    ('!()[]frtI-/\\"', 0.46),
    ("mMW%@", 1.03),
    ("wGOQNDHU&#+=^~<>", 0.86),
)
_BY_CHARACTER = {char: width for chars, width in _WIDTHS for char in chars}
_USUAL, _CAPITAL, _FOREIGN = 0.66, 0.76, 1.1

_HYPHENS = "-_./@"  # behind which a name may go on in the next line


def width_of(text: str, size: float) -> float:
    return sum(map(_width, text)) * size


def lines_of(text: str, size: float, most: float) -> list[str]:
    """Broken between words, and within a word, behind a hyphen if it can be, where it alone is too wide."""
    lines: list[str] = []
    line = ""
    for word in _pieces(text, size, most):
        longer = f"{line} {word}" if line else word
        if line and width_of(longer, size) > most:
            lines.append(line)
            line = word
        else:
            line = longer
    return [*lines, line]


def _pieces(text: str, size: float, most: float) -> Iterator[str]:
    for word in text.split():
        piece = ""
        for char in word:
            if piece and width_of(piece + char, size) > most:
                end = 1 + max(map(piece.rfind, _HYPHENS)) or len(piece)
                yield piece[:end]
                piece = piece[end:]
            piece += char
        yield piece


def _width(char: str) -> float:
    base = normalize("NFD", char)[0]  # accents add nothing
    if base in _BY_CHARACTER:
        return _BY_CHARACTER[base]
    if not base.isascii():
        return _FOREIGN
    return _CAPITAL if base.isupper() else _USUAL
