"""One press of a button on a page with choices, and what it decides."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.datastructures import FormData

from journeyflow.api import deciding
from journeyflow.api.choosing import Offer, Wish, foreseen, offers, version_of
from journeyflow.api.person import Person
from journeyflow.api.site import Site
from journeyflow.api.speech import Words
from journeyflow.audience.consent import Basis, Choice
from journeyflow.policy import Policy

MOST_FIELDS = 500  # of a form


@dataclass(frozen=True, slots=True)
class Visit:
    site: Site
    connection: AsyncConnection
    policy: Policy
    words: Words  # that the customer has read
    form: FormData
    source: str  # of the consents
    origin: str | None
    now: datetime

    @property
    def offers(self) -> list[Offer]:
        return offers(self.policy, self.words, self.site.brand(self.policy).name)

    def says(self, key: str) -> str:
        return self.words.say(key, self.site.brand(self.policy).name)

    def text(self, name: str) -> str:
        value = self.form.get(name)
        return value.strip() if isinstance(value, str) else ""

    def texts(self, name: str) -> set[str]:
        return {value for value in self.form.getlist(name) if isinstance(value, str)}


async def fulfil(visit: Visit, person: Person, wished: list[Wish]) -> list[Choice]:
    """Each new consent with its own wording. Before them, and together, all else, so that a topic that is
    kept while its channel is refused loses no message that is queued."""
    old = [wish for wish in wished if wish.was_granted or wish.choice.state == "denied"]
    wordings = "\n".join(wish.offer.wording for wish in old)
    if not person.is_known:
        await decide(visit, person, [], wordings)
        return foreseen([wish.choice for wish in wished], visit.policy)
    decided = await decide(visit, person, [wish.choice for wish in old], wordings, confirmed=True)
    for wish in wished:
        if wish not in old:
            decided += await decide(visit, person, [wish.choice], wish.offer.wording)
    return decided


async def decide(
    visit: Visit, person: Person, choices: list[Choice], wording: str, confirmed: bool = False
) -> list[Choice]:
    """Gives what changed."""
    basis = Basis(visit.source, "customer", wording, version_of(wording), visit.origin)
    return await deciding.decide(
        visit.connection, visit.policy, person, choices, basis, visit.now, confirmed=confirmed
    )


async def refuse(visit: Visit, person: Person, choices: list[Choice], wording: str) -> list[Choice]:
    """Gives what changed for this customer; see `deciding.refuse`."""
    basis = Basis(visit.source, "customer", wording, version_of(wording), visit.origin)
    return await deciding.refuse(visit.connection, visit.policy, person, choices, basis, visit.now)
