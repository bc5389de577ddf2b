"""Directories of recordings that cannot be used are found beforehand."""

from pathlib import Path

import pytest

from guacr.recording.check import connection_problems, problems
from guacr.settings.models import Connection, Settings


def found(path: Path) -> list[str]:
    return list(problems(Settings.model_validate({"recording": {"path": str(path)}})))


def test_the_directory_of_all_recordings(tmp_path: Path) -> None:
    assert not list(problems(Settings()))
    assert not found(tmp_path)
    assert not found(tmp_path / "new"), "it is created"
    missing = tmp_path / "missing"
    assert found(missing / "new") == [f"recording.path: directory {missing} does not exist"]
    assert found(Path("relative")) == ["recording.path: relative is not an absolute path"]
    (tmp_path / "file").touch()
    assert "does not exist" in found(tmp_path / "file")[0]


def test_a_directory_that_is_read_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.access", lambda path, mode: False)
    assert found(tmp_path) == [
        f"recording.path: this account may not write to directory {tmp_path}"
    ]


def test_directories_of_a_connection(tmp_path: Path) -> None:
    def checked(**parameters: str) -> list[str]:
        texts = {name.replace("_", "-"): text for name, text in parameters.items()}
        return list(connection_problems(Connection(protocol="ssh", parameters=texts)))

    missing = str(tmp_path / "missing")
    assert not checked(recording_path=str(tmp_path), typescript_path=str(tmp_path))
    assert checked(recording_path=missing, typescript_path=missing) == [
        f"recording-path: directory {missing} does not exist",
        f"typescript-path: directory {missing} does not exist",
    ]
    assert not checked(recording_path=missing, create_recording_path="true")
