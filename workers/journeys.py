"""A worker for the queue `journeys`. Settings come from JOURNEYFLOW_* and TEMPORAL_*."""

import sys

sys.path.pop(0)  # this folder, whose email.py would be taken for Python's own

from journeyflow.cli.main import main

main(["worker", "journeys"])
