"""Ready rules that a policy chooses by name.

They keep to the careful side of what law and custom ask for, and are no legal advice. Where they come from:
eu: what operators and trade bodies in most member states accept for SMS. us: the Telephone Consumer
Protection Act's 8:00-21:00 (47 CFR 64.1200(c)(1)), an hour tighter and later on Sundays, as several states
are stricter. us-florida: Florida Statutes 501.059(8), 8:00-20:00 and at most three in 24 hours. france: the
charter of the French operators (AF2M), which lets no commercial SMS through at night, on Sundays and on
public holidays.
"""

from dataclasses import dataclass

from journeyflow.policy import DAY, Cap, QuietHours

_SUNDAY = 6


@dataclass(frozen=True, slots=True)
class Preset:
    caps: tuple[Cap, ...] = ()
    quiet_hours: tuple[QuietHours, ...] = ()


PRESETS = {
    "eu": Preset(quiet_hours=(QuietHours("21:00", "08:00", "sms"),)),
    "us": Preset(
        quiet_hours=(
            QuietHours("20:00", "09:00", "sms", country="US"),
            QuietHours("00:00", "12:00", "sms", country="US", days=(_SUNDAY,)),
        )
    ),
    "us-florida": Preset(
        caps=(Cap(3, DAY, "sms", country="US-FL"),),
        quiet_hours=(QuietHours("20:00", "08:00", "sms", country="US-FL"),),
    ),
    "france": Preset(
        quiet_hours=(
            QuietHours("20:00", "08:00", "sms", country="FR"),
            QuietHours(channel="sms", country="FR", days=(_SUNDAY,), holidays=True),
        )
    ),
}
