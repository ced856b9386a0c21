"""A worker for the queue `webhook`. Settings come from JOURNEYFLOW_* and TEMPORAL_*."""

from journeyflow.cli.main import main

main(["worker", "webhook"])
