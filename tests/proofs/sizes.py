"""How much the proofs do: a little in every test run, all with JOURNEYFLOW_PROOFS=full (`make proofs`)."""

import os

IS_FULL = os.environ.get("JOURNEYFLOW_PROOFS") == "full"


def size(usual: int, full: int) -> int:
    return full if IS_FULL else usual
