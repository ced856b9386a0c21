"""Which e-mail addresses are taken: those that the mail system of the internet can have. DNS is not asked."""

import re

from email_validator import EmailNotValidError, validate_email

from journeyflow.addresses import one_spelling

# Nearly every address is plain, and asking the library takes 20 us. Whatever this takes, the library takes.
_LABEL = r"[A-Za-z0-9](?:-?[A-Za-z0-9])*"  # two hyphens in a row may be a coded label
_PLAIN = re.compile(
    r"[A-Za-z0-9_+-]{1,32}(?:\.[A-Za-z0-9_+-]{1,31})?@"
    rf"(?=[^@]{{1,100}}\Z)(?:(?=[^.]{{1,63}}\.){_LABEL}\.)+(?:com|net|org|eu|io|[A-Za-z]{{2}})"
)


def read_mailbox(text: str) -> str | None:
    """In its one spelling; None: no mailbox can have this address."""
    if _PLAIN.fullmatch(text):
        return text
    try:
        validate_email(text, check_deliverability=False, strict=True)
        return one_spelling(text)
    except (EmailNotValidError, ValueError):
        return None
