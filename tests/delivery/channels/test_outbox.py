"""The outbox folder: whole files, never two of one message."""

from pathlib import Path

from journeyflow.delivery.channels.base import Accepted
from journeyflow.delivery.channels.outbox import Outbox
from tests.delivery.channels.providers import outgoing, sms, sought


async def test_files_are_named_by_the_message(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path / "a" / "b")
    await outbox.send(outgoing(1))
    await outbox.send(sms(2, text="Hej på dig"))
    assert sorted(path.name for path in (tmp_path / "a" / "b").iterdir()) == ["1.eml", "2.txt"]
    assert (tmp_path / "a" / "b" / "2.txt").read_text() == (
        "From: +46700000000\nTo: +46700000001\nDate: Fri, 01 May 2026 12:00:00 +0000\n\nHej på dig\n"
    )


async def test_a_message_that_is_there_is_not_written_again(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path)
    first = await outbox.send(outgoing(1, text="first"))
    content = (tmp_path / "1.eml").read_bytes()
    assert await outbox.send(outgoing(1, text="second")) == first == Accepted("1.eml")
    assert (tmp_path / "1.eml").read_bytes() == content


async def test_an_unfinished_file_is_no_message(tmp_path: Path) -> None:
    (tmp_path / ".abc.part").write_text("half a mess")
    outbox = Outbox(tmp_path)
    assert await outbox.lookup(sought(outgoing(1))) is None
    await outbox.send(outgoing(1))
    assert await outbox.lookup(sought(outgoing(1))) == Accepted("1.eml")
