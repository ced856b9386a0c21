"""A worker for the queue `sms`: `python workers/sms.py`.

Settings come from JOURNEYFLOW_* and TEMPORAL_*."""

from journeyflow.cli.worker import run_worker

if __name__ == "__main__":
    run_worker(["sms"])
