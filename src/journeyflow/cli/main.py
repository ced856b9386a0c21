"""The command line's entry: its commands, and what becomes of errors."""

import logging
import os
import signal
import sys
import traceback
from collections.abc import Sequence
from types import FrameType
from typing import NoReturn

import click

from journeyflow.cli.lazy import Lazy, LazyGroup
from journeyflow.errors import JourneyflowError
from journeyflow.traces import from_store, place_of

# 2 is a wrong call, or what could not run; 70 is EX_SOFTWARE, which not every system names.
_FAILED, _BROKEN, _INTERRUPTED = 1, 70, 130


@click.group(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"]},
    lazy={
        "check": Lazy("journeyflow.cli.check:check", "Check journeys, segments and policy."),
        "explain": Lazy("journeyflow.cli.explain:explain", "Tell when each step of a journey can happen."),
        "graph": Lazy("journeyflow.cli.graph:graph", "Draw a journey: Mermaid, SVG or DOT."),
        "preview": Lazy("journeyflow.cli.preview:preview", "Write a template's messages to look at them."),
        "send-test": Lazy("journeyflow.cli.send_test:send_test", "Send a template once, to try it."),
        "schema": Lazy("journeyflow.cli.schema:schema", "Write JSON Schemas for your editor."),
        "apply": Lazy(
            "journeyflow.cli.apply:apply", "Check and compile the programme, and put it into force."
        ),
        "dev": Lazy("journeyflow.cli.dev:dev", "Run everything on this machine, with an embedded server."),
        "demo": Lazy("journeyflow.cli.demo:demo", "Run the shipped programme on real orders, to the end."),
        "worker": Lazy("journeyflow.cli.worker:worker", "Run the journeys and their deliveries."),
        "store": Lazy("journeyflow.cli.store:store", "Upgrade, check or move the database."),
        "schedules": Lazy(
            "journeyflow.cli.schedules:schedules", "Show what Temporal starts by itself, and put it right."
        ),
        "api": Lazy("journeyflow.cli.api:api", "Serve the API for programs, and the pages of customers."),
        "keys": Lazy("journeyflow.cli.keys:keys", "Make, list and revoke keys to the HTTP API."),
        "enroll": Lazy("journeyflow.cli.enroll:enroll", "Ask for customers to enter a journey."),
        "status": Lazy("journeyflow.cli.status:status", "Show who is where in each journey."),
        "journey": Lazy("journeyflow.cli.journey:journey", "Pause a journey, or resume it."),
        "results": Lazy("journeyflow.cli.results:results", "Tell what came of experiments."),
        "experiment": Lazy("journeyflow.cli.experiment:experiment", "List experiments, or end one by hand."),
        "segment": Lazy("journeyflow.cli.segment:segment", "Show who is in a segment, why, and since when."),
        "rfm": Lazy("journeyflow.cli.rfm:rfm", "Put customers into classes by their purchases."),
        "customer": Lazy("journeyflow.cli.customer:customer", "Look at, export or erase one customer."),
        "why": Lazy("journeyflow.cli.why:why_", "Tell why a customer got a message, or did not."),
        "suppress": Lazy("journeyflow.cli.suppress:suppress", "Addresses that nothing is sent to."),
        "audit": Lazy("journeyflow.cli.audit:audit", "Show who did what to programme and customers."),
        "consent": Lazy("journeyflow.cli.consent:consent", "Look at a customer's consents, or record one."),
        "sms": Lazy("journeyflow.cli.sms:sms", "Take in what customers write by SMS."),
        "customers": Lazy("journeyflow.cli.imports:customers", "Import customers."),
        "events": Lazy("journeyflow.cli.imports:events", "Import events."),
        "coupons": Lazy("journeyflow.cli.coupons:coupons", "Import codes that messages give away."),
    },
)
@click.version_option(package_name="journeyflow")
def cli() -> None:
    """Marketing journeys in YAML that customers travel on Temporal."""


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """The console script. Ends the process itself: after a Temporal client, Python's own exit may abort."""
    # A shell starts background commands with SIGINT ignored; then _interrupt would end nothing.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, _interrupt)
    code = run(sys.argv[1:] if arguments is None else arguments)
    logging.shutdown()
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:  # whoever read our output is gone
            code = code or _FAILED
    os._exit(code)


def run(arguments: Sequence[str]) -> int:
    """Run one command and return its exit code; every error is told on stderr."""
    try:
        result = cli.main(list(arguments), prog_name="journeyflow", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except JourneyflowError as error:
        click.echo(f"journeyflow: {error}", err=True)
        return _FAILED
    except (click.Abort, KeyboardInterrupt):
        return _INTERRUPTED
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else _FAILED if end.code else 0
    except Exception as error:  # noqa: BLE001  the last one who can tell
        _tell(error)
        return _BROKEN
    return result if isinstance(result, int) else 0  # click gives back the code of ctx.exit()


def _tell(error: Exception) -> None:
    if (store := from_store(error)) is None:
        traceback.print_exception(error)
    else:
        click.echo(f"journeyflow: the store failed: {place_of(store)}", err=True)


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    # As Ctrl-C does, so that what a command started (servers, transactions) is ended in order.
    signal.raise_signal(signal.SIGINT)
