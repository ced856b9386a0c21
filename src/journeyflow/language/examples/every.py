"""All examples, by code."""

from journeyflow.language.examples.meaning import MEANING
from journeyflow.language.examples.shape import SHAPE

EXAMPLES = {**SHAPE, **MEANING}
