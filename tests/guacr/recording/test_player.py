"""Recordings in Apache Guacamole's player (guacamole-common-js)."""

import asyncio
import json
import subprocess
from pathlib import Path

import numpy as np

from guacr.display.geometry import Rect
from guacr.recording.index import KEYFRAME
from guacr.testing.canvas import Canvas
from guacr.testing.wire import Received
from tests.guacr.recording.conftest import MakeBench
from tests.support.loopback import frame, session_of, sketch
from tests.support.node import require_package
from tests.support.replay import replay
from tests.support.waiting import until

SCRIPT = Path(__file__).with_name("player.cjs")


async def play(path: Path, *positions: object) -> list[tuple[int, int, Canvas]]:
    """The position, the duration and the picture after seeking to each position."""
    package = require_package("guacamole-common-js")
    command = ["node", str(SCRIPT), str(package), str(path), *map(str, positions)]
    done = await asyncio.to_thread(
        subprocess.run, command, capture_output=True, check=True, timeout=60
    )
    found = []
    for line in done.stdout.splitlines():
        result = json.loads(line)
        canvas = Canvas()
        for opcode, *args in result["instructions"]:
            if opcode not in ("key", "touch"):
                canvas.apply(Received(opcode, tuple(args), 0))
        found.append((result["position"], result["duration"], canvas))
    return found


async def test_it_seeks_to_every_picture(make_bench: MakeBench, tmp_path: Path) -> None:
    bench = make_bench()
    values = {"recording_include_keys": "true", "recording_include_clipboard": "true"}
    transport, user = bench.connect("sketch", None, recording_path=str(tmp_path), **values)
    transport.replies = True
    session = session_of(user)
    await frame(transport, 1)
    started = int(transport.all("sync")[0][0])
    generator = np.random.default_rng(3)
    seen = []
    for number in range(12):
        noise = generator.integers(0, 256, (90, 190, 4), np.uint8)
        sketch(user).surface.blit(Rect(number, 3, 190, 90), noise)
        session.context.changed()
        await frame(transport)
        transport.send("key", 65, number % 2)
        transport.send("mouse", number, 5, 0)
        session.context.send_clipboard("text/plain", f"grün {number} 🙂".encode())
        time = int(transport.all("sync")[-1][0]) - started
        seen.append((time, transport.canvas.flatten().copy()))
    session.detach(user)
    await until(lambda: not bench.registry._ending, "the end of the session")
    path = tmp_path / "recording"
    assert path.read_bytes().startswith(KEYFRAME)
    times = [seen[number][0] for number in (11, 2, 7, 0, 9)]
    played = await play(path, *times, "end")
    pictures = dict(seen)
    for wanted, (position, _, canvas) in zip(times, played, strict=False):
        assert wanted <= position < wanted + 40
        if position == wanted:
            assert (canvas.flatten() == pictures[wanted]).all()
    whole = replay(path)
    position, duration, canvas = played[-1]
    assert position == duration == whole.times[-1] - whole.times[0]
    assert (canvas.flatten() == whole.canvas.flatten()).all()


async def test_it_plays_a_recording_without_a_picture(
    make_bench: MakeBench, tmp_path: Path
) -> None:
    bench = make_bench()
    values = {"recording_exclude_output": "true", "recording_include_keys": "true"}
    transport, user = bench.connect("sketch", None, recording_path=str(tmp_path), **values)
    await frame(transport, 1)
    transport.send("key", 65, 1)
    session_of(user).detach(user)
    await until(lambda: not bench.registry._ending, "the end of the session")
    ((position, duration, _),) = await play(tmp_path / "recording", "end")
    assert position == duration
