"""A worker for the queue `sms`. Settings come from JOURNEYFLOW_* and TEMPORAL_*."""

from journeyflow.cli.main import main

main(["worker", "sms"])
