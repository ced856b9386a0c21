"""Examples of problems with the text and the shape of a file."""

from journeyflow.language.examples.example import Example

_TWO_STEPS = "- send: {email: welcome}\n- wait: 30 days"

_EXPERIMENT = "- experiment:\n    metric: {event: order.completed, within: 14 days}"
_TWO_VARIANTS = "    variants: {soon: {share: 50%, steps: []}, later: {share: 50%, steps: [{wait: 1 day}]}}"

SHAPE: dict[str, Example] = {
    "JF001": Example("title: Hello: welcome to the club", 'title: "Hello: welcome to the club"'),
    "JF002": Example("steps:\n\t- wait: 1 day", "steps:\n  - wait: 1 day"),
    "JF003": Example('title: "A birthday\\0"', 'title: "A birthday"'),
    "JF004": Example('title: "Sm\u00f6rg\u00e5s"', 'title: "Sm\u00f6rg\u00e5s"', encoding="ISO-8859-1"),
    "JF005": Example(
        "steps: [{wait: 1 day}]\n---\nsteps: [{wait: 2 days}]", "steps: [{wait: 1 day}, {wait: 2 days}]"
    ),
    "JF006": Example("# only a remark", "lapsed: {event: order.completed}", file="segments"),
    "JF007": Example("- wait: &pause 1 day\n- wait: 2 days", "- wait: 1 day\n- wait: 2 days"),
    "JF008": Example("priority: !!int 50", "priority: 50"),
    "JF009": Example("<<: {priority: 80}\ntitle: Welcome", "priority: 80\ntitle: Welcome"),
    "JF010": Example("title: Welcome\ntitle: Welcome to the club", "title: Welcome to the club"),
    "JF011": Example("? [a, b]\n: c", "title: A and B"),
    "JF012": Example(
        f"{_TWO_STEPS}\n" * 7_000,
        f"{_TWO_STEPS}\n- journey: neighbour",
        shown=f"{_TWO_STEPS}\n# and so on, for more than 256 kB",
    ),
    "JF013": Example("- wait: " + "[" * 33 + "]" * 33, "- wait: 1 day"),
    "JF014": Example(
        f"{_TWO_STEPS}\n" * 400,
        f"{_TWO_STEPS}\n- journey: neighbour",
        shown=f"{_TWO_STEPS}\n# and so on, 400 times",
    ),
    "JF015": Example(
        "- wait: 1 day", "- wait: 1 day", file="example.yaml/steps.yaml", good_file="example.yaml"
    ),
    "JF016": Example("- wait: 1 day", "- wait: 1 day", file="example.yml", good_file="example.yaml"),
    "JF101": Example("titel: Welcome", "title: Welcome"),
    "JF102": Example(
        "- wait_for: {event: order.completed}", "- wait_for: {event: order.completed, timeout: 7 days}"
    ),
    "JF103": Example("- sned: {email: welcome}", "- send: {email: welcome}"),
    "JF104": Example("- send: welcome", "- send: {email: welcome}"),
    "JF105": Example(
        "enter: {event: member.joined, segment: lapsed, when: {consent: email}}",
        "enter: {event: member.joined, when: {all: [{consent: email}, {segment: lapsed}]}}",
    ),
    "JF106": Example(
        "- send: {email: welcome, if_capped: forget}", "- send: {email: welcome, if_capped: skip}"
    ),
    "JF107": Example("- wait: 3h", "- wait: 3 hours"),
    "JF108": Example('- wait: {until: "9 in the morning"}', '- wait: {until: "09:00", days: [mon, tue]}'),
    "JF109": Example(
        "renewing: {attribute: renewal, before: 31/12/2026}",
        "renewing: {attribute: renewal, before: 2026-12-31}",
        file="segments",
    ),
    "JF110": Example("priority: high", "priority: 80"),
    "JF111": Example("category: Special Offers", "category: marketing"),
    "JF112": Example("vip: {atribute: tier, is: gold}", "vip: {attribute: tier, is: gold}", file="segments"),
    "JF113": Example(
        "vip: {attribute: tier, is: [gold, platinum]}",
        "vip: {attribute: tier, in: [gold, platinum]}",
        file="segments",
    ),
    "JF114": Example(
        "stockholm: {attribute: area, is: 08}", 'stockholm: {attribute: area, is: "08"}', file="segments"
    ),
    "JF115": Example(
        'enter: {schedule: "every monday", when: {consent: email}}',
        'enter: {schedule: "0 9 * * mon", when: {consent: email}}',
    ),
    "JF116": Example(
        "defaults: {timezone: Stockholm}", "defaults: {timezone: Europe/Stockholm}", file="policy"
    ),
    "JF118": Example("journey: welcome-2", "journey: example"),
    "JF119": Example("steps: []", "steps: [{wait: 1 day}]"),
    "JF120": Example(
        "- branch:\n    - otherwise: [{wait: 1 day}]\n    - when: {consent: sms}\n      then: [end]",
        "- branch:\n    - when: {consent: sms}\n      then: [end]\n    - otherwise: [{wait: 1 day}]",
    ),
    "JF121": Example(
        "- {id: pause, wait: 1 day}\n- {id: pause, wait: 2 days}",
        "- {id: pause, wait: 1 day}\n- {id: long-pause, wait: 2 days}",
    ),
    "JF122": Example(
        "senders: {sms: {from: The whole of the club}}",
        "senders: {sms: {from: The Club}, email: {from: club@example.com, "
        'postal_address: "Club, 1 Example Street"}}',
        file="policy",
    ),
    "JF123": Example("defaults: {locale: Swedish}", "defaults: {locale: sv}", file="policy"),
    "JF124": Example(
        f"{_EXPERIMENT}\n    name: timing\n    holdout: 10%\n    variants:\n"
        "      soon: {share: 50%, steps: []}\n      later: {share: 50%, steps: [{wait: 1 day}]}",
        f"{_EXPERIMENT}\n    name: timing\n    holdout: 10%\n    variants:\n"
        "      soon: {share: 45%, steps: []}\n      later: {share: 45%, steps: [{wait: 1 day}]}",
    ),
    "JF125": Example(
        f"{_EXPERIMENT}\n    name: timing\n{_TWO_VARIANTS}\n{_EXPERIMENT}\n    name: timing\n{_TWO_VARIANTS}",
        f"{_EXPERIMENT}\n    name: timing\n{_TWO_VARIANTS}\n{_EXPERIMENT}\n    name: colour\n{_TWO_VARIANTS}",
    ),
    "JF126": Example("enter: {event: journeyflow.enroll}", "enter: {manual: true}"),
    "JF127": Example(
        '- webhook: {url: "http://example.com/hook"}', '- webhook: {url: "https://example.com/hook"}'
    ),
    "JF128": Example(
        '- webhook: {url: "https://example.com/hook", body: {name: "{{ first_name }}"}}',
        '- webhook: {url: "https://example.com/hook", '
        """body: {name: "{{ customer.first_name | default('') }}"}}""",
    ),
    "JF129": Example("- update: {phone: 070-1740605}", '- update: {phone: "+46701740605"}'),
    "JF130": Example("- update: {reviewer: yes}", "- update: {reviewer: true}"),
    "JF131": Example(
        "quiet_hours: [{country: Sweden, days: [sun]}]",
        "quiet_hours: [{country: SE, days: [sun]}]",
        file="policy",
    ),
    "JF133": Example(
        "categories: {marketing: {}, news: {caps: exempt}}\ncaps: [{category: news, at_most: 1, per: 1 day}]",
        "categories: {marketing: {}, news: {}}\ncaps: [{category: news, at_most: 1, per: 1 day}]",
        file="policy",
    ),
    "JF132": Example(
        'quiet_hours: [{from: "20:00", to: "10:00"}, {from: "08:00", to: "20:00"}]',
        'quiet_hours: [{from: "20:00", to: "10:00"}, {days: [sun]}]',
        file="policy",
    ),
    "JF134": Example(
        f"{_EXPERIMENT}\n    name: timing\n    variants: {{all: {{share: 100%, steps: []}}}}",
        f"{_EXPERIMENT}\n    name: timing\n    holdout: 10%\n"
        "    variants: {all: {share: 90%, steps: []}}",
    ),
}
