"""By what the same content is known again."""

import hashlib
import json
from typing import Any


def digest(content: Any) -> str:
    """The first 16 hex digits of the SHA-256 of the canonical JSON."""
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
