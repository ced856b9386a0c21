"""The audit log is append-only: only retention takes its oldest rows away, and nothing changes one."""

import re
from pathlib import Path

import journeyflow

SOURCE = Path(journeyflow.__path__[0])
CHANGING = re.compile(
    r"(update|delete)\(\s*audit_log|audit_log\.(update|delete)|(UPDATE|DELETE FROM) audit_log"
)


def test_nothing_changes_it() -> None:
    texts = {str(path.relative_to(SOURCE)): path.read_text() for path in SOURCE.rglob("*.py")}
    assert [name for name, text in texts.items() if CHANGING.search(text)] == []
    importing = {name for name, text in texts.items() if re.search(r"import .*\baudit_log\b", text)}
    assert importing == {"cli/audit.py", "engine/purge.py"}, "who else has the table could change it"


def test_a_change_would_be_found() -> None:
    for text in (
        "delete(audit_log)",
        "update(\n    audit_log",
        "audit_log.delete()",
        "DELETE FROM audit_log",
    ):
        assert CHANGING.search(text)
