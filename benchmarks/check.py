"""How long the command line takes: `check` on many journeys, and `--help`, beside an empty Python process.

    python -m benchmarks.check [--journeys 200] [--runs 7] [--bad-runs 3]

Each journey has 40 steps: messages, waits for time and for events, branches, updates. Told are the fastest
and the median of all runs, start-up included, and the processor's time of the fastest. Then each bad file of
the golden pairs is checked by itself, start-up included, and the one with the longest median is told.
"""

import argparse
import os
import shutil
import sys
import tempfile
from pathlib import Path
from statistics import median
from time import perf_counter

from benchmarks.stage import table

GOLDEN = Path(__file__).parents[1] / "tests" / "language"
HEAD = """journey: journey-{number}
title: Journey {number}
enter:
  event: event-{number}
  where: {{total: {{at_least: 100}}}}
  when: {{consent: email}}
  again: after 30 days
exit:
  - event: order.refunded
steps:
"""
TEN_STEPS = """  - wait: {{until: "10:00", days: [mon, tue, wed, thu, fri]}}
  - send: {{email: letter, if_capped: wait up to 2 days}}
  - wait_for:
      event: review.submitted
      where: {{rating: {{at_least: 4}}}}
      timeout: 7 days
      then:
        - update: {{points: {{add: 50}}, reviewer: true}}
        - wait: 3 days
      otherwise:
        - wait: 5 days
  - branch:
      - when:
          all:
            - {{attribute: tier, in: [gold, platinum]}}
            - {{event: order.completed, within: 90 days, count: {{at_least: 2}}}}
        then:
          - wait: 2 days
          - send: {{email: letter}}
      - otherwise: [{{wait: 9 days}}]
"""
POLICY = """caps:
  - {category: marketing, at_most: 2, per: 1 day}
  - {category: marketing, at_most: 9, per: 7 days}
senders: {email: {from: Club <club@example.com>, postal_address: "Club, 1 Example Street"}}
"""
LETTER = """---
subject: Hello {{ customer.first_name|default("there") }}
---
<p>Hello. {{ sender.postal_address }} <a href="https://www.example.com/unsubscribe">Unsubscribe</a></p>
"""


def main(journeys: int, runs: int, bad_runs: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        write(Path(folder), journeys)
        commands = {
            "an empty Python process": ["-c", "pass"],
            "journeyflow --help": ["-m", "journeyflow", "--help"],
            f"journeyflow check, {journeys} journeys": ["-m", "journeyflow", "check", folder],
        }
        measured = {name: measure(arguments, runs) for name, arguments in commands.items()}
    base = measured["an empty Python process"][0]
    table(
        ("", "fastest s", "median s", "processor s", "times empty"),
        [
            (name, f"{fastest:.3f}", f"{middle:.3f}", f"{cpu:.3f}", f"{fastest / base:.0f}")
            for name, (fastest, middle, cpu) in measured.items()
        ],
    )
    rows = sorted(bad(bad_runs), reverse=True)
    table(
        ("one bad file", "median s", "processor s"),
        [
            (f"{name}, {what} of {len(rows)}", f"{middle:.3f}", f"{cpu:.3f}")
            for what, (middle, cpu, name) in (("slowest", rows[0]), ("middle", rows[len(rows) // 2]))
        ],
    )


def bad(runs: int) -> list[tuple[float, float, str]]:
    """For each bad file of the golden pairs the median and the processor's seconds, and its name."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        shutil.copytree(GOLDEN / "templates", root / "templates" / "messages")
        shutil.copytree(GOLDEN / "surroundings" / "capped", root / "journeys")
        return [alone(file, root / "journeys", runs) for file in sorted((GOLDEN / "err").glob("*.yaml"))]


def alone(file: Path, folder: Path, runs: int) -> tuple[float, float, str]:
    kind = file.stem.partition("-")[0]
    place = folder / (f"{kind}.yaml" if kind in ("policy", "segments") else file.name)
    before = place.read_bytes() if place.exists() else None
    shutil.copy(file, place)
    _, middle, cpu = measure(["-m", "journeyflow", "check", str(place)], runs, ends=(0, 1))
    if before is None:
        place.unlink()
    else:
        place.write_bytes(before)
    return middle, cpu, file.stem


def write(root: Path, journeys: int) -> None:
    """A programme with nothing wrong in it."""
    (root / "journeys").mkdir()
    (root / "journeys" / "policy.yaml").write_text(POLICY)
    for number in range(journeys):
        text = (HEAD + TEN_STEPS * 4).format(number=number)
        (root / "journeys" / f"journey-{number}.yaml").write_text(text)
    letter = root / "templates" / "messages" / "letter"
    letter.mkdir(parents=True)
    (letter / "email.html").write_text(LETTER)


def measure(arguments: list[str], runs: int, ends: tuple[int, ...] = (0,)) -> tuple[float, float, float]:
    """Seconds: the fastest, the median, the processor's of the fastest. Any code not in `ends` ends it."""
    found = sorted(run(arguments, ends) for _ in range(runs))
    return found[0][0], median(seconds for seconds, _ in found), found[0][1]


def run(arguments: list[str], ends: tuple[int, ...]) -> tuple[float, float]:
    start = perf_counter()
    process = os.posix_spawn(
        sys.executable,
        [sys.executable, *arguments],
        os.environ,
        file_actions=[(os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)],
    )
    _, status, used = os.wait4(process, 0)
    seconds = perf_counter() - start
    if os.waitstatus_to_exitcode(status) not in ends:
        raise SystemExit(f"{' '.join(arguments)} ended with {os.waitstatus_to_exitcode(status)}")
    return seconds, used.ru_utime + used.ru_stime


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--journeys", type=int, default=200)
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--bad-runs", type=int, default=3)
    options = parser.parse_args()
    main(options.journeys, options.runs, options.bad_runs)
