"""What an installation chooses, from variables that start with JOURNEYFLOW_.

The connection to Temporal is not here: it comes from Temporal's own variables and `temporal.toml`.
"""

from pathlib import Path
from typing import Literal, Self

from pydantic import Field, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from journeyflow.errors import ConfigurationError

_PREFIX = "JOURNEYFLOW_"


class Settings(BaseSettings):
    model_config = SettingsConfigDict(env_prefix=_PREFIX, frozen=True, hide_input_in_errors=True)

    store: str = Field(default="sqlite:///journeyflow.db", repr=False)  # may hold a password
    email: Literal["outbox", "smtp"] = "outbox"
    sms: Literal["outbox"] = "outbox"
    outbox: Path = Path("outbox")  # where the outbox channels write
    smtp_url: SecretStr | None = None  # smtp://user:password@host:port?tls=starttls|implicit|none
    webhook_secret: SecretStr | None = None  # whsec_ and base64; signs what goes to webhooks
    root: Path = Path(".")  # the folder that holds journeys/ and templates/

    @model_validator(mode="after")
    def _smtp_has_a_url(self) -> Self:
        if self.email == "smtp" and self.smtp_url is None:
            raise ValueError("JOURNEYFLOW_EMAIL is smtp, so JOURNEYFLOW_SMTP_URL must name the server")
        return self


def load_settings() -> Settings:
    """Raises ConfigurationError that names every wrong variable and quotes no value."""
    try:
        return Settings()
    except ValidationError as error:
        raise ConfigurationError("; ".join(_sentences(error))) from None


def _sentences(error: ValidationError) -> list[str]:
    sentences = []
    for fault in error.errors(include_url=False, include_input=False):
        variable = "".join(f"{_PREFIX}{part}: ".upper() for part in fault["loc"][:1])
        sentences.append(variable + fault["msg"].removeprefix("Value error, "))
    return sentences
