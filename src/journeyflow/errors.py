"""What journeyflow raises on purpose. Every message is one sentence: found, expected, where, what next."""


class JourneyflowError(Exception):
    """Base of all errors a user can act on; the command line prints it without a traceback."""


class ConfigurationError(JourneyflowError):
    """Settings, policy or store do not fit together."""


class PlanError(JourneyflowError):
    """A plan holds what the checker should have refused; carries the step's path."""

    def __init__(self, path: str, message: str) -> None:
        super().__init__(f"{path}: {message}")
        self.path = path


class RenderError(JourneyflowError):
    """A template cannot be rendered for one customer; never quotes the customer's values."""
