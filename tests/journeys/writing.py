"""A programme as text, written into a folder as a user would."""

import re
import shutil
from pathlib import Path
from textwrap import dedent

POLICY = """
    categories:
      marketing: {}
      transactional: {consent: not-required, caps: exempt, quiet_hours: exempt}
    senders:
      email: {from: "Club <club@example.com>"}
      sms: {from: "+46700000000"}
    spread: none
    defaults: {timezone: UTC, locale: en}
"""
_NAME = re.compile(r"^journey: (\S+)", re.MULTILINE)
_SENT = re.compile(r"\{(email|sms): ([\w-]+)")
_FILES = {"email": "email.html", "sms": "sms.txt"}
_BODIES = {"email": "---\nsubject: Hello\n---\n<p>Hello</p>\n", "sms": "Hello\n"}


def write_programme(
    folder: Path, *journeys: str, policy: str, segments: str, templates: dict[str, str]
) -> None:
    """Instead of what was there. `templates` are bodies by file, e.g. "hello/sms.txt"; a plain one is made
    for every other message that a journey sends."""
    shutil.rmtree(folder, ignore_errors=True)
    texts = {f"journeys/{_NAME.findall(dedent(text))[0]}.yaml": dedent(text) for text in journeys}
    texts["journeys/policy.yaml"] = dedent(policy)
    if segments:
        texts["journeys/segments.yaml"] = dedent(segments)
    for channel, name in _SENT.findall("\n".join(journeys)):
        texts[f"templates/messages/{name}/{_FILES[channel]}"] = _BODIES[channel]
    texts |= {f"templates/messages/{file}": dedent(text) for file, text in templates.items()}
    for file, text in texts.items():
        path = folder / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
