"""By what the same content is known again."""

import hashlib
import json
from typing import Any


def digest(content: Any) -> str:
    """The first 16 hex digits of the SHA-256 of the canonical JSON; times in it count as they are printed."""
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
