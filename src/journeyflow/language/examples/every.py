"""All examples, by code. Some codes have none: bytes, sizes and folders do not show in a few lines."""

from journeyflow.language.examples.meaning import MEANING
from journeyflow.language.examples.shape import SHAPE

EXAMPLES = {**SHAPE, **MEANING}
