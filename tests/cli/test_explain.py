"""`journeyflow explain` as it is typed."""

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from journeyflow.cli import main
from journeyflow.cli.explain import explain

JOURNEY = """\
journey: code
title: A code by night
enter: {event: member.joined}
steps:
  - send: {sms: code}
  - wait: {until: "02:30"}
"""
POLICY = """\
quiet_hours: [{channel: sms, from: "21:00", to: "08:00"}]
senders: {sms: {from: Club}}
defaults: {timezone: Europe/Stockholm}
"""
BEYOND = '" is not between the years 1970 and 2200; write one within them'


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / "policy.yaml").write_text(POLICY)
    path = tmp_path / "code.yaml"
    path.write_text(JOURNEY)
    return path


def run(*arguments: object) -> Result:
    return CliRunner().invoke(explain, [str(one) for one in arguments], catch_exceptions=False)


def test_every_step_with_its_window(file: Path) -> None:
    result = run(file, "--zone", "America/New_York", "--enter", "2026-03-07T23:00")
    assert result.exit_code == 0
    assert (
        result.output
        == """\
code: A code by night
comes in: member.joined
how often: once only
now enters: Sat 2026-03-07 23:00 -05:00 America/New_York

step     what it does      earliest                     latest
-------  ----------------  ---------------------------  ---------------------------
steps/0  SMS code          Sun 2026-03-08 08:00 -04:00  Sun 2026-03-08 08:05 -04:00
steps/1  Wait until 02:30  Sun 2026-03-08 03:00 -04:00  Mon 2026-03-09 02:30 -04:00
end      End               Sun 2026-03-08 03:00 -04:00  Mon 2026-03-09 02:30 -04:00

A wait is listed with the moment it ends, a message with the moment it goes out, if it may go out.
"""
    )


def test_the_zone_comes_from_the_policy(file: Path) -> None:
    assert (
        "now enters: Tue 2026-07-07 14:00 +02:00 Europe/Stockholm\n"
        in run(file, "--enter", "2026-07-07T12:00Z").output
    )


def test_a_local_time_that_the_clocks_skip_is_the_next_one_there_is(file: Path) -> None:
    assert "now enters: Sun 2026-03-29 03:00 +02:00" in run(file, "--enter", "2026-03-29T02:15").output


def test_without_a_moment_it_is_now(file: Path) -> None:
    assert run(file).exit_code == 0


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--zone", "Stockholm"), 'no timezone is called "Stockholm"; write one like "America/New_York"'),
        (("--enter", "noon"), '"noon" is no moment; write it like "2026-03-07T23:00"'),
        (("--enter", "9999-12-31T23:00"), "9999-12-31T23:00" + BEYOND),
        (("--enter", "0001-01-01"), "0001-01-01" + BEYOND),
        (("--enter", "0001-01-01T00:00+05:00"), "0001-01-01T00:00+05:00" + BEYOND),
        (("--enter", "2201-01-01T00:00Z"), "2201-01-01T00:00Z" + BEYOND),
    ],
)
def test_what_cannot_be_understood_is_told(file: Path, arguments: tuple[str, str], words: str) -> None:
    result = run(file, *arguments)
    assert result.exit_code == 2
    assert words in result.stderr


@pytest.mark.parametrize("enter", ["1970-01-01", "1970-01-01T00:00+14:00", "2200-12-31T23:59-12:00"])
def test_the_longest_journey_is_told_from_the_first_year_to_the_last(file: Path, enter: str) -> None:
    waits = "  - wait: 1825 days\n" * 600  # about as many as a file may hold
    file.write_text(JOURNEY.partition("  - send")[0] + waits + '  - wait: {until: "02:30", days: [mon]}\n')
    result = run(file, "--zone", "Pacific/Kiritimati", "--enter", enter)
    assert result.exit_code == 0
    assert result.output.count("Wait 1825 days") == 600


def test_a_journey_with_problems_is_not_explained(file: Path) -> None:
    file.write_text(JOURNEY.replace("sms", "smss"))
    assert main.run(["explain", str(file)]) == 1


def test_long_words_go_on_in_the_next_line(file: Path) -> None:
    long = "{attribute: tier, in: [bronze, silver, gold, platinum, titanium]}"
    file.write_text(JOURNEY + f"  - branch: [{{when: {long}, then: [end]}}]\n")
    lines = run(file).output.splitlines()
    start = next(number for number, line in enumerate(lines) if line.startswith("steps/2"))
    assert lines[start].split("  ")[1] == "Tier is bronze, silver, gold, platinum or"
    assert lines[start + 1] == "         titanium?"
