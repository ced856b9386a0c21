"""A message as bytes: read back by the standard library's parser."""

import pytest

from journeyflow.delivery.channels.base import Rejected
from journeyflow.delivery.channels.mime import Mail, compose_email
from journeyflow.errors import ConfigurationError
from journeyflow.policy import Sender
from tests.delivery.channels.providers import outgoing, parse


def composed(**changes: object) -> Mail:
    mail = compose_email(outgoing(12, **changes))  # type: ignore[arg-type]
    assert isinstance(mail, Mail)
    return mail


def test_headers_and_envelope() -> None:
    mail = composed()
    message = parse(mail.content)
    assert dict(message.items()) == {
        "From": "Club <club@example.com>",
        "Reply-To": "help@example.com",
        "To": "kim@example.com",
        "Subject": "Hello",
        "Date": "Fri, 01 May 2026 12:00:00 +0000",
        "Message-ID": "<12.20260501120000@example.com>",
        "MIME-Version": "1.0",
        "Content-Type": 'multipart/alternative; boundary="=_12"',
    }
    assert (mail.sender, mail.recipient) == ("club@example.com", "kim@example.com")
    assert mail.message_id == message["Message-ID"]


def test_text_comes_before_html_which_clients_prefer() -> None:
    message = parse(composed(text="Hi\nthere", html="<p>Hi å</p>").content)
    assert [part.get_content_type() for part in message.iter_parts()] == ["text/plain", "text/html"]
    assert [part.get_content() for part in message.iter_parts()] == ["Hi\r\nthere", "<p>Hi å</p>"]
    assert not message.defects


def test_without_html_it_is_plain() -> None:
    message = parse(composed(html=None).content)
    assert message.get_content_type() == "text/plain"
    assert message.get_content() == "Hello\r\n"


@pytest.mark.parametrize("text", ["x" * 5000, "å" * 3000, "a\rb\nc\r\nd", "--=_12\n--=_12--", "\x00\x1b", ""])
def test_the_wire_is_ascii_in_short_lines_with_crlf(text: str) -> None:
    content = composed(text=text, html=f"<p>{text}</p>").content
    assert content.isascii()
    assert b"\n" not in content.replace(b"\r\n", b"")
    assert b"\r" not in content.replace(b"\r\n", b"")
    assert max(map(len, content.split(b"\r\n"))) <= 78
    assert len(list(parse(content).iter_parts())) == 2


@pytest.mark.parametrize("subject", ["Tack 😀", "ord " * 60, "å" * 200, "=?utf-8?q?raw?= å", "x" * 300, ""])
def test_subjects_come_back(subject: str) -> None:
    assert parse(composed(subject=subject).content)["Subject"].strip() == subject.strip()


@pytest.mark.parametrize("subject", ["a\nBcc: eve@example.com", "a\r\n\r\nb", "a\x00", "a\u2028b", "a\x85b"])
def test_a_subject_of_two_lines_is_refused(subject: str) -> None:
    outcome = compose_email(outgoing(1, subject=subject))
    assert isinstance(outcome, Rejected)
    assert not outcome.address_is_dead


@pytest.mark.parametrize(
    "to",
    [
        "a b@example.com",
        "a@b@example.com",
        "a@",
        "@example.com",
        "a@ex ample.com",
        "å@example.com",
        "a@.example.com",
        "a" * 65 + "@example.com",
        '"a"@example.com',
        "a@example.com.",
    ],
)  # fmt: skip
def test_addresses_that_are_refused(to: str) -> None:
    assert isinstance(compose_email(outgoing(1, to=to)), Rejected)


def test_a_domain_in_another_script_is_written_in_ascii() -> None:
    assert composed(to="a@exämple.com").recipient == "a@xn--exmple-cua.com"


def test_a_sender_name_in_another_script() -> None:
    mail = composed(sender=Sender('"Klubb Ås, AB" <club@example.com>'))
    (address,) = parse(mail.content)["From"].addresses
    assert (address.display_name, address.addr_spec) == ("Klubb Ås, AB", "club@example.com")


@pytest.mark.parametrize("sender", ["Club", "", "Club <club@example.com>\nBcc: eve@example.com"])
def test_a_sender_that_is_no_address_is_a_fault_of_the_policy(sender: str) -> None:
    with pytest.raises(ConfigurationError, match="policy: the sender"):
        compose_email(outgoing(1, sender=Sender(sender)))
