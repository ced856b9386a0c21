"""Every problem's code: what it is called and what it means, for people and for the documentation."""

from dataclasses import dataclass
from typing import Literal

Severity = Literal["error", "warning"]


@dataclass(frozen=True, slots=True)
class Code:
    title: str
    explanation: str
    severity: Severity = "error"  # a warning stops nobody, and a journey may silence it
    # What must be known before it can be said that there is no such problem.
    needs: Literal["journey", "templates", "programme"] = "journey"


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
        "Only files in `journeys/` itself that end in `.yaml` are journeys; those that end in `.yml`, or lie "
        "in folders below it, would be ignored silently.",
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
        "Shares are percent with at most two decimals; with the holdout they add up to 100%. What else is "
        "given in percent has bounds.",
    ),
    "JF125": Code(
        "experiment named twice",
        "The name decides who gets what, so two experiments need two names, in one journey or in several.",
    ),
    "JF126": Code(
        "reserved event", "Events whose names begin with `journeyflow.` are written by journeyflow alone."
    ),
    "JF127": Code(
        "webhook's address",
        "A webhook goes to one address, over https, and to this machine also over http.",
    ),
    "JF128": Code(
        "webhook's body",
        "Texts in a webhook's body are Jinja, as in templates, with `customer`, `event` and `journey`. What "
        "could be filled in for nobody is refused: powers, texts times numbers, division by zero, values "
        "called like functions, more than 20 brackets round a value, and what [templates](templates.md) may "
        "not have.",
    ),
    "JF129": Code(
        "email, phone, timezone, locale or country",
        "Messages go by these five attributes, so an `update` may replace them by a text of the right form, "
        "or forget them, but not add to them.",
    ),
    "JF130": Code(
        "yes, no, on or off",
        "These words are texts, and a comparison with true or false does not find them.",
        severity="warning",
    ),
    "JF131": Code("country", "Countries are named by ISO 3166: SE, or US-FL for a part of one."),
    "JF132": Code(
        "hours that leave no time",
        "Quiet hours and send windows together must let a message out at some time of the week.",
    ),
    "JF133": Code("cap that never counts", "A category that is exempt from caps has no use for one."),
    "JF134": Code(
        "experiment with nothing to compare",
        "An experiment tells of a difference between two variants, or between one and the holdout.",
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
    "JF208": Code(
        "variable that nothing provides",
        "A template and a webhook's body may use every attribute of the customer, the properties of the "
        "event that brought them in, `journey.name` and `journey.title`, and a template what the policy says "
        "about the sender. Who comes by hand or is handed over by another journey brings no event along, "
        "only `event.journey`, the name of the journey asked for.",
        needs="templates",
    ),
    "JF209": Code(
        "template without the default language",
        "A customer whose language has no version gets that of the default locale, so it must be there.",
        needs="templates",
    ),
    "JF210": Code(
        "long SMS",
        "A text of more than 160 characters (70 with letters outside the SMS alphabet) is sent, and paid "
        "for, as several SMS. Names of 39 letters are put in for every variable.",
        severity="warning",
        needs="templates",
    ),
    "JF211": Code(
        "no postal address",
        "Many countries want the sender's address in every marketing e-mail, and an honest one has it.",
        severity="warning",
        needs="templates",
    ),
    "JF212": Code(
        "no way to unsubscribe",
        "Every marketing e-mail says how to get no more of it.",
        severity="warning",
        needs="templates",
    ),
    "JF213": Code("unknown journey", "A journey that customers are handed over to must be in the programme."),
    "JF214": Code(
        "journeys in a circle",
        "Journeys that hand over to each other in a circle could write to a customer without end.",
    ),
    "JF215": Code("unknown topic", "A topic must be defined in journeys/policy.yaml."),
    "JF216": Code(
        "purchases not told apart",
        "Classes of customers by their purchases need `purchases` in the policy, which says what one is.",
    ),
    "JF217": Code(
        "name of a ready-made segment",
        "The segments `rfm-new` and so on are there by themselves, and mean the same in every programme.",
    ),
    # JF3xx: the way through a journey
    "JF301": Code("never reached", "No customer can ever come to this step."),
    "JF302": Code(
        "no entry to look back to",
        "The entry exists only inside a journey, and its event only with an event entry.",
    ),
    "JF303": Code(
        "condition that never holds", "Its parts contradict each other, such as two values at one time."
    ),
    "JF304": Code("event that never comes", "The tests on its properties contradict each other."),
    "JF305": Code(
        "arm that nobody takes",
        "A branch takes the first arm that holds, so a narrower condition has to stand before a wider one. "
        "Arms can also leave nobody only together, such as one for a condition and one for its opposite. "
        "What was asked at entry, or by the arm that a branch stands in, still holds until a wait, a message "
        "or an update.",
    ),
    "JF306": Code(
        "waits for an event that ends the journey",
        "A rule of `exit` takes the customer out before the wait could go on.",
    ),
    "JF307": Code(
        "two messages at once",
        "Two messages on one channel, with no wait between them, arrive together. A wait until the date "
        "in an attribute is none: who has no date, or one that is past, goes on at once.",
        severity="warning",
    ),
    "JF308": Code(
        "timeout within the quiet hours",
        "A message can be held for longer than the wait beside it lasts, and then the two lose their order. "
        "A message behind a wait until a time of day outside the quiet hours is not held.",
        severity="warning",
    ),
    "JF309": Code(
        "in again without a pause",
        "With `again: always` and no wait of at least a minute, every event sends; ten events in a minute "
        "send ten messages. Waiting for another event, or until the date in an attribute, may take no time.",
        severity="warning",
    ),
    "JF310": Code(
        "everybody leaves at once",
        "What must hold to come in makes customers leave, too, and that is looked at before the first step.",
    ),
    "JF311": Code(
        "handed over twice to a journey that takes customers in once",
        "A journey without `again` takes each customer in a single time, so the second hand-over does "
        "nothing. Journeys that ask something of the customer are not looked at: they may have refused the "
        "first time.",
        severity="warning",
        needs="programme",
    ),
    "JF312": Code(
        "leaves with the same segment twice",
        "The second of two exit rules on leaving one segment never does anything; it may mean another one.",
    ),
    "JF313": Code(
        "experiment that nothing decides",
        "Without a `metric`, and without a `goal` of the journey that has `within`, customers are shared out "
        "among the variants, but nothing says which of them is better.",
        severity="warning",
    ),
    # JF4xx: templates
    "JF401": Code(
        "faulty template",
        "A template that cannot be rendered would fail for every customer. Apart from tags that cannot be "
        "read, these are powers, texts times numbers, division by zero, values called like functions, and "
        "more than 20 brackets round a value. What templates may have at all is told in "
        "[Templates](templates.md).",
    ),
    # JF5xx: how much one customer gets
    "JF501": Code(
        "more than a cap lets through",
        "The longest path with the shortest waits sends more messages than the policy allows in that time; "
        "the gate holds or drops the rest. Looked at are the windows of the policy's caps. Journeys that are "
        "handed over to count, too. `--format json` tells the most for each journey; null is without limit. "
        "On one path up to 60 messages are counted, or one more than the widest cap if that is more; the "
        'warning writes "or more" beyond, and the JSON tells at least so many.',
        severity="warning",
        needs="programme",
    ),
    "JF502": Code(
        "journeys that run against a cap together",
        "Journeys that the same event, segment, date or schedule starts share the room under a cap, if what "
        "they ask of the customer and of the event does not exclude each other. Not compared are journeys "
        "with different occasions, such as an event and a segment or two schedules that meet now and then, "
        "and those that are entered by hand.",
        severity="warning",
        needs="programme",
    ),
    # JF6xx: consent
    "JF601": Code(
        "consent that nobody asks for",
        "The gate holds every marketing message without consent, but then the customer travels on as if it "
        "had been sent.",
        severity="warning",
    ),
    "JF602": Code(
        "marketing that is sent twice",
        "A message that may have gone out already is sent again only where customers wait for it, in a "
        "category that says `consent: not-required`.",
    ),
    # JF7xx: warnings that are silenced in the file
    "JF701": Code(
        "silenced without right",
        "`allow` names a warning and says why it is all right; errors cannot be silenced.",
    ),
    "JF702": Code(
        "silences nothing",
        "A warning that is gone needs no silencing; the next one would go unseen. It may be gone because "
        "another file was changed, so this stops nobody. `JF502` counts for each of the journeys that it is "
        "about, in whichever it is told.",
        severity="warning",
    ),
}
