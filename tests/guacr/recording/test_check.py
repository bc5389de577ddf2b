"""Directories of recordings that cannot be used are found beforehand."""

from pathlib import Path

import pytest

from guacr.recording.check import connection_problems, connection_remarks, problems
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


def connection(**parameters: str) -> Connection:
    texts = {name.replace("_", "-"): text for name, text in parameters.items()}
    return Connection(protocol="ssh", parameters=texts)


def checked(**parameters: str) -> list[str]:
    return list(connection_problems(connection(**parameters)))


def remarks(**parameters: str) -> list[str]:
    return list(connection_remarks(connection(**parameters)))


def test_directories_of_a_connection(tmp_path: Path) -> None:
    missing = str(tmp_path / "missing")
    assert not checked(recording_path=str(tmp_path), typescript_path=str(tmp_path))
    assert checked(recording_path=missing, typescript_path=missing) == [
        f"recording-path: directory {missing} does not exist",
        f"typescript-path: directory {missing} does not exist",
    ]
    assert not checked(recording_path=missing, create_recording_path="true")


def test_directories_that_differ_by_session(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    by_person = str(tmp_path / "${GUAC_USERNAME}")
    missing = str(tmp_path / "missing" / "${GUAC_USERNAME}" / "x")
    assert not checked(recording_path=by_person, create_recording_path="true")
    assert not checked(recording_path=by_person + "/x")
    assert checked(recording_path=missing) == [
        f"recording-path: directory {tmp_path / 'missing'} does not exist"
    ]
    monkeypatch.setattr("os.access", lambda path, mode: False)
    assert checked(recording_path=by_person, create_recording_path="true") == [
        f"recording-path: this account may not write to directory {tmp_path}"
    ]
    assert not checked(recording_path=by_person + "/x")


def test_names_that_come_to_an_end() -> None:
    (remark,) = remarks(recording_path="/r", recording_name="desk")
    assert remark.startswith("recording-name: sessions are refused once desk and its numbers up to")
    (remark,) = remarks(typescript_path="/r", typescript_name="${GUAC_DATE}")
    assert remark.startswith("typescript-name: ")
    (remark,) = remarks(recording_path="/${GUAC_DAY}", recording_name="${GUAC_TIME}")
    assert remark.startswith("recording-path: ${GUAC_DAY} is not replaced; known are ${GUAC_DATE}")
    assert not remarks(recording_path="/r")
    assert not remarks(recording_name="desk")
    assert not remarks(recording_path="/r/${HISTORY_UUID}", recording_name="desk")
    assert not remarks(recording_path="/r", recording_name="desk", recording_write_existing="true")
