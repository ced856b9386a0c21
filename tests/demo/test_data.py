import csv
import json
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from importlib.resources import files
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from journeyflow.audience.records import parse_event
from journeyflow.demo.data import History, Today, make_history, make_today
from journeyflow.engine.sweep import CATCH_UP

NOW = datetime(2026, 3, 4, 10, 30, tzinfo=UTC)
LATER = NOW + timedelta(minutes=1)
SOURCE = [
    line.split() for line in files("journeyflow.demo").joinpath("cdnow_sample.txt").read_text().splitlines()
]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> History:
    return make_history(NOW, tmp_path_factory.mktemp("demo") / "new folder")


@pytest.fixture(scope="module")
def today(tmp_path_factory: pytest.TempPathFactory) -> Today:
    """A minute later."""
    return make_today(NOW, LATER, tmp_path_factory.mktemp("demo") / "new folder")


def customers(made: History) -> list[dict[str, str]]:
    with made.customers.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def read(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def events(made: History, name: str) -> list[dict[str, Any]]:
    return [event for event in read(made.events) if event["name"] == name]


def test_nothing_of_the_source_is_lost(made: History, today: Today) -> None:
    orders = events(made, "order.completed") + read(today.orders)
    assert len(orders) == len(SOURCE) == 6_919
    assert len({order["id"] for order in orders}) == 6_919
    assert len({order["customer"] for order in orders}) == len(customers(made)) == 2_357
    assert len(events(made, "member.joined")) == 2_357
    total = sum(round(order["properties"]["total"] * 100) for order in orders)
    assert total == sum(round(float(line[4]) * 100) for line in SOURCE) == 24_409_194
    assert sum(order["properties"]["items"] for order in orders) == sum(int(line[3]) for line in SOURCE)


def test_the_orders_move_by_whole_days_so_that_the_last_is_today(made: History, today: Today) -> None:
    shift = NOW.date() - date(1998, 6, 30)
    days = Counter((line[1], datetime.strptime(line[2], "%Y%m%d").date() + shift) for line in SOURCE)  # noqa: DTZ007
    orders = events(made, "order.completed") + read(today.orders)
    assert Counter((o["customer"][1:], datetime.fromisoformat(o["at"]).date()) for o in orders) == days
    assert max(order["at"] for order in events(made, "order.completed"))[:10] == "2026-03-03"
    assert {order["at"] for order in read(today.orders)} == {LATER.isoformat()}


def test_those_who_order_today_were_lost_before(made: History, today: Today) -> None:
    """So the demo's win-back has real ones who come back."""
    last = {order["customer"]: order["at"] for order in events(made, "order.completed")}
    back = [datetime.fromisoformat(last[order["customer"]]) for order in read(today.orders)]
    assert len(back) == 2
    assert all(at < NOW - timedelta(days=180) for at in back)


def test_what_is_made_up_says_so_and_is_about_people_who_are_inside(made: History, today: Today) -> None:
    real = {event["id"] for event in read(made.events) + read(today.orders)}
    made_up = read(today.made_up)
    assert all(event["id"].startswith("made-up-") for event in made_up)
    assert all(event["properties"]["order_id"].startswith("made-up-") for event in made_up)
    assert len({event["id"] for event in made_up} - real) == len(made_up)
    assert {event["at"] for event in made_up} == {LATER.isoformat()}
    orders, refunds = (
        {event["customer"] for event in made_up if event["name"] == name}
        for name in ("order.completed", "order.refunded")
    )
    assert len(orders) + len(refunds) == len(made_up)
    assert refunds < orders
    new = {
        one["customer"] for one in events(made, "member.joined") if one["properties"]["source"] != "checkout"
    }
    celebrating = {row["id"] for row in customers(made) if row["attr.birthday"].endswith("03-11")}
    recent = {
        order["customer"]
        for order in events(made, "order.completed")
        if datetime.fromisoformat(order["at"]) >= NOW - timedelta(days=180)
    }
    lost = orders - new - celebrating
    assert min(len(orders & new), len(orders & celebrating), len(lost), len(refunds)) >= 5
    assert not lost & recent


@pytest.mark.parametrize(
    "now", [NOW, NOW.replace(hour=0, minute=0, second=1), NOW.replace(hour=23, minute=59)]
)
def test_nothing_lies_in_the_future(tmp_path: Path, now: datetime) -> None:
    lines = make_history(now, tmp_path).events.read_text(encoding="utf-8").splitlines()
    times = [datetime.fromisoformat(json.loads(line)["at"]) for line in lines]
    assert times == sorted(times)
    assert now - timedelta(days=1) < times[-1] <= now


def test_today_is_utc_whatever_zone_now_has(tmp_path: Path, made: History) -> None:
    there = make_history(NOW.astimezone(ZoneInfo("Asia/Tokyo")), tmp_path)
    assert there.events.read_bytes() == made.events.read_bytes()


def test_the_same_seed_makes_the_same_files(tmp_path: Path, made: History) -> None:
    again = make_history(NOW, tmp_path / "again")
    assert again.customers.read_bytes() == made.customers.read_bytes()
    assert again.events.read_bytes() == made.events.read_bytes()
    days = [make_today(NOW, LATER, tmp_path / name) for name in ("one", "two")]
    assert days[0].orders.read_bytes() == days[1].orders.read_bytes()
    assert days[0].made_up.read_bytes() == days[1].made_up.read_bytes()
    other = make_history(NOW, tmp_path / "other", seed=1)
    assert other.customers.read_bytes() != made.customers.read_bytes()


def test_the_next_day_has_the_same_people_and_keys(tmp_path: Path, made: History) -> None:
    tomorrow = make_history(NOW + timedelta(days=1), tmp_path)
    assert [row["email"] for row in customers(tomorrow)] == [row["email"] for row in customers(made)]
    kept = [{order["id"] for order in events(files, "order.completed")} for files in (tomorrow, made)]
    assert kept[0] == kept[1]


def test_every_event_is_one_that_the_import_takes(made: History, today: Today) -> None:
    for event in read(made.events) + read(today.orders) + read(today.made_up):
        parse_event(event)


def test_some_are_new_members_of_the_last_hours(made: History) -> None:
    lately = [event for event in events(made, "member.joined") if event["properties"]["source"] != "checkout"]
    assert 45 <= len(lately) <= 100
    since = NOW - timedelta(hours=20)
    assert all(since <= datetime.fromisoformat(event["at"]) < NOW for event in lately)


@pytest.mark.parametrize("today", [date(2026, 3, 4), date(2026, 2, 28), date(2028, 2, 29), date(2028, 2, 22)])
def test_some_have_their_birthday_today_and_in_a_week(tmp_path: Path, today: date) -> None:
    made = make_history(datetime(today.year, today.month, today.day, 12, tzinfo=UTC), tmp_path)
    days = Counter(row["attr.birthday"][5:] for row in customers(made))
    assert days[today.isoformat()[5:]] >= 10
    assert days[(today + timedelta(days=7)).isoformat()[5:]] >= 10
    assert days[""] > 100


def test_nobody_can_be_reached(made: History) -> None:
    """Addresses end in example.com; numbers are those that regulators keep free for fiction."""
    for row in customers(made):
        assert row["email"] == "" or row["email"].endswith(f".{int(row['id'][1:])}@example.com")
        number = row["phone"]
        assert (
            number == ""
            or "+46701740605" <= number <= "+46701740699"
            or "+447700900000" <= number <= "+447700900999"
            or (number[:2] == "+1" and number[5:10] == "55501" and len(number) == 12)
        ), row["id"]


def test_consent_is_mixed_and_zones_are_real(made: History) -> None:
    rows = customers(made)
    for channel in ("consent_email", "consent_sms"):
        assert {row[channel] for row in rows} == {"granted", "denied", ""}
    zones = Counter(row["timezone"] for row in rows)
    assert zones.most_common(1)[0][0] == "Europe/Stockholm"
    assert all(ZoneInfo(zone) for zone in zones if zone)
    assert {row["attr.tier"] for row in rows} == {"bronze", "silver", "gold", "platinum"}


@pytest.mark.parametrize("hour", range(1, 24, 3))
def test_some_birthdays_have_begun_within_the_last_hours_whatever_the_time(tmp_path: Path, hour: int) -> None:
    now = NOW.replace(hour=hour)
    people = customers(make_history(now, tmp_path))
    buyers = {event["customer"] for event in read(make_today(now, now, tmp_path).made_up)}
    mornings = {
        one["id"]: _nine_on_the_last_day(now, one["timezone"] or "Europe/Stockholm") for one in people
    }
    begun = {
        one["id"]
        for one in people
        if one["email"] and one["consent_email"] == "granted"
        if now - mornings[one["id"]] < CATCH_UP
        if one["attr.birthday"].endswith(f"{mornings[one['id']] + timedelta(days=7):-%m-%d}")
    }
    assert begun & buyers, "nobody's present is used"
    assert begun - buyers, "everybody's present is used"


def _nine_on_the_last_day(now: datetime, zone: str) -> datetime:
    here = now.astimezone(ZoneInfo(zone))
    morning = here.replace(hour=9, minute=0)
    return morning if morning <= here else morning - timedelta(days=1)
