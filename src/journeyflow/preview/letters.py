"""Messages written as delivery writes them, with links that lead to nobody's pages."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from journeyflow.conditions import Scalar
from journeyflow.delivery.channels.base import Outgoing
from journeyflow.delivery.claim import Claim
from journeyflow.delivery.composing import Materials, Writer
from journeyflow.errors import RenderError
from journeyflow.language.problems import quoted
from journeyflow.messages.choose import choose
from journeyflow.messages.links import Links
from journeyflow.messages.render import Renderer
from journeyflow.messages.templates import Template
from journeyflow.policy import Policy
from journeyflow.preview.made_up import Values, made_up, nested
from journeyflow.preview.programme import Occasion, occasion, read_programme, read_templates
from journeyflow.sandbox import COUPON, needed, parse_jinja

PAGES = Links("https://links.example.com", ["stands for the secret where none is set"])

_NOBODY = 0  # the number that no customer and no message has
_CODE = "ABCD-1234"
_SHORT = 1_000_000  # the number of a short link in a store that has been used for a while


@dataclass(frozen=True, slots=True)
class Person:
    """Whom a message is written to. None: whatever the template reads is made up."""

    customer: Mapping[str, Any] | None = None
    event: Mapping[str, Any] | None = None
    country: str | None = None  # where it is known


@dataclass(frozen=True, slots=True)
class Desk:
    """What all letters of one template on one channel are written with."""

    policy: Policy
    occasion: Occasion
    versions: Mapping[str, Template]  # by locale
    links: Links | None = PAGES
    renderer: Renderer = field(default_factory=Renderer)


@dataclass(frozen=True, slots=True)
class Letter:
    template: Template
    outgoing: Outgoing
    made_up: Values
    defaults: Mapping[str, Scalar]  # those that were used
    short: Mapping[str, str]  # short links and where they lead


@dataclass(frozen=True, slots=True)
class Draft:
    """A letter that lacks nothing but its short links."""

    desk: Desk
    template: Template
    claim: Claim
    made_up: Values

    @property
    def short_targets(self) -> dict[int, str]:
        """By their number in the text."""
        return self._writer.short_targets(self.claim, self._materials) if self._writer.shortens else {}

    def finished(self, now: datetime, short_ids: Mapping[int, int]) -> Letter:
        """Raises RenderError, which names all variables that are missing, and ConfigurationError."""
        materials = replace(self._materials, short_links={_NOBODY: dict(short_ids)})
        try:
            outgoing = self._writer.compose(self.claim, materials, now)
        except RenderError as error:
            raise _with_all_missing(error, self.template, self.claim) from None
        links, targets = self.desk.links, self.short_targets
        short = {links.short_url(id): targets[number] for number, id in short_ids.items()} if links else {}
        return Letter(self.template, outgoing, self.made_up, _used(self.template, self.claim), short)

    @property
    def _writer(self) -> Writer:
        desk = self.desk
        return Writer(desk.occasion.plan, desk.policy, self.template.channel, desk.renderer, desk.links)

    @property
    def _materials(self) -> Materials:
        return Materials({self.template.name: {self.template.locale: self.template}}, {_NOBODY: _CODE})


def desks(root: Path, name: str, links: Links | None) -> list[Desk]:
    """One for each channel of the template, e-mail first.

    Raises FolderError, ProgrammeError, ConfigurationError. Of journeys with problems none sends it.
    """
    templates, programme = read_templates(root, name), read_programme(root)
    return [
        Desk(programme.policy, occasion(programme, name, channel), versions, links)
        for channel, versions in sorted(templates.items())
    ]


def write(desk: Desk, locale: str, person: Person, now: datetime) -> Letter:
    """As `Draft.finished`, with short links that only look like some."""
    draft = drafted(desk, locale, person)
    return draft.finished(now, {number: _SHORT + number for number in draft.short_targets})


def drafted(desk: Desk, locale: str, person: Person) -> Draft:
    """In the version that a customer of this locale gets. Raises RenderError if there is none."""
    template = choose(desk.versions, locale, desk.policy.defaults.locale)
    invented = {
        path: value for path, value in made_up(template).items() if _is_wanted(path, person, template)
    }
    values = nested(invented)
    customer = person.customer or values.get("customer", {}) | _somebody(locale, desk.policy)
    event = values.get("event", {}) if person.event is None else person.event
    claim = Claim(
        message=_NOBODY,
        enrollment=_NOBODY,
        customer_id=_NOBODY,
        category=desk.occasion.plan.category,
        step=desk.occasion.step,
        at=_LONG_AGO,
        template=template.name,
        to={"email": _EMAIL, "sms": _PHONE}[template.channel],
        locale=locale,
        customer=dict(customer),
        event=dict(event),
        country=person.country,
    )
    if template.coupon is not None:
        invented[COUPON] = _CODE
    return Draft(desk, template, claim, invented)


_LONG_AGO = datetime.fromisoformat("2000-01-01T00:00:00Z")  # of no account
_EMAIL, _PHONE = "alex@example.com", "+46701740605"
_OWN = ("id", "email", "phone", "timezone", "locale")


def _somebody(locale: str, policy: Policy) -> dict[str, Any]:
    values = ("alex", _EMAIL, _PHONE, policy.defaults.timezone, locale)
    return dict(zip(_OWN, values, strict=True))


def _is_wanted(path: str, person: Person, template: Template) -> bool:
    """Where there is a default, that is shown."""
    root, _, name = path.partition(".")
    given = person.customer if root == "customer" else person.event
    return given is None and path not in template.defaults and not (root == "customer" and name in _OWN)


def _used(template: Template, claim: Claim) -> dict[str, Scalar]:
    context = {"customer": claim.customer, "event": claim.event}
    return {
        path: value
        for path, value in template.defaults.items()
        if path != COUPON and str(_found(context, path) or "").strip() == ""
    }


def _with_all_missing(error: RenderError, template: Template, claim: Claim) -> RenderError:
    """Rendering stops at the first one."""
    context = {"customer": claim.customer, "event": claim.event}
    parts = (template.subject, template.html, template.text)
    needs = {path for part in parts if part is not None for path in needed(parse_jinja(part))}
    missing = sorted(
        path
        for path in needs - template.defaults.keys()
        if path.partition(".")[0] in context and _found(context, path) is None
    )
    if len(missing) < 2:
        return error
    named = f"{template.channel}, {template.locale}" if template.locale else template.channel
    return RenderError(
        f'template "{template.name}" ({named}) uses {", ".join(map(quoted, missing))}, which are missing for '
        "this customer; give them defaults in the front matter"
    )


def _found(context: Mapping[str, Any], path: str) -> Any:
    place: Any = context
    for name in path.split("."):
        place = place.get(name) if isinstance(place, Mapping) else None
    return place
