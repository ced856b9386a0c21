"""DKIM: what arrives over SMTP is verified by dkimpy, with the public key where DNS would have it."""

import re
from base64 import b64decode, b64encode
from pathlib import Path

import dkim
import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from journeyflow.bootstrap import channel_of
from journeyflow.delivery.channels.base import Accepted
from journeyflow.delivery.channels.dkim import read_signer
from journeyflow.delivery.channels.mime import Mail, compose_email
from journeyflow.delivery.channels.smtp import Smtp
from journeyflow.errors import ConfigurationError
from journeyflow.policy import Sender
from journeyflow.settings import Settings
from tests.delivery.channels.providers import outgoing, smtp_server

Key = rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey | ec.EllipticCurvePrivateKey
RSA = rsa.generate_private_key(65537, 2048)
ED25519 = ed25519.Ed25519PrivateKey.generate()
LINK = "https://post.example.com/u/1"


def pem(key: Key, encryption: KeySerializationEncryption | None = None) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption or NoEncryption())


def short_key() -> rsa.RSAPrivateKey:
    """Of 511 bits, from two primes that everybody knows."""
    p, q, e = 2**256 - 189, 2**255 - 19, 65537
    d = pow(e, -1, (p - 1) * (q - 1))
    numbers = rsa.RSAPrivateNumbers(
        p, q, d, d % (p - 1), d % (q - 1), pow(q, -1, p), rsa.RSAPublicNumbers(e, p * q)
    )
    return numbers.private_key()


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    path = tmp_path / "dkim.pem"
    path.write_bytes(pem(RSA))
    return path


def signed(key_file: Path, **changes: object) -> bytes:
    message = outgoing(1, unsubscribe_url=LINK, **changes)  # type: ignore[arg-type]
    mail = compose_email(message)
    assert isinstance(mail, Mail)
    return read_signer(key_file, "club").signed(mail, message.at).content


def dns(name: bytes, timeout: int = 0) -> bytes:
    assert name == b"club._domainkey.example.com."
    public = RSA.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return b"v=DKIM1; k=rsa; p=" + b64encode(public)


class Ed25519Verifier(dkim.DKIM):  # type: ignore[misc]
    """dkimpy as it is, with the arithmetic of `cryptography`, as it has none of its own."""

    good = True

    def verify_sig(self, sig: object, include: object, header: object, dnsfunc: object) -> bool:
        self.pk, self.keysize, self.ktag, self.seqtlsrpt = Ed25519Key(self), 256, b"ed25519", False
        return bool(self.verify_sig_process(sig, include, header, dnsfunc)) and self.good


class Ed25519Key:
    def __init__(self, verifier: Ed25519Verifier) -> None:
        self._verifier = verifier

    def verify(self, digest: bytes, signature: bytes) -> None:
        try:
            ED25519.public_key().verify(signature, digest)
        except InvalidSignature:
            self._verifier.good = False


async def test_what_arrives_is_signed(key_file: Path) -> None:
    async with smtp_server() as server:
        channel = Smtp(server.url(), signer=read_signer(key_file, "club"))
        text = "trailing  \n.\n..\nåäö\n\n\n"
        message = outgoing(1, text=text, subject="Tack 😀 " * 20, unsubscribe_url=LINK)
        assert isinstance(await channel.send(message), Accepted)
        await channel.close()
        (content,) = server.contents
    assert dkim.verify(content, dnsfunc=dns)


async def test_settings_lead_to_it(key_file: Path) -> None:
    async with smtp_server() as server:
        settings = Settings(email="smtp", smtp_url=server.url(), dkim_key=key_file, dkim_selector="club")
        channel = channel_of(settings, "email", "here")
        assert isinstance(await channel.send(outgoing()), Accepted)
        await channel.close()
        (content,) = server.contents
    assert dkim.verify(content, dnsfunc=dns)
    missing = settings.model_copy(update={"dkim_key": key_file.with_name("missing.pem")})
    with pytest.raises(ConfigurationError, match="JOURNEYFLOW_DKIM_KEY"):
        channel_of(missing, "email", "here")


def test_ed25519(tmp_path: Path) -> None:
    path = tmp_path / "dkim.pem"
    path.write_bytes(pem(ED25519))
    content = signed(path)
    assert b"a=ed25519-sha256" in content
    assert Ed25519Verifier(content).verify()
    assert not Ed25519Verifier(content.replace(b"Subject: Hello", b"Subject: Bye")).verify()


@pytest.mark.parametrize(
    "changes",
    [
        {"html": None},
        {"text": ""},
        {"text": "", "html": ""},
        {"subject": ""},
        {"subject": "x" * 300},
        {"sender": Sender('"Åsa, Club" <club@example.com>')},
    ],
)
def test_whatever_a_mail_looks_like(key_file: Path, changes: dict[str, object]) -> None:
    assert dkim.verify(signed(key_file, **changes), dnsfunc=dns)


@pytest.mark.parametrize(
    "header",
    [
        "From", "To", "Subject", "Date", "Message-ID", "Reply-To", "MIME-Version", "Content-Type",
        "List-Unsubscribe", "List-Unsubscribe-Post",
    ],
)  # fmt: skip
def test_a_header_that_is_changed_shows(key_file: Path, header: str) -> None:
    changed, count = re.subn(rf"^{header}: ".encode(), header.encode() + b": x", signed(key_file), flags=re.M)
    assert count
    assert not dkim.verify(changed, dnsfunc=dns)


@pytest.mark.parametrize("header", ["From", "To", "Subject", "Date", "Reply-To"])
def test_a_header_that_is_added_shows(key_file: Path, header: str) -> None:
    content = signed(key_file, sender=Sender("club@example.com"))
    assert dkim.verify(content, dnsfunc=dns)
    assert not dkim.verify(f"{header}: eve@example.com\r\n".encode() + content, dnsfunc=dns)


def test_a_body_that_is_changed_shows(key_file: Path) -> None:
    changed = signed(key_file).replace(b"<p>Hello</p>", b"<p>Bye</p>")
    assert not dkim.verify(changed, dnsfunc=dns)


def test_the_header_is_folded_and_dated_by_the_message(key_file: Path) -> None:
    header = signed(key_file).partition(b"\r\nFrom:")[0]
    assert max(map(len, header.split(b"\r\n"))) <= 78
    assert b"t=1777636800;" in header
    assert b64decode(header.rpartition(b"b=")[2].replace(b"\r\n ", b""), validate=True)


@pytest.mark.parametrize(
    "content",
    [
        b"secret",
        b"-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----\n",
        pem(RSA, BestAvailableEncryption(b"secret")),
        pem(ec.generate_private_key(ec.SECP256R1())),
        pem(short_key()),
        RSA.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
        None,
    ],
    ids=["text", "no key", "encrypted", "elliptic", "short", "public", "absent"],
)
def test_a_key_that_cannot_be_used_is_refused_and_not_quoted(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "dkim.pem"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ConfigurationError, match="DKIM key") as caught:
        read_signer(path, "club")
    assert "secret" not in str(caught.value)
    assert caught.value.__cause__ is None
