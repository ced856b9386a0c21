"""What is made up for a template's variables is of the kind that the template expects."""

from typing import Any

import pytest

from journeyflow.messages.render import Renderer
from journeyflow.messages.templates import Template
from journeyflow.preview.made_up import made_up, nested


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("Hi {{ customer.first_name }}", {"customer.first_name": "Alex"}),
        ("{{ customer.shoe_size }}", {"customer.shoe_size": "shoe size"}),
        ("{{ event.total | money('SEK') }}", {"event.total": 42}),
        ("{{ event.at | date }}", {"event.at": "2026-12-24T18:30:00Z"}),
        ("{{ event.points + 5 }}", {"event.points": 42}),
        ("{% if customer.points > 100 %}x{% endif %}y", {"customer.points": 101}),
        ("{% if event.total <= 9 %}x{% endif %}y", {"event.total": 9}),
        ("{% if event.kind != 'return' %}x{% endif %}y", {"event.kind": "kind"}),
        ("{% if customer.tier in ['gold', 'silver'] %}x{% endif %}y", {"customer.tier": "gold"}),
        ("{{ event.names | join(', ') }}", {"event.names": ["names"]}),
        ("{% for one in event.tags %}{{ one }}{% endfor %}", {"event.tags": ["one", "one"]}),
        (
            "{% for item in event.cart | sort %}{{ item.title }} {{ item.price | number }}{% endfor %}",
            {"event.cart": [{"title": "title", "price": 42}] * 2},
        ),
        ("{{ event.order.total }}", {"event.order.total": "total"}),
        ("{{ journey.name }} {{ sender.from }} {{ unsubscribe_url }}", {}),
    ],
)
def test_each_variable_gets_a_value_that_fits(text: str, values: dict[str, Any]) -> None:
    template = Template("a", "sms", "", text)
    assert made_up(template) == values
    given = {"journey": {"name": "x"}, "sender": {"from": "y"}, "unsubscribe_url": "z"}
    assert Renderer().render(template, given | nested(values)).text
