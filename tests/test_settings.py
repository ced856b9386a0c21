"""Settings come from JOURNEYFLOW_ variables, and wrong ones are named without their values."""

from pathlib import Path

import pytest

from journeyflow.errors import ConfigurationError
from journeyflow.settings import load_settings, split


def test_without_variables_all_is_local(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("STORE", "EMAIL", "SMS", "OUTBOX", "SMTP_URL", "WEBHOOK_SECRET", "ROOT"):
        monkeypatch.delenv(f"JOURNEYFLOW_{name}", raising=False)
    settings = load_settings()
    assert settings.store == "sqlite:///journeyflow.db"
    assert (settings.email, settings.sms, settings.outbox) == ("outbox", "outbox", Path("outbox"))


def test_variables_are_read_and_secrets_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JOURNEYFLOW_STORE", "postgresql://ada:s3cr3t@example.com/shop")
    monkeypatch.setenv("JOURNEYFLOW_EMAIL", "smtp")
    monkeypatch.setenv("JOURNEYFLOW_SMTP_URL", "smtp://ada:s3cr3t@example.com:587")
    monkeypatch.setenv("JOURNEYFLOW_WEBHOOK_SECRET", "whsec_s3cr3t")
    settings = load_settings()
    assert settings.smtp_url is not None
    assert settings.smtp_url.get_secret_value() == "smtp://ada:s3cr3t@example.com:587"
    assert settings.webhook_secret is not None
    assert settings.webhook_secret.get_secret_value() == "whsec_s3cr3t"
    assert "s3cr3t" not in repr(settings)


def test_wrong_values_are_named_and_not_quoted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JOURNEYFLOW_EMAIL", "pigeon-secret")
    monkeypatch.setenv("JOURNEYFLOW_SMS", "smoke-secret")
    with pytest.raises(ConfigurationError) as caught:
        load_settings()
    text = str(caught.value)
    assert "JOURNEYFLOW_EMAIL: Input should be 'outbox', 'smtp' or 'sendgrid'" in text
    assert "JOURNEYFLOW_SMS" in text
    assert "secret" not in text


def test_smtp_without_a_server_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JOURNEYFLOW_EMAIL", "smtp")
    monkeypatch.delenv("JOURNEYFLOW_SMTP_URL", raising=False)
    with pytest.raises(ConfigurationError, match="JOURNEYFLOW_SMTP_URL must name the server"):
        load_settings()


@pytest.mark.parametrize(
    ("variables", "told"),
    [
        ({"EMAIL": "sendgrid"}, "JOURNEYFLOW_SENDGRID_API_KEY must hold a key"),
        ({"EMAIL": "sendgrid", "SENDGRID_API_KEY": ""}, "JOURNEYFLOW_SENDGRID_API_KEY must hold a key"),
        ({"SENDGRID_REGION": "moon-s3cr3t"}, "JOURNEYFLOW_SENDGRID_REGION: Input should be 'global' or 'eu'"),
        ({"SENDGRID_URL": "http://mail-s3cr3t.example.com"}, "JOURNEYFLOW_SENDGRID_URL: should be a URL"),
        ({"SENDGRID_URL": "127.0.0.1:80"}, "JOURNEYFLOW_SENDGRID_URL: should be a URL"),
        ({"BUILD_ID": "1.2"}, "JOURNEYFLOW_BUILD_ID: should be 1 to 100 letters"),
        ({"DKIM_KEY": "dkim-s3cr3t.pem"}, "need each other"),
        ({"DKIM_SELECTOR": "club"}, "need each other"),
        (
            {"DKIM_KEY": "a.pem", "DKIM_SELECTOR": "a; d=s3cr3t"},
            "JOURNEYFLOW_DKIM_SELECTOR: should be part",
        ),
    ],
)
def test_channels_that_cannot_work_are_told(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], told: str
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(f"JOURNEYFLOW_{name}", value)
    with pytest.raises(ConfigurationError) as caught:
        load_settings()
    assert told in str(caught.value)
    assert "s3cr3t" not in str(caught.value)


def test_what_sendgrid_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "EMAIL": "sendgrid",
        "SENDGRID_API_KEY": "SG.s3cr3t",
        "SENDGRID_REGION": "eu",
        "SENDGRID_URL": "http://127.0.0.1:8080",
    }.items():
        monkeypatch.setenv(f"JOURNEYFLOW_{name}", value)
    settings = load_settings()
    assert (settings.email, settings.sendgrid_region) == ("sendgrid", "eu")
    assert "s3cr3t" not in repr(settings)


SECRET = "s3cr3t-" * 6


def test_links_have_a_place_and_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JOURNEYFLOW_PUBLIC_URL", "https://post.example.com/club")
    monkeypatch.setenv("JOURNEYFLOW_LINK_SECRETS", f"{SECRET}, {SECRET}old,")
    monkeypatch.setenv("JOURNEYFLOW_TRUSTED_PROXIES", "10.0.0.0/8, 192.0.2.1, ::1")
    settings = load_settings()
    assert settings.link_secrets is not None
    assert split(settings.link_secrets.get_secret_value()) == [SECRET, f"{SECRET}old"]
    assert "s3cr3t" not in repr(settings)


