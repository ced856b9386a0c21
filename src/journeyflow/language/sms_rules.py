"""Reading `sms`: what is done to the texts of SMS before they leave."""

from journeyflow.language import values
from journeyflow.language.categories import by_locale
from journeyflow.language.fields import Fields, as_list, as_map
from journeyflow.language.problems import Report
from journeyflow.language.source import Node
from journeyflow.policy import SmsRules

_KEYS = ("replace", "short_links", "opt_out", "opt_out_in")


def sms_rules(node: Node, report: Report) -> SmsRules:
    keys = as_map(node, '"sms"', report)
    if keys is None:
        return SmsRules()
    fields = Fields(keys, _KEYS, '"sms"', report)
    text = fields.get("opt_out")
    countries = _countries(fields, report)
    if text is None:
        message = '"opt_out_in" says where "opt_out" is added, and there is none; add it, or take this out'
        fields.refuse("opt_out_in", "JF105", message)
    return SmsRules(
        replace=_switch(fields, "replace", report),
        short_links=_switch(fields, "short_links", report),
        opt_out=by_locale(text, '"opt_out"', report) if text else {},
        opt_out_in=countries,
    )


def _switch(fields: Fields, key: str, report: Report) -> bool:
    node = fields.get(key)
    return bool(node and values.boolean(node, f'"{key}"', report))


def _countries(fields: Fields, report: Report) -> tuple[str, ...]:
    node = fields.get("opt_out_in")
    items = as_list(node, '"opt_out_in"', report) if node else None
    found = (values.country(item, '"opt_out_in"', report) for item in (items.items if items else ()))
    return tuple(code for code in dict.fromkeys(found) if code)
