"""Every problem's code: what it is called and what it means, for people and for the documentation."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Code:
    title: str
    explanation: str


CODES: dict[str, Code] = {
    # JF0xx: the file as YAML
    "JF001": Code(
        "not readable as YAML", "The text breaks YAML's own rules, so nothing after that place is read."
    ),
    "JF002": Code(
        "tab in the indentation", "YAML indents with spaces; a tab looks different in every editor."
    ),
    "JF003": Code("forbidden character", "Byte order marks, NUL and other control characters are refused."),
    "JF004": Code(
        "not UTF-8", "Files are read as UTF-8, so that every letter means the same on every computer."
    ),
    "JF005": Code(
        "more than one document", "One file holds one document; a second `---` would be ignored silently."
    ),
    "JF006": Code("empty file", "A file without content is more likely a mistake than a wish."),
    "JF007": Code(
        "anchor or alias", "`&name` and `*name` are refused: what is read must stand where it is used."
    ),
    "JF008": Code("tag", "`!name` is refused: the language itself knows the type of every value."),
    "JF009": Code("merge key", "`<<` is refused: what is read must stand where it is used."),
    "JF010": Code("key given twice", "YAML would keep one of the two and say nothing."),
    "JF011": Code("key is not a word", "A key must be a plain word or a quoted text."),
    "JF012": Code("file too large", "A file may have at most 256 kB."),
    "JF013": Code("nested too deeply", "Lists and keys may be nested 32 levels deep."),
    "JF014": Code("too many values", "A file may hold at most 2,000 keys and values."),
    "JF015": Code("file cannot be read", "The operating system refused to open the file."),
    "JF016": Code(
        "file is not looked at",
        "Only files ending in `.yaml` are journeys; others would be ignored silently.",
    ),
    # JF1xx: the shape of a journey, of segments and of the policy
    "JF101": Code("unknown key", "Every key must be known, so that a misspelt one is never ignored."),
    "JF102": Code("missing key", "A key that has no default must be given."),
    "JF103": Code("unknown step", "A step is one of the language's steps."),
    "JF104": Code(
        "wrong kind of value", "A list, a set of keys or a single value stands where another is expected."
    ),
    "JF105": Code(
        "not exactly one choice", "Several keys exclude each other, and one of them must be given."
    ),
    "JF106": Code("unknown word", "Only certain words may stand here."),
    "JF107": Code(
        "duration", 'A duration is written as "90 minutes", "1 day 2 hours", "2 weeks", or P3D and PT2H.'
    ),
    "JF108": Code("time of day or weekday", 'Times are "00:00" to "23:59", weekdays mon to sun.'),
    "JF109": Code("date", "Dates are ISO 8601: 2026-01-31, or 2026-01-31T09:00:00Z with an offset."),
    "JF110": Code("number out of range", "A number of another kind or size is expected."),
    "JF111": Code("malformed name", "Names that people refer to are short and have no spaces."),
    "JF112": Code("unknown condition", "A condition is one of the language's conditions."),
    "JF113": Code("comparison does not fit its value", "Each comparison takes its own kind of value."),
    "JF114": Code("number or text", "A value that changes when it is read as a number must say what it is."),
    "JF115": Code(
        "cron expression", "A schedule is five fields: minute, hour, day of month, month, weekday."
    ),
    "JF116": Code("timezone", "Timezones are named as in the IANA database: Europe/Stockholm."),
    "JF117": Code("not supported yet", "The language has a place for this, but this version cannot run it."),
    "JF118": Code(
        "name differs from the file", "A journey has the name of its file, so that it can be found."
    ),
    "JF119": Code("empty list", "An empty list is more likely a mistake than a wish."),
    "JF120": Code("misplaced otherwise", "A branch has at most one `otherwise`, and it stands last."),
    "JF121": Code("step id given twice", "A step's id names one step in errors, reports and tests."),
    "JF122": Code("sender", "A sender must be an address that its channel can send from."),
    "JF123": Code("locale", "Locales are language tags: sv, en-GB, pt-BR."),
    "JF124": Code(
        "share of an experiment",
        "Shares are percent with at most two decimals; with the holdout they add up to 100%.",
    ),
    "JF125": Code(
        "experiment named twice", "The name decides who gets what, so two experiments need two names."
    ),
    # JF2xx: references between files
    "JF201": Code("unknown segment", "A segment must be defined in journeys/segments.yaml."),
    "JF202": Code(
        "segments in a circle", "A segment may use others, but never itself, not even through others."
    ),
    "JF203": Code("unknown category", "A category must be defined in journeys/policy.yaml."),
    "JF204": Code("unknown channel", "Messages go out by e-mail or SMS."),
    "JF205": Code("channel without sender", "Who sends on a channel is set in journeys/policy.yaml."),
    "JF206": Code(
        "unknown template", "A template is a folder in templates/messages with a file for the channel."
    ),
    "JF207": Code("segment too large", "A segment with all segments that it uses may hold 1,000 conditions."),
    # JF3xx: the way through a journey
    "JF301": Code("never reached", "No customer can ever come to this step."),
    "JF302": Code(
        "no entry to look back to",
        "The entry exists only inside a journey, and its event only with an event entry.",
    ),
    # JF4xx: templates
    "JF401": Code("faulty template", "A template that cannot be rendered would fail for every customer."),
}