@pytest.mark.parametrize(
    ("variables", "told"),
    [
        (
            {"LINK_SECRETS": f"{SECRET},s3cr3t", "PUBLIC_URL": "https://a.example.com"},
            "at least 32 characters",
        ),
        ({"LINK_SECRETS": ",", "PUBLIC_URL": "https://a.example.com"}, "at least 32 characters"),
        ({"LINK_SECRETS": SECRET}, "need each other"),
        ({"PUBLIC_URL": "https://a.example.com"}, "need each other"),
        ({"LINK_SECRETS": SECRET, "PUBLIC_URL": "http://a.example.com"}, "JOURNEYFLOW_PUBLIC_URL: should be"),
        (
            {"LINK_SECRETS": SECRET, "PUBLIC_URL": "https://a.example.com/?a=b"},
            "JOURNEYFLOW_PUBLIC_URL: should be",
        ),
        ({"LINK_SECRETS": SECRET, "PUBLIC_URL": "a.example.com"}, "JOURNEYFLOW_PUBLIC_URL: should be"),
        ({"LINK_SECRETS": SECRET, "PUBLIC_URL": "https://[a"}, "JOURNEYFLOW_PUBLIC_URL: "),
        (
            {"LINK_SECRETS": SECRET, "PUBLIC_URL": "https://a.example.com>\r\nBcc: x"},
            "JOURNEYFLOW_PUBLIC_URL: should",
        ),
        ({"TRUSTED_PROXIES": "everybody"}, "JOURNEYFLOW_TRUSTED_PROXIES: should be IP addresses"),
        ({"TRUSTED_PROXIES": "*"}, "JOURNEYFLOW_TRUSTED_PROXIES: should be IP addresses"),
    ],
)
def test_links_that_cannot_work_are_told(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], told: str
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(f"JOURNEYFLOW_{name}", value)
    with pytest.raises(ConfigurationError) as caught:
        load_settings()
    assert told in str(caught.value)
    assert "s3cr3t" not in str(caught.value)


ACCOUNT, SERVICE = "AC" + "0a" * 16, "MG" + "F9" * 16


def test_twilio_has_a_login(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JOURNEYFLOW_SMS", "twilio")
    monkeypatch.setenv("JOURNEYFLOW_TWILIO_ACCOUNT_SID", ACCOUNT)
    monkeypatch.setenv("JOURNEYFLOW_TWILIO_AUTH_TOKENS", "s3cr3t-new, s3cr3t-old")
    monkeypatch.setenv("JOURNEYFLOW_TWILIO_MESSAGING_SERVICE", SERVICE)
    monkeypatch.setenv("JOURNEYFLOW_TWILIO_URL", "https://api.dublin.ie1.twilio.com")
    settings = load_settings()
    assert (settings.twilio_account_sid, settings.twilio_messaging_service) == (ACCOUNT, SERVICE)
    assert settings.twilio_auth_tokens is not None
    assert split(settings.twilio_auth_tokens.get_secret_value()) == ["s3cr3t-new", "s3cr3t-old"]
    assert "s3cr3t" not in repr(settings)


@pytest.mark.parametrize(
    ("variables", "told"),
    [
        ({}, "JOURNEYFLOW_TWILIO_AUTH_TOKENS must hold its login"),
        ({"ACCOUNT_SID": ACCOUNT}, "must hold its login"),
        ({"AUTH_TOKENS": "s3cr3t"}, "must hold its login"),
        ({"ACCOUNT_SID": ACCOUNT, "AUTH_TOKENS": " , "}, "JOURNEYFLOW_TWILIO_AUTH_TOKENS: should be"),
        (
            {"ACCOUNT_SID": "AC-s3cr3t", "AUTH_TOKENS": "s3cr3t"},
            "JOURNEYFLOW_TWILIO_ACCOUNT_SID: should be AC",
        ),
        ({"ACCOUNT_SID": SERVICE, "AUTH_TOKENS": "s3cr3t"}, "JOURNEYFLOW_TWILIO_ACCOUNT_SID: should be AC"),
        ({"MESSAGING_SERVICE": ACCOUNT}, "JOURNEYFLOW_TWILIO_MESSAGING_SERVICE: should be MG"),
        ({"URL": "http://api.example.com"}, "JOURNEYFLOW_TWILIO_URL: should be a URL"),
        ({"URL": "api.example.com"}, "JOURNEYFLOW_TWILIO_URL: should be a URL"),
    ],
)
def test_a_login_at_twilio_that_cannot_work_is_told(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], told: str
) -> None:
    monkeypatch.setenv("JOURNEYFLOW_SMS", "twilio")
    for name, value in variables.items():
        monkeypatch.setenv(f"JOURNEYFLOW_TWILIO_{name}", value)
    with pytest.raises(ConfigurationError) as caught:
        load_settings()
    assert told in str(caught.value)
    assert "s3cr3t" not in str(caught.value)
