"""How many SMS a text takes: GSM 03.38 for the alphabets, GSM 03.40 for joining several."""

from dataclasses import dataclass

_BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_EXTENSION = frozenset("\f^{}\\[~]|€")  # an escape and the character, so two places

_ALONE_GSM, _JOINED_GSM = 160, 153  # a joined part gives seven places to its header
_ALONE_UCS, _JOINED_UCS = 70, 67


@dataclass(frozen=True, slots=True)
class Measured:
    """A text as it travels."""

    segments: int
    places: int  # that its characters take
    room: int  # places in all of its segments together
    forcing: tuple[str, ...]  # characters that make all of it UCS-2, each once; none: it is GSM-7


def measured(text: str) -> Measured:
    sizes = _gsm_sizes(text)
    found = _utf16_sizes(text) if sizes is None else sizes
    alone, joined = (_ALONE_UCS, _JOINED_UCS) if sizes is None else (_ALONE_GSM, _JOINED_GSM)
    parts = _parts(found, alone, joined)
    return Measured(parts, sum(found), parts * joined if parts > 1 else alone, forcing(text))


def segments(text: str) -> int:
    """Parts that `text` is sent in; none for an empty text."""
    return measured(text).segments


def is_gsm(text: str) -> bool:
    """Whether the whole text fits the 7-bit alphabet; one other character makes all of it UCS-2."""
    return _gsm_sizes(text) is not None


def forcing(text: str) -> tuple[str, ...]:
    """The characters that the 7-bit alphabet has not, in their order, each once."""
    return tuple(char for char in dict.fromkeys(text) if char not in _BASIC and char not in _EXTENSION)


def _gsm_sizes(text: str) -> list[int] | None:
    if not set(text) <= _BASIC | _EXTENSION:
        return None
    return [2 if char in _EXTENSION else 1 for char in text]


def _utf16_sizes(text: str) -> list[int]:
    return [2 if ord(char) > 0xFFFF else 1 for char in text]


def _parts(sizes: list[int], alone: int, joined: int) -> int:
    """A character of two places is never split between two parts."""
    if sum(sizes) <= alone:
        return 1 if sizes else 0
    parts, used = 1, 0
    for size in sizes:
        if used + size > joined:
            parts, used = parts + 1, 0
        used += size
    return parts
