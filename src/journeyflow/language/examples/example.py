"""One example of a problem, and of the same thing done well."""

import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Example:
    """Parts of a file: what a journey needs besides is added where it is missing (`whole`)."""

    bad: str
    good: str
    file: str = (
        "journey"  # journey | segments | policy, example.* in journeys/, or a template: email.html, sms.txt
    )
    good_file: str = ""  # where it is another one
    encoding: str = "utf-8"  # of the bad one
    shown: str = ""  # on a page, where the bad one is too long for it


def whole(part: str) -> str:
    """A journey that can be read, of a list of steps or of some of its keys."""
    if re.search("^- ", part, re.MULTILINE):
        part = "steps:\n" + "".join(f"  {line}\n" for line in part.splitlines())
    keys = {line.partition(":")[0] for line in part.splitlines()}
    head = "".join(f"{key}: {value}\n" for key, value in _HEAD.items() if key not in keys)
    tail = "" if "steps" in keys else "steps: [{wait: 1 day}]\n"
    return f"{head}{part.rstrip()}\n{tail}"


_HEAD = {"journey": "example", "enter": "{event: member.joined, when: {consent: email}}"}
