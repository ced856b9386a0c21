"""A message is written as its reader would write, and an SMS says what the law wants it to say."""

from datetime import UTC, datetime
from typing import Any

import pytest

from journeyflow.delivery.claim import Claim
from journeyflow.delivery.composing import Materials, Writer
from journeyflow.errors import RenderError
from journeyflow.messages.render import Renderer
from journeyflow.messages.templates import Template
from journeyflow.plan import Datum, EnterByHand, Plan, Send, Webhook
from journeyflow.policy import Category, Defaults, Policy, Sender, SmsRules

NOW = datetime(2026, 11, 28, 23, 30, tzinfo=UTC)
KINDS = {"marketing": Category(), "receipts": Category("not-required")}
POLICY = Policy(
    categories=KINDS,
    senders={"sms": Sender("+46700000000"), "email": Sender("club@example.com")},
    sms=SmsRules(
        replace=True, opt_out={"en": "Reply STOP to stop.", "sv": "Svara STOPP."}, opt_out_in=("US",)
    ),
    defaults=Defaults("Europe/Stockholm", "sv"),
)


def compose(
    text: str, written_in: str = "", *, policy: Policy = POLICY, category: str = "marketing", **customer: Any
) -> str:
    template = Template("hello", "sms", written_in, text)
    step = Send("steps/0", 1, "sms", "hello")
    return _composed(Plan("letters", "", category, 50, EnterByHand(), (step,)), template, policy, customer)


def _composed(plan: Plan, template: Template, policy: Policy, customer: dict[str, Any]) -> str:
    writer = Writer(plan, policy, template.channel, Renderer())
    claim = Claim(
        message=1, enrollment=1, customer_id=1, category=plan.category, step=0, at=NOW, template="hello",
        to=customer.pop("to", "+46701740605"), locale=customer.pop("locale", None),
        country=customer.pop("country", None), customer={"id": "ann"} | customer,
        event={"at": "2026-11-28T23:30:00Z", "total": 1234.5},
    )  # fmt: skip
    materials = Materials({"hello": {template.locale: template}})
    return writer.compose(claim, materials, NOW).text


@pytest.mark.parametrize(
    ("written_in", "customer", "text"),
    [
        ("", {}, "29 november 2026, 1 234,50 kr"),
        ("", {"locale": "en-GB", "timezone": "Europe/London"}, "28 November 2026, SEK 1,234.50"),
        ("en", {"locale": "en-US", "timezone": "America/New_York"}, "November 28, 2026, SEK 1,234.50"),
        ("sv", {"locale": "nl-NL", "timezone": "Asia/Tokyo"}, "29 november 2026, 1 234,50 kr"),
    ],
)
def test_dates_and_money_are_the_readers(written_in: str, customer: dict[str, Any], text: str) -> None:
    template = "{{ event.at | date('long') }}, {{ event.total | money('SEK') }}"
    assert compose(template, written_in, country="SE", **customer) == text


@pytest.mark.parametrize(
    ("customer", "added"),
    [
        ({"country": "US", "locale": "en-US"}, "\nReply STOP to stop."),
        ({"country": "US"}, "\nSvara STOPP."),
        ({"country": "SE"}, ""),
        ({"timezone": "America/New_York"}, "\nSvara STOPP."),  # where they live tells the country
        ({}, ""),  # the programme's own timezone is in Sweden
        ({"country": "US", "category": "receipts"}, ""),
    ],
)
def test_how_to_stop_is_said_where_it_must_be(customer: dict[str, Any], added: str) -> None:
    assert compose("Hej – du", **customer) == f"Hej - du{added}"  # noqa: RUF001


def test_a_template_of_one_language_ends_in_it() -> None:
    assert compose("Hej", "sv", country="US", locale="en-US") == "Hej\nSvara STOPP."


@pytest.mark.parametrize("address", ["+4670\r\n1740605", "ann@example.com\nBcc: all@example.com", "a\x00b"])
def test_an_address_cannot_be_broken_into_headers(address: str) -> None:
    with pytest.raises(RenderError, match=r"^the customer's address has a line break") as caught:
        compose("Hi", to=address)
    assert "4670" not in str(caught.value)
    assert "example" not in str(caught.value)


def test_a_webhook_writes_as_its_customer_reads() -> None:
    step = Webhook("steps/0", 1, "https://example.com", (Datum("paid", "{{ event.total | money('SEK') }}"),))
    plan = Plan("letters", "", "marketing", 50, EnterByHand(), (step,))
    text = _composed(plan, Template("hello", "webhook", "", "-"), POLICY, {"locale": "en-GB"})
    assert '"paid": "SEK\xa01,234.50"' in text
