"""What a send's template needs, and what a marketing message must have; each told at the first send of it."""

from collections.abc import Iterator, Mapping

from journeyflow.language.checks.surroundings import Message, Surroundings
from journeyflow.language.definition import Journey, SendStep
from journeyflow.language.problems import Report, quoted
from journeyflow.language.walk import all_steps
from journeyflow.policy import Category, Policy, SmsRules

MOST_PARTS = 3  # of an SMS


def check(journey: Journey, around: Surroundings, report: Report) -> None:
    if around.messages is None or around.policy is None:
        return
    is_marketing = around.policy.categories.get(journey.category.value, Category()).consent != "not-required"
    for send, versions in first_sends(journey, around.messages):
        _check_locale(send, versions, around.policy, report)
        _check_length(send, versions, around.policy.sms, is_marketing, report)
        if is_marketing and send.channel.value == "email":
            _check_marketing(send, versions, around.policy, report)


def first_sends(
    journey: Journey, messages: Mapping[tuple[str, str], list[Message]]
) -> Iterator[tuple[SendStep, list[Message]]]:
    """Each template once, with its language versions; those with a faulty file are left out."""
    seen: set[tuple[str, str]] = set()
    for step in all_steps(journey.steps):
        if isinstance(step, SendStep):
            key = step.template.value, step.channel.value
            versions = messages.get(key, [])
            if key not in seen and versions and all(one.locale is not None for one in versions):
                seen.add(key)
                yield step, versions


def _check_locale(send: SendStep, versions: list[Message], policy: Policy, report: Report) -> None:
    """Customers with another language get the default's, or the one for every locale."""
    default = policy.defaults.locale
    there = {_tag(message.locale or "") for message in versions}
    if not there & {"", *_shortened(_tag(default))}:
        message = (
            f"the template {quoted(send.template.value)} is there for {', '.join(sorted(there))}, and not "
            f"for the default locale {quoted(default)}; add {_example(send, default)}"
        )
        report.add(send.template.mark, "JF209", message)


def _check_length(
    send: SendStep, versions: list[Message], rules: SmsRules, is_marketing: bool, report: Report
) -> None:
    parts, longest = max(
        ((one.length(rules, is_marketing), one) for one in versions), key=lambda found: found[0]
    )
    if parts > MOST_PARTS:
        message = (
            f"{longest.file} takes {parts} SMS when names are long, and each of them is paid for; "
            f"shorten it to {MOST_PARTS}"
        )
        report.add(send.template.mark, "JF210", message)


def _check_marketing(send: SendStep, versions: list[Message], policy: Policy, report: Report) -> None:
    sender = policy.senders.get("email")
    address = " ".join((sender.postal_address or "").split()) if sender else ""
    without = next((one for one in versions if not _has_address(one, address)), None)
    if sender is not None and without is not None:
        way_out = 'put "{{ sender.postal_address }}" at its foot'
        way_out += "" if address else ', and "postal_address" under "senders" in journeys/policy.yaml'
        message = f"{without.file} does not say where the sender is at home; {way_out}"
        report.add(send.template.mark, "JF211", message)
    without = next((one for one in versions if not one.can_unsubscribe), None)
    if without is not None:
        message = (
            f"{without.file} does not say how to get no more of it; add a link to "
            '"{{ unsubscribe_url }}" or to "{{ preferences_url }}"'
        )
        report.add(send.template.mark, "JF212", message)


def _has_address(message: Message, address: str) -> bool:
    if not address:
        return False
    return "sender.postal_address" in message.reads or address in message.words


def _shortened(tag: str) -> Iterator[str]:
    """`sv-se -> sv`"""
    parts = tag.split("-")
    return ("-".join(parts[:length]) for length in range(len(parts), 0, -1))


def _tag(locale: str) -> str:
    return locale.replace("_", "-").casefold()


def _example(send: SendStep, locale: str) -> str:
    ending = "mjml" if send.channel.value == "email" else "txt"
    return f"templates/messages/{send.template.value}/{send.channel.value}.{locale}.{ending}"
