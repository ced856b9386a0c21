"""Arbitrary plans: every step is reached, jumps go anywhere forward."""

from hypothesis import strategies as st

from journeyflow.conditions import Consent, EventMatch
from journeyflow.plan import (
    Arm,
    Branch,
    Change,
    End,
    EnterByEvent,
    HandOver,
    IfCapped,
    Plan,
    Send,
    Split,
    Step,
    Update,
    Variant,
    Wait,
    WaitBestTime,
    WaitFor,
    WaitUntil,
    WaitUntilDate,
    Webhook,
)

CLOCKS = st.sampled_from(["00:00", "02:30", "08:00", "10:00", "21:00", "23:59"])
SECONDS = st.sampled_from([1, 60, 3_600, 5_400, 86_400, 7 * 86_400])
IF_CAPPED = st.just(IfCapped()) | st.just(IfCapped("exit")) | st.builds(IfCapped, st.just("wait"), SECONDS)


@st.composite
def plans(draw: st.DrawFn, most: int = 12) -> Plan:
    size = draw(st.integers(1, most))
    steps = [draw(_steps(number, size)) for number in range(size)]
    category = draw(st.sampled_from(["marketing", "transactional"]))
    return Plan("any", "Any", category, 50, EnterByEvent(EventMatch("a")), (*steps, End("end")))


def _steps(number: int, size: int) -> st.SearchStrategy[Step]:
    path, after = st.just(f"steps/{number}"), st.just(number + 1)
    forward = st.integers(number + 1, size)
    variant = st.builds(Variant, st.just("a"), st.just(5_000), forward)
    last = st.builds(Variant, st.just("b"), st.just(5_000), after)
    arm = st.builds(Arm, st.just(Consent("email")), forward)
    return st.one_of(
        st.builds(Send, path, after, st.sampled_from(["email", "sms"]), st.just("welcome"), IF_CAPPED),
        st.builds(Wait, path, after, SECONDS),
        st.builds(WaitUntil, path, after, CLOCKS, st.sampled_from([(), (0,), (5, 6), (0, 1, 2, 3, 4)])),
        st.builds(WaitUntilDate, path, after, st.just("renewal"), CLOCKS, st.integers(-7, 7)),
        st.builds(WaitBestTime, path, after, st.just(("a",)), st.sampled_from([7_200, 172_800]), CLOCKS),
        st.builds(WaitFor, path, st.just((EventMatch("a"),)), SECONDS, forward, after),
        st.builds(Branch, path, st.lists(arm, min_size=1, max_size=3).map(tuple), after),
        st.builds(Split, path, st.just("timing"), st.sampled_from([0, 1_000]), st.tuples(variant, last)),
        st.builds(Webhook, path, after, st.just("https://hooks.example.com/"), st.just(())),
        st.builds(HandOver, path, after, st.just("other")),
        st.builds(Update, path, after, st.just((Change("points", "add", 1),))),
    )
