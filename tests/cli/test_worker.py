"""What a worker says when Temporal is not where it was told."""

import asyncio
from pathlib import Path

import pytest

from journeyflow.cli.main import run
from journeyflow.testing.servers import dev_server, free_port


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JOURNEYFLOW_STORE", f"sqlite:///{tmp_path}/journeyflow.db")


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize("address", ["127.0.0.1:{free}", "localhost:abc"])
def test_a_wrong_address_is_told_in_one_sentence(
    address: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TEMPORAL_ADDRESS", address.format(free=free_port()))
    assert run(["worker"]) == 1
    assert_one_sentence(capsys.readouterr().err)


@pytest.mark.usefixtures("here")
async def test_a_wrong_namespace_is_told_in_one_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async with dev_server() as server:
        monkeypatch.setenv("TEMPORAL_ADDRESS", server.address)
        monkeypatch.setenv("TEMPORAL_NAMESPACE", "nowhere")
        assert await asyncio.to_thread(run, ["worker"]) == 1
    told = capsys.readouterr().err
    assert_one_sentence(told)
    assert "nowhere" in told


@pytest.mark.usefixtures("here")
def test_a_faulty_file_is_not_quoted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "temporal.toml").write_text('[profile.default]\napi_key = "secret\n')
    monkeypatch.setenv("TEMPORAL_CONFIG_FILE", str(tmp_path / "temporal.toml"))
    assert run(["worker"]) == 1
    told = capsys.readouterr().err
    assert_one_sentence(told)
    assert "secret" not in told


def assert_one_sentence(told: str) -> None:
    [sentence] = told.splitlines()
    assert sentence.startswith("journeyflow: Temporal cannot be used (")
    assert "look at TEMPORAL_ADDRESS, TEMPORAL_NAMESPACE" in sentence
