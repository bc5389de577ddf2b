"""Typescripts, played by the real scriptreplay."""

import asyncio
import re
import subprocess
from pathlib import Path

import pytest

from guacr.errors import GuacrError
from guacr.recording import typescript
from guacr.recording.files import Place
from guacr.recording.sink import Sink
from guacr.recording.typescript import Typescript, open_typescript
from tests.guacr.recording.conftest import MakeBench
from tests.support.loopback import session_of
from tests.support.require import require
from tests.support.waiting import until

LINE = re.compile(rb"\d+\.\d{6} \d+")


class Memory(Sink):
    """Keeps what it is written."""

    def __init__(self) -> None:
        super().__init__()
        self.parts: list[bytes] = []
        self.closed = False

    @property
    def buffered(self) -> int:
        return 0

    def write(self, data: bytes) -> None:
        self.parts.append(data)

    async def close(self) -> None:
        self.closed = True


def played(path: Path) -> bytes:
    """What scriptreplay shows of a typescript, in no time."""
    timing = path.with_name(path.name + ".timing")
    command = ["scriptreplay", "--divisor", "1000000", "-t", str(timing), "-s", str(path)]
    return subprocess.run(command, capture_output=True, check=True, timeout=20).stdout


async def test_scriptreplay_plays_what_was_shown(make_bench: MakeBench, tmp_path: Path) -> None:
    require("scriptreplay")
    bench = make_bench()
    transport, user = bench.connect("sketch", None, typescript_path=str(tmp_path))
    await until(lambda: transport.all("sync"), "the session")
    context = session_of(user).context
    parts = (b"\x1b[2Jgr\xc3", b"\xbcn\r\n", b"x" * 200_000, b"\n[END TYPESCRIPT]\n")
    for part in parts:
        context.shown(part)
        await asyncio.sleep(typescript.PART_EVERY)  # the next part has a time of its own
    session_of(user).detach(user)
    await until(lambda: not bench.registry._ending, "the end of the session")
    path = tmp_path / "typescript"
    assert played(path).startswith(b"".join(parts))
    text = path.read_bytes()
    assert text.startswith(b"[BEGIN TYPESCRIPT]\n")
    assert text.endswith(b"\n[END TYPESCRIPT]\n")
    lines = (tmp_path / "typescript.timing").read_bytes().splitlines()
    assert len(lines) == len(parts)
    assert all(LINE.fullmatch(line) for line in lines)


async def test_a_long_pause_is_a_day(monkeypatch: pytest.MonkeyPatch) -> None:
    sink = Memory()
    script = Typescript(sink)
    script._last -= 10 * typescript.DELAY_MAX
    script.shown(b"a")
    script.shown(b"b")
    await script.close()
    assert sink.parts[1] == b"86400.000000 2\nab"
    assert sink.closed
    assert script.size == len(b"[BEGIN TYPESCRIPT]\nab\n[END TYPESCRIPT]\n")


async def test_much_text_is_not_collected() -> None:
    sink = Memory()
    script = Typescript(sink)
    script.shown(b"x" * typescript.PART_MAX)
    assert len(sink.parts) == 2
    await script.close()


def test_numbers_of_both_files_agree(tmp_path: Path) -> None:
    place = Place(directory=str(tmp_path), name="typescript")
    (tmp_path / "typescript").touch()
    (tmp_path / "typescript.1.timing").write_bytes(b"of an older one, whose text is gone")
    files = open_typescript(place)
    files.append([b"\nhead", b"0.5 3\nabc"])
    files.close()
    assert (tmp_path / "typescript.1").read_bytes() == b"headabc"
    assert (tmp_path / "typescript.1.timing").read_bytes() == b"0.5 3\n"


def test_a_timing_that_cannot_be_opened(tmp_path: Path) -> None:
    (tmp_path / "typescript.timing").mkdir()
    with pytest.raises(GuacrError):
        open_typescript(Place(directory=str(tmp_path), name="typescript"))


async def test_a_typescript_that_fails_ends_the_session(
    make_bench: MakeBench, tmp_path: Path
) -> None:
    bench = make_bench()
    transport, user = bench.connect("sketch", None, typescript_path=str(tmp_path))
    await until(lambda: transport.all("sync"), "the session")
    (tmp_path / "typescript").unlink()
    session_of(user).context.shown(b"x")
    await until(lambda: transport.closed_with is not None, "the end")
    assert "deleted" in transport.all("error")[0][0]
