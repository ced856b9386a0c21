"""The journeys that the killed workers carry: every kind of stop, in seconds of real time."""

from journeyflow.conditions import EventMatch
from journeyflow.messages.templates import Template
from journeyflow.plan import Change, End, EnterByEvent, Plan, Send, Update, Wait, WaitFor

TEMPLATES = [
    Template("hello", "email", "", text="Hello {{ customer.id }}", subject="Hello", html="<p>Hello</p>"),
    Template("more", "email", "", text="More", subject="More", html="<p>More</p>"),
    Template("last", "sms", "", text="Goodbye"),
]
_ANSWER_WITHIN = 6  # seconds

CONVERSATION = Plan(
    "conversation",
    "Whoever answers gets points",
    "marketing",
    50,
    EnterByEvent(EventMatch("joined")),
    (
        Send("steps/0", 1, "email", "hello"),
        WaitFor("steps/1", (EventMatch("answered"),), _ANSWER_WITHIN, 2, 3),
        Update("steps/1/then/0", 4, (Change("points", "add", 1),)),
        Update("steps/1/otherwise/0", 4, (Change("silent", "add", 1),)),
        Send("steps/2", 5, "email", "more"),
        Wait("steps/3", 6, 1),
        Send("steps/4", 7, "sms", "last"),
        End("end"),
    ),
)
REMINDER = Plan(
    "reminder",
    "A wait before anything else",
    "marketing",
    50,
    EnterByEvent(EventMatch("joined")),
    (
        Wait("steps/0", 1, 1),
        Send("steps/1", 2, "email", "more"),
        WaitFor("steps/2", (EventMatch("confirmed"),), 3, 4, 3),
        Update("steps/2/otherwise/0", 4, (Change("rounds", "add", 1),)),
        End("end"),
    ),
)
