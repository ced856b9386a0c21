"""`journeyflow keys`."""

from pathlib import Path

import pytest

from journeyflow.cli.main import run


@pytest.fixture
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sqlite_template: Path) -> None:
    store = tmp_path / "journeyflow.db"
    store.write_bytes(sqlite_template.read_bytes())
    monkeypatch.setenv("JOURNEYFLOW_STORE", f"sqlite:///{store}")
    monkeypatch.setenv("COLUMNS", "200")


@pytest.mark.usefixtures("_here")
def test_a_key_is_shown_once_and_replaced(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def told(*arguments: str) -> str:
        assert run(["keys", *arguments]) == 0
        return capsys.readouterr().out.strip()

    keys = [told("create", "webshop", "--scope", "read", "--scope", "ingest") for _ in range(2)]
    assert len(set(keys)) == 2
    assert all(key.startswith("jf_") and len(key) > 40 for key in keys)
    listed = told("list")
    assert listed.count("webshop") == 2
    assert listed.count("ingest, read") == 2
    assert told("revoke", "1") == "key 1 is revoked"
    assert run(["audit"]) == 0
    said = listed + told("list") + capsys.readouterr().out
    held = (tmp_path / "journeyflow.db").read_bytes()
    for key in keys:
        assert key not in said
        assert key.encode() not in held


@pytest.mark.usefixtures("_here")
@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["create", "webshop"], "Missing option '--scope'"),
        (["create", "webshop", "--scope", "all"], "'all' is not one of"),
        (["create", "a\nb", "--scope", "ingest"], "NAME is a line of 1 to 100 characters"),
        (["revoke", "7"], "no key that is in use has the id 7"),
    ],
)
def test_what_is_refused(arguments: list[str], told: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["keys", *arguments]) != 0
    assert told in capsys.readouterr().err
