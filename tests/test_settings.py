"""Settings come from JOURNEYFLOW_ variables, and wrong ones are named without their values."""

from pathlib import Path

import pytest

from journeyflow.errors import ConfigurationError
from journeyflow.settings import load_settings


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
    assert "JOURNEYFLOW_EMAIL: Input should be 'outbox' or 'smtp'" in text
    assert "JOURNEYFLOW_SMS" in text
    assert "secret" not in text


def test_smtp_without_a_server_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JOURNEYFLOW_EMAIL", "smtp")
    monkeypatch.delenv("JOURNEYFLOW_SMTP_URL", raising=False)
    with pytest.raises(ConfigurationError, match="JOURNEYFLOW_SMTP_URL must name the server"):
        load_settings()
