"""Who is at the command line, for the audit log."""

import getpass
import os


def actor() -> str:
    """The name of the machine's user, else their number."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container may run a user that has no name
        return f"user {os.getuid()}"
