"""The HTML part of an e-mail, made once when a template is loaded; its Jinja tags stay as they are."""

import re
from html import escape
from pathlib import Path

import css_inline
from mjml import mjml2html

from journeyflow.messages import mjml_lint
from journeyflow.messages.direction import directed_html, directed_mjml
from journeyflow.messages.nesting import refuse_deep
from journeyflow.messages.problems import BadTemplate
from journeyflow.messages.source import Source
from journeyflow.messages.tags import hold

_INLINER = css_inline.CSSInliner(keep_style_tags=True, keep_at_rules=True, load_remote_stylesheets=False)
_BUTTON = re.compile(r'(<td\b[^>]*?) bgcolor="([^"]*)"([^>]*?[";])background:\2(?=[;"])')
_BODY = re.compile(r"<body\b[^>]*>", re.IGNORECASE)
_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
# Hidden in every mail program that matters; the spaces keep the body's first words out of the preview.
_HIDDEN = (
    '<div style="display:none;font-size:1px;line-height:1px;max-height:0;max-width:0;opacity:0;'
    'overflow:hidden;">{text}{space}</div>'
)
_SPACE = "&#847;&zwnj;&nbsp;" * 60


def from_mjml(source: Source, folder: Path, locale: str) -> str:
    """`mj-include path="_parts/footer.mjml"` is looked up below `folder`. Raises BadTemplate."""
    held = hold(mjml_lint.included(source, folder))
    try:
        html = mjml2html(
            directed_mjml(held.text, locale), fonts={}
        )  # a mail loads no font that mj-font does not name
    except ValueError as error:
        raise BadTemplate(source.problem(source.start, f"this is not MJML: {error}; mend the tags")) from None
    lost = set(held.numbers(_COMMENT.sub("", held.text))) - set(held.numbers(html))
    if lost:
        tag = held.tags[min(lost)]
        message = f'"{tag}" stands where MJML drops it; put it into mj-raw, or inside mj-text'
        raise BadTemplate(source.problem(max(source.whole.find(tag), 0), message))
    return _checked(held.restore(_bare_too(html)), source)


def from_html(source: Source, locale: str) -> str:
    """Hand-written HTML with its styles moved to the elements. Raises BadTemplate."""
    refuse_deep(source, slash_closes=False)
    held = hold(source.body)
    try:
        html = directed_html(_INLINER.inline(held.blocks_as_comments()), locale)
    except (ValueError, css_inline.InlineError) as error:
        raise BadTemplate(source.problem(source.start, f"the styles cannot be inlined: {error}")) from None
    return _checked(held.restore(html), source)


def with_preheader(html: str, preheader: str) -> str:
    """The words that a mail program shows after the subject, hidden at the top of the body."""
    held = hold(preheader)
    hidden = _HIDDEN.format(text=held.restore(escape(held.text)), space=_SPACE)
    body = _BODY.search(html)
    at = body.end() if body else 0
    return html[:at] + hidden + html[at:]


def _bare_too(html: str) -> str:
    """What MJML writes, without what misleads where styles are not known, and who reads aloud.

    A button's colour stays behind its text only where the colour of the text does; and a language that
    nobody has named is better left open.
    """
    html = html.replace('<html lang="und" ', "<html ", 1)
    return _BUTTON.sub(r"\1\3background-color:\2", html)


def _checked(html: str, source: Source) -> str:
    source.check_made(html, "HTML")
    return html
