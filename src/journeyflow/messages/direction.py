"""The language of an e-mail and the direction it is read in, where its author has not said so.

Readers' voices, spelling and hyphens go by the first; columns, alignment and full stops by the second.
"""

import re

from journeyflow.reading import is_right_to_left

_HEAD = re.compile(r"<mj-head\b[^>]*>")
_MJML, _HTML = re.compile(r"<mjml\b([^>]*)>"), re.compile(r"<html\b([^>]*)>", re.IGNORECASE)
# First of all attributes, so that those of the author hold where there are some.
_FROM_THE_RIGHT = (
    '<mj-attributes><mj-section direction="rtl" /><mj-text align="right" /><mj-table align="right" />'
    "</mj-attributes>"
)


def directed_mjml(markup: str, locale: str) -> str:
    """`locale` is the template's; nothing is done for a template of every language."""
    markup = _with_language(_MJML, markup, locale)
    if not is_right_to_left(locale):
        return markup
    head, whole = _HEAD.search(markup), _MJML.search(markup)
    if head is not None:
        return markup[: head.end()] + _FROM_THE_RIGHT + markup[head.end() :]
    at = whole.end() if whole else 0
    return f"{markup[:at]}<mj-head>{_FROM_THE_RIGHT}</mj-head>{markup[at:]}"


def directed_html(markup: str, locale: str) -> str:
    return _with_language(_HTML, markup, locale)


def _with_language(tag: re.Pattern[str], markup: str, locale: str) -> str:
    found = tag.search(markup)
    if not locale or found is None:
        return markup
    direction = "rtl" if is_right_to_left(locale) else "ltr"
    missing = "".join(
        f' {name}="{value}"'
        for name, value in (("lang", locale), ("dir", direction))
        if not re.search(rf"(?<![\w-]){name}\s*=", found[1], re.IGNORECASE)
    )
    at = found.end() - 1 - markup[: found.end()].endswith("/>")
    return markup[:at] + missing + markup[at:]
