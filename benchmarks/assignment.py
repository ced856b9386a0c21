"""How many customers a second of the processor's time are given a variant, beside their bare hashes in the
same run.

    python -m benchmarks.assignment [--customers 1000000]
"""

import argparse
from collections.abc import Callable
from hashlib import sha256
from time import process_time

from benchmarks.stage import table
from journeyflow.assignment import assigned, assigned_each
from journeyflow.members import COHORT_SIZE

SHARES = (1_000, 4_500, 4_500)
TURNS = 5  # the fastest counts


def main(number: int) -> None:
    keys = [f"customer-{one}" for one in range(number)]
    bare = _fastest(lambda: _hash(keys))
    rows = [("sha256 of the key alone", f"{number / bare:,.0f}", "", "")]
    for what, work in (
        ("500 at a time, as in a leg", lambda: _together(keys)),
        ("one by one", lambda: _one_by_one(keys)),
    ):
        seconds = _fastest(work)
        rows.append((what, f"{number / seconds:,.0f}", "500,000", f"{bare / seconds:.0%}"))
    table(("what", "customers a second", "goal", "of the hashes"), rows)


def _fastest(work: Callable[[], None]) -> float:
    return min(_seconds(work) for _ in range(TURNS))


def _seconds(work: Callable[[], None]) -> float:
    began = process_time()
    work()
    return process_time() - began


def _hash(keys: list[str]) -> None:
    for key in keys:
        sha256(key.encode()).digest()


def _together(keys: list[str]) -> None:
    for first in range(0, len(keys), COHORT_SIZE):
        assigned_each("nudge-timing", keys[first : first + COHORT_SIZE], SHARES)


def _one_by_one(keys: list[str]) -> None:
    for key in keys:
        assigned("nudge-timing", key, SHARES)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--customers", type=int, default=1_000_000)
    main(parser.parse_args().customers)
