"""kill -9 of the delivery worker while messages are on their way.

Providers write down what they accept before they answer. DELIVERY_KILLS says how often, DELIVERY_MESSAGES how
many messages on each channel, KILL_SEED when.
"""

import asyncio
import logging
import os
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

import pytest

from journeyflow.delivery.channels.sendgrid import SendGrid
from journeyflow.delivery.reconcile import reconcile
from tests.e2e.delivering import Delivering, delivering
from tests.e2e.installation import installation, until

KILLS = int(os.environ.get("DELIVERY_KILLS", "2"))
MESSAGES = int(os.environ.get("DELIVERY_MESSAGES", "40"))
SEED = int(os.environ.get("KILL_SEED", "1"))
MANY = 50
_log = logging.getLogger(__name__)
_STRAY = 0.02  # seconds, as long as an answer takes


@pytest.mark.timeout(180 + 15 * KILLS)
async def test_no_message_is_accepted_twice_or_left_without_an_end(
    tmp_path: Path, sqlite_template: Path
) -> None:
    async with (
        installation(tmp_path / "installation", sqlite_template) as made,
        delivering(made) as run,
    ):
        await run.start_worker("journeys")
        await run.bring_in(MESSAGES)
        await _kill_again_and_again(run, Random(SEED))
        await until(run.nothing_is_open, f"every message has an end, seed {SEED}", 120)
        mails, texts = run.accepted_mails(), await run.accepted_texts()
        assert max((mails | texts).values()) == 1, "accepted twice"
        before = await _unknown(run)
        await _ask(run, mails)
        after = await _unknown(run)
        _log.info("%d kills, seed %d; unknown: %s, in the end %s", KILLS, SEED, dict(before), dict(after))
        for channel, accepted in (("email", mails), ("sms", texts)):
            states = await run.states(channel)
            assert {id for id, state in states.items() if state == "sent"} == set(accepted), channel
            assert len(states) == MESSAGES
        # One unlucky moment leaves all in doubt that were about to be handed over; of many, few do.
        assert max(after.values()) <= (KILLS if KILLS >= MANY else KILLS * SendGrid.batch)


async def _kill_again_and_again(run: Delivering, chance: Random) -> None:
    """Each time some more have been accepted, and others are on their way."""
    worker = await run.start_worker("email", "sms")
    for moment in sorted(chance.sample(range(1, 2 * MESSAGES * 9 // 10), KILLS)):
        await until(lambda at=moment: _has_accepted(run, at), f"{moment} were accepted, seed {SEED}", 120)
        with pytest.raises(TimeoutError):  # nobody dies of anything else
            await asyncio.wait_for(worker.dies(), chance.uniform(0, _STRAY))
        await worker.kill()
        worker = await run.start_worker("email", "sms")


async def _has_accepted(run: Delivering, number: int) -> bool:
    return run.accepted() >= number


async def _ask(run: Delivering, mails: Counter[int]) -> None:
    """SendGrid tells by itself of what it has; Twilio is asked, 10 minutes later."""
    await run.sendgrid_reports(mails)
    await until(lambda: _are_sent(run, set(mails)), "what SendGrid told has been followed up")
    later = datetime.now(UTC) + timedelta(minutes=11)
    run.twilio.clock = lambda: later
    courier = await run.courier()
    for channel in courier.channels:
        done = await reconcile(courier, channel, later)
        assert done.again == [], "marketing is never sent again"
        await courier.channels[channel].close()


async def _are_sent(run: Delivering, numbers: set[int]) -> bool:
    states = await run.states("email")
    return {states[number] for number in numbers} == {"sent"}


async def _unknown(run: Delivering) -> Counter[str]:
    found = {channel: list((await run.states(channel)).values()) for channel in ("email", "sms")}
    return Counter({channel: states.count("unknown") for channel, states in found.items()})
