"""What is done to the text of an SMS once it is filled in: how to stop is said, and letters are replaced."""

import re
import unicodedata
from collections.abc import Mapping, Set

from journeyflow.countries import is_in
from journeyflow.messages.segments import is_gsm
from journeyflow.messages.tags import hold
from journeyflow.policy import SmsRules

# With bounds, as customers' texts go through it.
_URL = re.compile(r"(?:https?://|www\.)\S+|(?<![\w-])(?:[\w-]{1,63}\.){1,10}[a-z]{2,63}/\S*", re.IGNORECASE)
# What customers are told to answer, in capital letters as everybody writes it, by language.
_EVERYWHERE = ("STOP", "STOPALL", "UNSUBSCRIBE")
_WORDS = {
    "da": ("AFMELD", "AFMELDING"),
    "de": ("STOPP", "ABMELDEN"),
    "es": (r"BAJA(?!\s*-?\d)", "PARAR"),  # else it says by how much a price falls
    "fi": ("SEIS", "LOPETA"),
    "fr": ("ARR[EÊ]T",),
    "it": ("FERMA", "ANNULLA"),
    "nb": ("STOPP", "AVSLUTT", "AVMELD"),
    "nl": ("AFMELDEN", "AFMELDING"),
    "no": ("STOPP", "AVSLUTT", "AVMELD"),
    "pt": ("PARAR", "SAIR"),
    "sv": ("STOPP", "AVSLUTA", "AVREGISTRERA"),
}
_SPACES = "\t\xa0\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000"
_UNSEEN = "\xad\u200b\u200c\u200d\u200e\u200f\u2060\ufeff\ufe0e\ufe0f"
_LOOK_ALIKE = {
    **dict.fromkeys("‘’‚‛′´`ʼ＇‹›", "'"),  # noqa: RUF001
    **dict.fromkeys("“”„‟«»″＂", '"'),  # noqa: RUF001
    **dict.fromkeys("‐‑‒–—―−⁃•·‧∙", "-"),  # noqa: RUF001
    **dict.fromkeys(_SPACES, " "),
    **dict.fromkeys(_UNSEEN, ""),
    **{"…": "...", "×": "x", "÷": "/", "№": "No", "™": "TM", "®": "(R)", "©": "(C)"},  # noqa: RUF001
    **{"\u2028": "\n", "\u2029": "\n"},
    **{"ő": "ö", "Ő": "Ö", "ű": "ü", "Ű": "Ü", "ł": "l", "Ł": "L", "đ": "d", "Đ": "D", "ħ": "h", "Ħ": "H"},
    **{"œ": "oe", "Œ": "OE", "ŧ": "t", "Ŧ": "T", "ð": "d", "Ð": "D", "þ": "th", "Þ": "Th", "ẞ": "ß"},
    **{"ı": "i"},  # noqa: RUF001
}


def finish(text: str, rules: SmsRules, locale: str, country: str | None, needs_way_out: bool) -> str:
    """The text that is sent. `country` is the customer's, where it is known.

    `needs_way_out`: it may only go to who has not said no, and its template does not say how to.
    """
    if needs_way_out and _is_wanted(rules, country):
        text = f"{text}\n{opt_out_text(rules.opt_out, locale)}"
    return with_look_alikes(text) if rules.replace else text


def opt_out_text(texts: Mapping[str, str], locale: str) -> str:
    """In the language of the message; else the one for all languages, else the first."""
    tags = {tag.casefold(): text for tag, text in texts.items()}
    parts = locale.replace("_", "-").casefold().split("-")
    for length in range(len(parts), 0, -1):
        if found := tags.get("-".join(parts[:length])):
            return found
    return tags.get("") or next(iter(texts.values()))


def has_way_out(source: str, reads: Set[str], rules: SmsRules, locale: str) -> bool:
    """Whether an SMS leads its reader out already: by a link, by a word for it, or by what would be added.

    That is looked for in what its author wrote, as a customer may be called anything. `reads` is what it
    uses.
    """
    written = hold(source).without_tags()
    words = "|".join((*_EVERYWHERE, *_WORDS.get(locale.replace("_", "-").split("-")[0].casefold(), ())))
    return (
        "unsubscribe_url" in reads
        or bool(re.search(rf"(?<![\w-])(?<!NON )(?:{words})(?![\w-])", written))
        or any(one in written for one in rules.opt_out.values())
    )


def with_look_alikes(text: str) -> str:
    """The text in the 7-bit alphabet, with characters that look alike; as it was if that cannot be had.

    Addresses on the web stay as they are.
    """
    if is_gsm(text):
        return text
    made, done = "", 0
    for url in _URL.finditer(text):
        made += _replaced(text[done : url.start()]) + url[0]
        done = url.end()
    made += _replaced(text[done:])
    return made if is_gsm(made) else text


def _is_wanted(rules: SmsRules, country: str | None) -> bool:
    """Where nobody knows the customer's country, the stricter law holds."""
    if not rules.opt_out:
        return False
    return not rules.opt_out_in or country is None or any(is_in(country, one) for one in rules.opt_out_in)


def _replaced(text: str) -> str:
    return "".join(char if is_gsm(char) else _like(char) for char in unicodedata.normalize("NFC", text))


def _like(char: str) -> str:
    """A Latin letter without its marks; what has none that is like it stays."""
    if char in _LOOK_ALIKE:
        return _LOOK_ALIKE[char]
    letter, *marks = list(unicodedata.normalize("NFD", char))
    return letter if letter.isascii() and all(map(unicodedata.combining, marks)) else char
