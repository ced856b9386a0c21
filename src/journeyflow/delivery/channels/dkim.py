"""DKIM (RFC 6376, RFC 8463): e-mail that we hand over by SMTP is signed for the domain that it comes from.

dkimpy brings the message into the form that is signed. It signs as well, but takes ten times as long over it,
asks the clock, and cannot do Ed25519 by itself; so `cryptography` signs.
"""

import hashlib
from base64 import b64encode
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from dkim import rfc822_parse  # type: ignore[import-untyped]
from dkim.canonicalization import CanonicalizationPolicy  # type: ignore[import-untyped]

from journeyflow.delivery.channels.mime import Mail
from journeyflow.errors import ConfigurationError

_SHORTEST_RSA = 1024  # bits; RFC 8301 has receivers take no less
_FORM = CanonicalizationPolicy.from_c_value(b"relaxed/relaxed")
# Whether or not the message has them, they are signed once more than it does, so that nobody can add another.
_ONCE = (b"from", b"to", b"subject", b"date", b"reply-to")
# RFC 8058 has the button for unsubscribing only where these are signed too.
_AS_THEY_ARE = (
    b"message-id", b"mime-version", b"content-type", b"content-transfer-encoding", b"list-unsubscribe",
    b"list-unsubscribe-post",
)  # fmt: skip
_LINE = 72

_Header = tuple[bytes, bytes]


class Signer:
    def __init__(self, key: RSAPrivateKey | Ed25519PrivateKey, selector: str) -> None:
        self._key = key
        self._selector = selector
        self._algorithm = "rsa-sha256" if isinstance(key, RSAPrivateKey) else "ed25519-sha256"

    def signed(self, mail: Mail, at: datetime) -> Mail:
        headers, body = rfc822_parse(mail.content)
        hashed = hashlib.sha256(_FORM.canonicalize_body(body)).digest()
        chosen = list(_chosen([name.lower() for name, _ in headers]))
        fields = [
            f"v=1; a={self._algorithm}; c=relaxed/relaxed;",
            f"d={mail.sender.rpartition('@')[2]}; s={self._selector}; t={int(at.timestamp())};",
            *_folded("h=" + ":".join(name.decode() for name in chosen) + ";"),
            f"bh={b64encode(hashed).decode()};",
            "b=",
        ]
        unsigned = "\r\n ".join(fields).encode()
        signature = b64encode(self._sign(_to_sign(headers, chosen, unsigned)))
        lines = [signature[start : start + _LINE] for start in range(0, len(signature), _LINE)]
        header = b"DKIM-Signature: " + unsigned + b"\r\n ".join(lines) + b"\r\n"
        return replace(mail, content=header + mail.content)

    def _sign(self, data: bytes) -> bytes:
        if isinstance(self._key, RSAPrivateKey):
            return self._key.sign(data, PKCS1v15(), SHA256())
        return self._key.sign(hashlib.sha256(data).digest())


def read_signer(path: Path, selector: str) -> Signer:
    """Raises ConfigurationError, which quotes nothing of the file, if it holds no key that can be used."""
    try:
        key = load_pem_private_key(path.read_bytes(), password=None)
    except OSError as error:
        raise ConfigurationError(
            f'the DKIM key "{path}" cannot be read ({error.strerror}); look at JOURNEYFLOW_DKIM_KEY'
        ) from None
    except (ValueError, TypeError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, RSAPrivateKey | Ed25519PrivateKey) or _is_short(key):
        raise ConfigurationError(
            f'the DKIM key "{path}" is no private key in PEM form without a password, RSA of at least '
            f"{_SHORTEST_RSA} bits or Ed25519; make one with `openssl genrsa -out dkim.pem 2048`"
        )
    return Signer(key, selector)


def _is_short(key: RSAPrivateKey | Ed25519PrivateKey) -> bool:
    return isinstance(key, RSAPrivateKey) and key.key_size < _SHORTEST_RSA


def _chosen(present: Sequence[bytes]) -> Iterator[bytes]:
    """The names of the headers to sign, as often as they are signed."""
    for name in (*_ONCE, *_AS_THEY_ARE):
        yield from [name] * (present.count(name) + (name in _ONCE))


def _folded(text: str) -> Iterator[str]:
    """Names stay whole."""
    while len(text) > _LINE:
        end = text.rindex(":", 0, _LINE) + 1
        yield text[:end]
        text = text[end:]
    yield text


def _to_sign(headers: Sequence[_Header], chosen: Sequence[bytes], unsigned: bytes) -> bytes:
    """Of headers that are there several times, the last one counts first; the signature's own comes last."""
    left = _FORM.canonicalize_headers(headers)
    signed = b""
    for name in chosen:
        found = next((one for one in reversed(left) if one[0] == name), None)
        if found is not None:
            left.remove(found)
            signed += b":".join(found)
    own: list[_Header] = _FORM.canonicalize_headers([(b"DKIM-Signature", b" " + unsigned + b"\r\n")])
    return signed + b":".join(own[0]).removesuffix(b"\r\n")
