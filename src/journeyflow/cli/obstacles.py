"""What ends a command before it has looked at anything, as a sentence and with a code of its own."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any

import click

from journeyflow.errors import ConfigurationError


class CouldNotRun(click.ClickException):
    """Nothing was found out: neither that something is wrong nor that nothing is."""

    exit_code = 2  # as for a wrong call

    def show(self, file: IO[Any] | None = None) -> None:
        click.echo(f"journeyflow: {self.message}", file=file, err=file is None)


@contextmanager
def needing_files() -> Iterator[None]:
    """Files that are not there, or cannot be read or written, raise CouldNotRun."""
    try:
        yield
    except ConfigurationError as error:
        raise CouldNotRun(str(error)) from None
    except OSError as error:
        raise CouldNotRun(f'"{error.filename}" cannot be opened ({error.strerror})') from None
