"""Indexes of recordings, and keyframes that are found without one."""

import io
import json
from pathlib import Path

import pytest

from guacr.protocol.instruction import encode
from guacr.recording import index
from guacr.recording.index import KEYFRAME, Keyframe, read_index, scan

FRAME = encode("size", 0, 10, 10) + encode("blob", 1, "c2hhZGU=")


def recording(times: list[int]) -> tuple[bytes, list[Keyframe]]:
    """A recording with a keyframe at each time, and a frame after each."""
    data, frames = b"", []
    for time in times:
        frames.append(Keyframe(time, len(data)))
        data += KEYFRAME + FRAME + encode("sync", time, 1) + FRAME + encode("sync", time + 1)
    return data, frames


@pytest.mark.parametrize("chunk", [1, 2, 7, 50, 1 << 20])
def test_keyframes_are_found_in_the_recording(monkeypatch: pytest.MonkeyPatch, chunk: int) -> None:
    monkeypatch.setattr(index, "CHUNK", chunk)
    data, frames = recording([5, 100, 12345678])
    assert list(scan(io.BytesIO(data))) == frames
    assert list(scan(io.BytesIO(data + KEYFRAME + FRAME))) == frames, "the last one is incomplete"
    assert list(scan(io.BytesIO(b""))) == []


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"[]\n",
        b'{"version": 2}\n{"time": 1, "offset": 0}\n',
        b"{}\n",
        b"\xff\n",
        b'{"version": 1}\n',
    ],
)
def test_without_a_usable_index_it_is_scanned(tmp_path: Path, text: bytes) -> None:
    data, frames = recording([5, 100])
    path = tmp_path / "recording"
    path.write_bytes(data)
    assert read_index(path) == frames
    (tmp_path / "recording.idx").write_bytes(text)
    assert read_index(path) == frames


def test_an_index_may_be_cut_off(tmp_path: Path) -> None:
    data, frames = recording([5, 100])
    path = tmp_path / "recording"
    path.write_bytes(data)
    lines = [json.dumps({"version": 1, "started": 7}), json.dumps({"time": 5, "offset": 0})]
    text = "\n".join([*lines, '{"time": 100, "off'])
    (tmp_path / "recording.idx").write_text(text)
    assert read_index(path) == frames[:1]


def test_an_index_of_something_longer(tmp_path: Path) -> None:
    data, frames = recording([5])
    path = tmp_path / "recording"
    path.write_bytes(data)
    values = ({"version": 1}, {"time": 5, "offset": 0}, {"time": 9, "offset": 1 << 40})
    (tmp_path / "recording.idx").write_text("".join(json.dumps(one) + "\n" for one in values))
    assert read_index(path) == frames
