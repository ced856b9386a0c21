"""What hangs on a customer's own data has no latest moment, and says so."""

import re
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from journeyflow.conditions import EventMatch
from journeyflow.plan import End, EnterByEvent, Plan, Wait, WaitUntilDate
from journeyflow.policy import Policy
from journeyflow.preview.timetable import timetable


def test_a_wait_until_a_date_ends_at_once_or_at_any_time() -> None:
    steps = (WaitUntilDate("steps/0", 1, "renewal_date", "09:00", -7), Wait("steps/1", 2, 3_600), End("end"))
    plan = Plan("renewal", "Renewal", "marketing", 50, EnterByEvent(EventMatch("began")), steps)
    table = timetable(plan, Policy(), ZoneInfo("UTC"), datetime(2031, 5, 1, 12, tzinfo=UTC))
    [first, second] = [re.split("  +", line) for line in table.splitlines() if line.startswith("steps/")]
    assert first[1] == "Wait until 7 days before the date in"
    assert "renewal_date, at 09:00" in table
    assert first[-2:] == ["Thu 2031-05-01 12:00 +00:00", "open"]
    assert second[-2:] == ["Thu 2031-05-01 13:00 +00:00", "open"]
