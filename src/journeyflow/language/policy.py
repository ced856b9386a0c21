"""Reading journeys/policy.yaml: the rules of the whole programme."""

from dataclasses import dataclass, replace

from journeyflow.language import values
from journeyflow.language.caps import caps
from journeyflow.language.categories import categories, topics
from journeyflow.language.definition import Word
from journeyflow.language.fields import Fields, as_list, as_map
from journeyflow.language.hours import hours
from journeyflow.language.opening import never_open
from journeyflow.language.presets import PRESETS
from journeyflow.language.problems import Report
from journeyflow.language.purchases import purchases
from journeyflow.language.scopes import Known, known_channel
from journeyflow.language.senders import brand, senders
from journeyflow.language.shares import ALL, share
from journeyflow.language.sms_rules import sms_rules
from journeyflow.language.source import Document, TextNode
from journeyflow.language.tracking import tracking
from journeyflow.policy import Defaults, Policy, QuietHours, Retention, SmsRules, Tracking

_KEYS = (
    "categories", "topics", "presets", "caps", "quiet_hours", "send_windows", "spread", "double_opt_in",
    "senders", "brand", "tracking", "sms", "retention", "purchases", "holdout", "defaults",
)  # fmt: skip
_LONGEST_SPREAD = 12 * 3_600
_KEPT = ("events", "messages", "enrollments", "consent_log", "audit_log")


@dataclass(frozen=True, slots=True)
class ReadPolicy:
    policy: Policy | None  # None if anything in the file is wrong: what rules apply cannot be half known
    journeys: tuple[Word, ...] = ()  # that caps name


def parse_policy(document: Document) -> ReadPolicy:
    report = document.report
    root = as_map(document.root, "the policy", report) if document.root else None
    if root is None:
        return ReadPolicy(None)
    fields = Fields(root, _KEYS, "the policy", report)
    policy, named = _policy(fields, report)
    policy = _with_presets(policy, fields, report)
    if not report.problems:
        _refuse_closed(policy, fields, report)
    return ReadPolicy(None if report.problems else policy, named)


def _policy(fields: Fields, report: Report) -> tuple[Policy, tuple[Word, ...]]:
    """Without its presets; and the journeys that caps name."""
    kinds = categories(fields.get("categories"), report)
    subjects = topics(node, report) if (node := fields.get("topics")) else {}
    exempt = [name for name, category in kinds.items() if category.caps == "exempt"]
    known = Known(kinds, subjects, exempt)
    own, named = caps(node, known, report) if (node := fields.get("caps")) else ((), ())
    policy = Policy(
        categories=kinds,
        topics=subjects,
        caps=own,
        quiet_hours=_hours(fields, "quiet_hours", known, report),
        send_windows=_hours(fields, "send_windows", known, report),
        spread=_spread(fields, report),
        double_opt_in=_channels(fields, report),
        senders=senders(node, report) if (node := fields.get("senders")) else {},
        brand=brand(node, report) if (node := fields.get("brand")) else None,
        tracking=tracking(node, report) if (node := fields.get("tracking")) else Tracking(),
        sms=sms_rules(node, report) if (node := fields.get("sms")) else SmsRules(),
        retention=_retention(fields, report),
        purchases=purchases(node, report) if (node := fields.get("purchases")) else None,
        holdout=_holdout(fields, report),
        defaults=_defaults(fields, report),
    )
    return policy, named


def _with_presets(policy: Policy, fields: Fields, report: Report) -> Policy:
    node = fields.get("presets")
    items = as_list(node, '"presets"', report) if node else None
    names = (values.one_of(item, PRESETS, "a preset", report) for item in (items.items if items else ()))
    for preset in (PRESETS[name] for name in dict.fromkeys(names) if name):
        policy = replace(
            policy,
            caps=policy.caps + preset.caps,
            quiet_hours=policy.quiet_hours + preset.quiet_hours,
        )
    return policy


def _refuse_closed(policy: Policy, fields: Fields, report: Report) -> None:
    without_windows = set(never_open(replace(policy, send_windows=())))
    for channel, category, country in never_open(policy):
        key = "quiet_hours" if (channel, category, country) in without_windows else "send_windows"
        where = f" in {country}" if country else ""
        message = (
            f'there is no minute in the week at which "{category}" may go out by "{channel}"{where}; '
            "let the hours leave some time"
        )
        report.add(fields.key(key), "JF132", message)


def _hours(fields: Fields, key: str, known: Known, report: Report) -> tuple[QuietHours, ...]:
    node = fields.get(key)
    return hours(node, key, known, report) if node else ()


def _spread(fields: Fields, report: Report) -> int:
    node, standard = fields.get("spread"), Policy().spread
    if isinstance(node, TextNode) and node.value == "none":
        return 0
    seconds = _duration(fields, "spread", standard, report)
    if node and seconds > _LONGEST_SPREAD:
        message = f'"spread" is more than {_LONGEST_SPREAD // 3_600} hours; write a shorter time, or "none"'
        report.add(node.mark, "JF107", message)
    return seconds


def _channels(fields: Fields, report: Report) -> tuple[str, ...]:
    node = fields.get("double_opt_in")
    items = as_list(node, '"double_opt_in"', report) if node else None
    names = (known_channel(item, report) for item in (items.items if items else ()))
    return tuple(name for name in dict.fromkeys(names) if name)


def _retention(fields: Fields, report: Report) -> Retention:
    node = fields.get("retention")
    keys = as_map(node, '"retention"', report) if node else None
    if keys is None:
        return Retention()
    inner = Fields(keys, _KEPT, '"retention"', report)
    found = {name: inner.get(name) for name in _KEPT}
    return Retention(
        **{name: values.duration(node, f'"{name}"', report) for name, node in found.items() if node}
    )


def _holdout(fields: Fields, report: Report) -> int:
    node = fields.get("holdout")
    return (node and share(node, '"holdout"', report, most=ALL // 2)) or 0


def _duration(fields: Fields, key: str, standard: int, report: Report) -> int:
    node = fields.get(key)
    return (node and values.duration(node, f'"{key}"', report)) or standard


def _defaults(fields: Fields, report: Report) -> Defaults:
    node = fields.get("defaults")
    keys = as_map(node, '"defaults"', report) if node else None
    if keys is None:
        return Defaults()
    inner = Fields(keys, ("timezone", "locale", "max_event_age"), '"defaults"', report)
    zone, locale = inner.get("timezone"), inner.get("locale")
    standard = Defaults()
    return Defaults(
        timezone=(zone and values.zone(zone, report)) or standard.timezone,
        locale=(locale and values.locale(locale, '"locale"', report)) or standard.locale,
        max_event_age=_duration(inner, "max_event_age", standard.max_event_age, report),
    )
