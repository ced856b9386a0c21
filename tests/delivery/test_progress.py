"""How far a message has come does not depend on the order in which that is told."""

from functools import reduce
from itertools import permutations

import pytest

from journeyflow.delivery.progress import Progress, further, proven


@pytest.mark.parametrize(
    ("before", "kinds", "after"),
    [
        ("sent", ["accepted"], ("sent", None)),
        ("sent", ["delivered", "deferred"], ("delivered", None)),
        ("sent", ["delivered", "bounced"], ("bounced", "550")),
        ("sent", ["opened", "bounced"], ("opened", None)),
        ("sent", ["clicked", "opened", "delivered"], ("clicked", None)),
        ("sent", ["failed", "accepted", "deferred"], ("failed", "550")),
        ("sent", ["failed", "bounced", "delivered"], ("bounced", "550")),
        ("sent", ["complained"], ("delivered", None)),
        ("sent", ["unsubscribed"], ("delivered", None)),
        ("delivered", ["failed", "opened"], ("opened", None)),
        ("clicked", ["bounced", "opened"], ("clicked", None)),
        ("unknown", ["deferred"], ("sent", None)),
        ("unknown", ["accepted", "opened"], ("opened", None)),
        ("sending", ["accepted"], ("sent", None)),
        ("queued", ["delivered"], ("delivered", None)),
        ("cancelled", ["delivered"], ("delivered", None)),
    ],
)
def test_a_message_goes_on_and_never_back(
    before: str, kinds: list[str], after: tuple[str, str | None]
) -> None:
    start = Progress(before, "timeout" if before == "unknown" else None)
    for order in permutations([*kinds, *kinds]):
        end = reduce(further, (proven(kind, False, "550") for kind in order), start)
        assert (end.state, end.reason) == after


@pytest.mark.parametrize("kind", ["opened", "clicked"])
def test_a_machine_proves_no_more_than_that_the_provider_has_it(kind: str) -> None:
    assert proven(kind, True, None) == Progress("sent", None)


@pytest.mark.parametrize("order", list(permutations([None, "421", "550"])))
def test_of_several_reasons_the_same_stays(order: list[str | None]) -> None:
    end = reduce(further, (proven("bounced", False, code) for code in order), Progress("sent", None))
    assert end == Progress("bounced", "421")
