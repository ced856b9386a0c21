"""What an installation chooses, from variables that start with JOURNEYFLOW_.

The connection to Temporal is not here: it comes from Temporal's own variables and `temporal.toml`.
"""

import re
from ipaddress import ip_network
from pathlib import Path
from typing import Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationError, ValidationInfo, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from journeyflow.errors import ConfigurationError
from journeyflow.messages.links import SHORTEST_SECRET

_PREFIX = "JOURNEYFLOW_"
_URL = re.compile(r"[!-;=?-~]+")  # no spaces, nothing that ends it in a header
_SIDS = {"twilio_account_sid": "AC", "twilio_messaging_service": "MG"}  # what their values begin with
_SELECTOR = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?")
_PLAIN = re.compile(r"[A-Za-z0-9_-]{1,100}")  # no dot: Temporal parts deployment and build with one
_THIS_MACHINE = ("localhost", "127.0.0.1", "::1")


class Settings(BaseSettings):
    model_config = SettingsConfigDict(env_prefix=_PREFIX, frozen=True, hide_input_in_errors=True)

    store: str = Field(default="sqlite:///journeyflow.db", repr=False)  # may hold a password
    email: Literal["outbox", "smtp", "sendgrid"] = "outbox"
    sms: Literal["outbox", "twilio"] = "outbox"
    email_rate: float | None = Field(default=None, gt=0)  # messages a second, of all workers together
    sms_rate: float | None = Field(default=None, gt=0)
    outbox: Path = Path("outbox")  # where the outbox channels write
    smtp_url: SecretStr | None = None  # smtp://user:password@host:port?tls=starttls|implicit|none
    dkim_key: Path | None = None  # a PEM file; signs e-mail that goes out by SMTP
    dkim_selector: str | None = None
    sendgrid_api_key: SecretStr | None = None
    sendgrid_region: Literal["global", "eu"] = "global"
    sendgrid_url: str | None = None  # another host than SendGrid's, for tests
    sendgrid_webhook_keys: str = ""  # comma separated public keys; each verifies
    twilio_account_sid: str | None = None
    twilio_auth_tokens: SecretStr | None = None  # comma separated; the first is used, every one verifies
    twilio_messaging_service: str | None = None  # MG...; None: the sender of the policy
    twilio_url: str | None = None  # another host than api.twilio.com: that of a region, or one for tests
    webhook_secret: SecretStr | None = None  # whsec_ and base64; signs what goes to webhooks
    public_url: str | None = None  # where customers reach `journeyflow api`, as in https://post.example.com
    link_secrets: SecretStr | None = None  # comma separated; the first signs links, every one verifies
    trusted_proxies: str = ""  # comma separated addresses or networks whose X-Forwarded-For is believed
    api_rate: float = Field(default=20_000, gt=0)  # events a second that each key may send
    max_future: int = Field(default=86_400, ge=0)  # seconds by which an event may lie ahead
    max_past: int | None = Field(
        default=None, ge=0
    )  # seconds by which it may lie back; None: as many as it likes
    duplicates_for: int = Field(default=2_592_000, ge=2_592_000)  # seconds that the key of an event is known
    build_id: str | None = None  # of this code, for Temporal's worker versioning; None: without it
    deployment: str = "journeyflow"  # all builds that take over from each other
    root: Path = Path(".")  # the folder that holds journeys/ and templates/

    @field_validator("public_url", "sendgrid_url", "twilio_url")
    @classmethod
    def _is_a_plain_url(cls, url: str | None) -> str | None:
        parts = urlsplit(url or "https://example.com")
        secure = parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _THIS_MACHINE)
        if (
            not secure
            or not parts.hostname
            or parts.query
            or parts.fragment
            or not _URL.fullmatch(url or "-")
        ):
            raise ValueError("should be a URL such as https://post.example.com (http only on this machine)")
        return url

    @field_validator(*_SIDS)
    @classmethod
    def _is_a_sid(cls, sid: str | None, info: ValidationInfo) -> str | None:
        begin = _SIDS[info.field_name or ""]
        if sid is not None and not re.fullmatch(f"{begin}[0-9a-fA-F]{{32}}", sid):
            raise ValueError(f"should be {begin} and 32 hexadecimal digits, as Twilio's console shows it")
        return sid

    @field_validator("twilio_auth_tokens")
    @classmethod
    def _has_tokens(cls, tokens: SecretStr | None) -> SecretStr | None:
        if tokens is not None and not split(tokens.get_secret_value()):
            raise ValueError(
                "should be the auth token that Twilio's console shows; separate two with a comma"
            )
        return tokens

    @field_validator("link_secrets")
    @classmethod
    def _secrets_are_long(cls, secrets: SecretStr | None) -> SecretStr | None:
        if secrets is not None:
            parts = split(secrets.get_secret_value())
            if not parts or min(map(len, parts)) < SHORTEST_SECRET:
                raise ValueError(
                    f"each secret should have at least {SHORTEST_SECRET} characters; draw one with "
                    "`openssl rand -hex 32`, and separate several with commas"
                )
        return secrets

    @field_validator("trusted_proxies")
    @classmethod
    def _are_networks(cls, proxies: str) -> str:
        try:
            for proxy in split(proxies):
                ip_network(proxy)
        except ValueError:
            raise ValueError("should be IP addresses or networks, such as 10.0.0.0/8") from None
        return proxies

    @field_validator("build_id", "deployment")
    @classmethod
    def _is_plain(cls, name: str | None) -> str | None:
        if name is not None and not _PLAIN.fullmatch(name):
            raise ValueError("should be 1 to 100 letters, digits, - and _, such as 2026-11-28_3f2a91c")
        return name

    @field_validator("dkim_selector")
    @classmethod
    def _is_a_name_in_dns(cls, selector: str | None) -> str | None:
        if selector is not None and not _SELECTOR.fullmatch(selector):
            raise ValueError(
                "should be part of a name in DNS, such as club2026 of club2026._domainkey.example.com"
            )
        return selector

    @model_validator(mode="after")
    def _links_need_both(self) -> Self:
        if (self.public_url is None) != (self.link_secrets is None):
            raise ValueError("JOURNEYFLOW_PUBLIC_URL and JOURNEYFLOW_LINK_SECRETS need each other; set both")
        return self

    @model_validator(mode="after")
    def _smtp_has_a_url(self) -> Self:
        if self.email == "smtp" and self.smtp_url is None:
            raise ValueError("JOURNEYFLOW_EMAIL is smtp, so JOURNEYFLOW_SMTP_URL must name the server")
        return self

    @model_validator(mode="after")
    def _sendgrid_has_a_key(self) -> Self:
        key = self.sendgrid_api_key
        if self.email == "sendgrid" and not (key and key.get_secret_value()):
            raise ValueError(
                "JOURNEYFLOW_EMAIL is sendgrid, so JOURNEYFLOW_SENDGRID_API_KEY must hold a key; "
                "make one at SendGrid that may do Mail Send"
            )
        return self

    @model_validator(mode="after")
    def _dkim_needs_both(self) -> Self:
        if (self.dkim_key is None) != (self.dkim_selector is None):
            raise ValueError("JOURNEYFLOW_DKIM_KEY and JOURNEYFLOW_DKIM_SELECTOR need each other; set both")
        return self

    @model_validator(mode="after")
    def _twilio_has_a_login(self) -> Self:
        if self.sms == "twilio" and (self.twilio_account_sid is None or self.twilio_auth_tokens is None):
            raise ValueError(
                "JOURNEYFLOW_SMS is twilio, so JOURNEYFLOW_TWILIO_ACCOUNT_SID and "
                "JOURNEYFLOW_TWILIO_AUTH_TOKENS must hold its login"
            )
        return self


def split(text: str) -> list[str]:
    """The parts between commas."""
    return [part for part in (piece.strip() for piece in text.split(",")) if part]


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
