"""Examples of problems with what a file says."""

from journeyflow.language.examples.example import Example

_FOOT = '<p>{{ sender.postal_address }} <a href="https://www.example.com/unsubscribe">Unsubscribe</a></p>'
_LETTER = "---\nsubject: Hello\n---\n"


def _near(cities: int) -> list[str]:
    return ["near:", "  any:", *(f"    - {{attribute: city, is: city-{n}}}" for n in range(1, cities + 1))]


def _nearer(shops: int) -> list[str]:
    arms = (f"    - all: [{{segment: near}}, {{attribute: shop, is: shop-{n}}}]" for n in range(1, shops + 1))
    return ["nearer:", "  any:", *arms]


_TWO_VARIANTS = "    variants: {soon: {share: 50%, steps: []}, later: {share: 50%, steps: [{wait: 1 day}]}}"

MEANING: dict[str, Example] = {
    "JF201": Example("exit:\n  - when: {segment: laspsed}", "exit:\n  - when: {segment: lapsed}"),
    "JF202": Example(
        "loyal: {not: {segment: lapsed}}\nlapsed: {not: {segment: loyal}}",
        "loyal: {event: order.completed, within: 90 days}\nlapsed: {not: {segment: loyal}}",
        file="segments",
    ),
    "JF203": Example("category: promotion", "category: marketing"),
    "JF204": Example("- send: {e-mail: welcome}", "- send: {email: welcome}"),
    "JF205": Example(
        "senders: {sms: {from: Club}}",
        'senders: {email: {from: club@example.com, postal_address: "Club, 1 Example Street"}}',
        file="policy",
    ),
    "JF206": Example("- send: {email: welcom}", "- send: {email: welcome}"),
    "JF207": Example(
        "\n".join([*_near(40), *_nearer(30)]),
        "near: {attribute: city, in: [city-1, city-2]}\n"
        "nearer: {all: [{segment: near}, {attribute: shop, in: [shop-1, shop-2]}]}",
        file="segments",
        shown="\n".join(
            [*_near(2), "    # and so on, for 40 cities", *_nearer(2), "    # and so on, for 30 shops"]
        ),
    ),
    "JF208": Example(
        "Thank you for {{ event.total }}! Reply STOP for no more.",
        "Thank you for {{ event.total|default('your order') }}! Reply STOP for no more.",
        file="sms.txt",
    ),
    "JF209": Example(
        f"{_LETTER}<p>Hej!</p>\n{_FOOT}",
        f"{_LETTER}<p>Hello!</p>\n{_FOOT}",
        file="email.sv.html",
        good_file="email.en.html",
    ),
    "JF210": Example(
        "Dear {{ customer.first_name }}, " + "we have so much to tell you. " * 16,
        "Dear {{ customer.first_name }}, we have news: example.com/n",
        file="sms.txt",
    ),
    "JF211": Example(
        f'{_LETTER}<p>Hello!</p>\n<p><a href="https://www.example.com/unsubscribe">Unsubscribe</a></p>',
        f"{_LETTER}<p>Hello!</p>\n{_FOOT}",
        file="email.html",
    ),
    "JF212": Example(
        f"{_LETTER}<p>Hello!</p>\n<p>{{{{ sender.postal_address }}}}</p>",
        f"{_LETTER}<p>Hello!</p>\n{_FOOT}",
        file="email.html",
    ),
    "JF213": Example("- journey: neighbor", "- journey: neighbour"),
    "JF214": Example("- wait: 30 days\n- journey: example", "- wait: 30 days\n- journey: neighbour"),
    "JF215": Example("topic: new", "category: marketing"),
    "JF216": Example(
        "exit:\n  - when: {segment: rfm-lapsed}",
        "purchases: {event: order.completed, value: total}",
        good_file="policy",
    ),
    "JF217": Example(
        "rfm-loyal: {event: order.completed, count: {at_least: 3}}",
        "regular: {event: order.completed, count: {at_least: 3}}",
        file="segments",
    ),
    "JF301": Example("- end\n- send: {email: welcome}", "- send: {email: welcome}\n- end"),
    "JF302": Example(
        'enter: {schedule: "0 9 * * mon", when: {consent: email}}\n'
        "exit:\n  - when: {trigger: {total: {at_least: 100}}}",
        "enter: {event: order.completed, when: {consent: email}}\n"
        "exit:\n  - when: {trigger: {total: {at_least: 100}}}",
    ),
    "JF303": Example(
        "vip: {all: [{attribute: tier, is: gold}, {attribute: tier, is: platinum}]}",
        "vip: {any: [{attribute: tier, is: gold}, {attribute: tier, is: platinum}]}",
        file="segments",
    ),
    "JF304": Example(
        "goal: {event: order.completed, where: {total: {at_least: 100, less_than: 50}}}",
        "goal: {event: order.completed, where: {total: {at_least: 50, less_than: 100}}}",
    ),
    "JF305": Example(
        "- branch:\n"
        "    - when: {attribute: points, at_least: 100}\n      then: [{wait: 1 day}]\n"
        "    - when: {attribute: points, at_least: 500}\n      then: [end]",
        "- branch:\n"
        "    - when: {attribute: points, at_least: 500}\n      then: [end]\n"
        "    - when: {attribute: points, at_least: 100}\n      then: [{wait: 1 day}]",
    ),
    "JF306": Example(
        "exit:\n  - event: order.completed\nsteps:\n  - wait_for: {event: order.completed, timeout: 7 days}",
        "exit:\n  - event: order.refunded\nsteps:\n  - wait_for: {event: order.completed, timeout: 7 days}",
    ),
    "JF307": Example(
        "- send: {email: welcome}\n- send: {email: come-back}",
        "- send: {email: welcome}\n- wait: 2 days\n- send: {email: come-back}",
    ),
    "JF308": Example(
        "# no SMS goes out from 21:00 to 08:00\nenter: {event: cart.opened, when: {consent: sms}}\nsteps:\n"
        "  - send: {sms: code}\n  - wait_for: {event: order.completed, timeout: 2 hours}",
        "enter: {event: cart.opened, when: {consent: sms}}\nsteps:\n"
        "  - send: {sms: code}\n  - wait_for: {event: order.completed, timeout: 1 day}",
    ),
    "JF309": Example(
        "enter: {event: cart.opened, when: {consent: email}, again: always}\n"
        "steps:\n  - send: {email: welcome}",
        "enter: {event: cart.opened, when: {consent: email}, again: after 30 days}\n"
        "steps:\n  - send: {email: welcome}",
    ),
    "JF310": Example(
        "enter: {event: cart.opened, when: {consent: email}}\nexit:\n  - when: {consent: email}",
        "enter: {event: cart.opened, when: {consent: email}}\nexit:\n  - when: {not: {consent: email}}",
    ),
    "JF311": Example("- journey: sorting\n- journey: sorting", "- journey: sorting\n- wait: 30 days"),
    "JF312": Example(
        "exit:\n  - leaves: lapsed\n  - leaves: lapsed",
        "exit:\n  - leaves: lapsed\n  - leaves: do-not-disturb",
    ),
    "JF313": Example(
        f"- experiment:\n    name: timing\n{_TWO_VARIANTS}",
        "goal: {event: order.completed, within: 14 days}\nsteps:\n  - experiment:\n      name: timing\n"
        f"  {_TWO_VARIANTS}",
    ),
    "JF401": Example(
        "Hello {{ customer.first_name }! Reply STOP.",
        "Hello {{ customer.first_name }}! Reply STOP.",
        file="sms.txt",
    ),
    "JF501": Example(
        "# journeys/policy.yaml allows two marketing messages a day\n"
        "- send: {email: welcome}\n- wait: 1 hour\n- send: {email: come-back}\n- wait: 1 hour\n"
        "- send: {email: welcome}",
        "- send: {email: welcome}\n- wait: 2 days\n- send: {email: come-back}",
    ),
    "JF502": Example(
        "# another journey sends two messages at once when a cart is left, which is all that the cap allows\n"
        "enter: {event: cart.left, when: {consent: email}}\nsteps:\n  - send: {email: welcome}",
        "enter: {event: cart.left, when: {consent: email}}\n"
        "steps:\n  - wait: 2 days\n  - send: {email: welcome}",
    ),
    "JF601": Example(
        "enter: {event: member.joined}\nsteps:\n  - send: {email: welcome}",
        "enter: {event: member.joined, when: {consent: email}}\nsteps:\n  - send: {email: welcome}",
    ),
    "JF602": Example(
        "- send: {email: welcome, when_unknown: resend}",
        "category: transactional\nsteps:\n  - send: {email: welcome, when_unknown: resend}",
    ),
    "JF701": Example(
        "allow: {JF307: }\nsteps:\n  - send: {email: welcome}\n  - wait: 1 day",
        "allow: {JF307: the second one is a receipt}\n"
        "steps:\n  - send: {email: welcome}\n  - send: {email: come-back}",
    ),
    "JF702": Example(
        "allow: {JF307: the second one is a receipt}\nsteps:\n  - send: {email: welcome}",
        "allow: {JF307: the second one is a receipt}\n"
        "steps:\n  - send: {email: welcome}\n  - send: {email: come-back}",
    ),
}
