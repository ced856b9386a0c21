"""Message templates as files and as data: `<folder>/<name>/email.mjml`, `sms.sv.txt` and the like."""

import re
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from journeyflow import digests
from journeyflow.conditions import Scalar
from journeyflow.messages import html, text, tracked, utm
from journeyflow.messages.coupons import check_coupon
from journeyflow.messages.problems import BadTemplate, TemplateProblem
from journeyflow.messages.source import Source, read_source

__all__ = ["Template", "TemplateProblem", "load_templates"]

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]*")
_FILE = re.compile(r"(email|sms)(?:\.([A-Za-z]{2,3}(?:-[A-Za-z0-9]{2,8})*))?\.(mjml|html|txt)")
_ABOUT_LINKS = ("tracking", "utm")
_FILE_NAMES = "email.mjml, email.html, email.txt or sms.txt, with a locale as in email.sv.mjml"


@dataclass(frozen=True)
class Template:
    """What `apply` stores: subject, html and text are Jinja, everything else is done."""

    name: str
    channel: str  # email | sms
    locale: str  # "": for every locale
    text: str
    subject: str | None = None  # None for sms, as are preheader and html
    preheader: str | None = None  # stands in `html` already
    html: str | None = None
    defaults: dict[str, Scalar] = field(default_factory=dict)  # dotted path of a variable -> value
    coupon: str | None = None  # the pool that the variable of this name gets a code from
    links: int = 0  # how many are marked in the html, or in the text of an SMS; see `tracked`
    tracking: bool = True  # False: nobody may count who opens it or clicks
    utm: dict[str, str] | None = field(default_factory=dict)  # beside the policy's; None: none at all

    def to_json(self) -> dict[str, Any]:
        return _TEMPLATE.dump_python(self, mode="json")  # type: ignore[no-any-return]

    @staticmethod
    def from_json(data: dict[str, Any]) -> "Template":
        return _TEMPLATE.validate_python(data)

    @cached_property
    def digest(self) -> str:
        return digests.digest(self.to_json())


_TEMPLATE: TypeAdapter[Template] = TypeAdapter(Template)


def load_templates(folder: Path) -> tuple[list[Template], list[TemplateProblem]]:
    """Every template below `folder`, sorted, and everything that is wrong with the others.

    Folders whose name begins with "_" hold parts for `mj-include`. A folder that is not there has none.
    """
    templates: list[Template] = []
    problems: list[TemplateProblem] = []
    for place in sorted(path for path in folder.glob("*") if path.is_dir()):
        if not place.name.startswith(("_", ".")):
            _load_folder(place, templates, problems)
    return templates, sorted(set(problems))


def _load_folder(place: Path, templates: list[Template], problems: list[TemplateProblem]) -> None:
    if not _NAME.fullmatch(place.name):
        message = (
            f'the folder "{place.name}" should be a name in small letters, digits and hyphens; rename it'
        )
        problems.append(TemplateProblem(str(place), 1, 1, message))
        return
    files, unknown = _files(place)
    problems += unknown
    for (channel, locale), by_suffix in sorted(files.items()):
        try:
            templates.append(_load(place.name, channel, locale, by_suffix))
        except BadTemplate as error:
            problems += error.problems


def _files(place: Path) -> tuple[dict[tuple[str, str], dict[str, Path]], list[TemplateProblem]]:
    """The files by channel and locale, then by suffix; and those that no rule knows."""
    files: dict[tuple[str, str], dict[str, Path]] = {}
    problems = []
    for path in sorted(path for path in place.iterdir() if not path.name.startswith(".")):
        match = _FILE.fullmatch(path.name)
        if match is None or (match[1] == "sms" and match[3] != "txt"):
            message = f'"{path.name}" is not a template; call it {_FILE_NAMES}'
            problems.append(TemplateProblem(str(path), 1, 1, message))
        else:
            files.setdefault((match[1], match[2] or ""), {})[match[3]] = path
    return files, problems


def _load(name: str, channel: str, locale: str, files: dict[str, Path]) -> Template:
    return _sms(name, locale, files["txt"]) if channel == "sms" else _email(name, locale, files)


def _sms(name: str, locale: str, path: Path) -> Template:
    source = read_source(path, keys={"coupon", "defaults", *_ABOUT_LINKS})
    source.check_jinja()
    if not source.body.strip():
        raise BadTemplate(source.problem(0, "the text is empty; write the message below the front matter"))
    body = source.body.strip()
    coupon = check_coupon(source, body)
    marked, links = tracked.in_text(body)
    return Template(
        name, "sms", locale, marked, defaults=source.defaults, coupon=coupon, links=links, **_rules(source)
    )


def _email(name: str, locale: str, files: dict[str, Path]) -> Template:
    main = _main_file(files)
    source = read_source(main, keys={"subject", "preheader", "coupon", "defaults", *_ABOUT_LINKS})
    source.check_jinja()
    subject = source.values.get("subject", "").strip()
    if not subject:
        raise BadTemplate(source.problem(0, 'an e-mail needs a "subject" in its front matter; add one'))
    preheader = source.values.get("preheader")
    markup = (
        html.from_mjml(source, main.parent.parent, locale)
        if "mjml" in files
        else html.from_html(source, locale)
    )
    whole = html.with_preheader(markup, preheader) if preheader else markup
    plain = _written_text(files["txt"]) if "txt" in files else text.from_html(markup, source)
    marked, links = tracked.in_html(whole)
    return Template(
        name=name,
        channel="email",
        locale=locale,
        subject=subject,
        preheader=preheader,
        html=marked,
        text=plain,
        defaults=source.defaults,
        coupon=check_coupon(source, subject, whole, plain),
        links=links,
        **_rules(source),
    )


def _rules(source: Source) -> dict[str, Any]:
    """What the front matter says about links. Raises BadTemplate."""
    tracking = source.values.get("tracking", "on")
    if tracking not in ("on", "off"):
        message = '"tracking" should be "off", or be left out'
        raise BadTemplate(source.problem(max(source.whole.find("tracking:"), 0), message))
    return {"tracking": tracking == "on", "utm": utm.of_front_matter(source)}


def _main_file(files: dict[str, Path]) -> Path:
    some = next(iter(files.values()))
    match [suffix for suffix in ("mjml", "html") if suffix in files]:
        case [suffix]:
            return files[suffix]
        case []:
            message = f'"{some.name}" is the text part of an e-mail that has no .mjml or .html; add one'
        case _:
            message = "this e-mail is there as .mjml and as .html; remove one of them"
    raise BadTemplate([TemplateProblem(str(some), 1, 1, message)])


def _written_text(path: Path) -> str:
    source = read_source(path, keys=set())
    source.check_jinja()
    return source.body
