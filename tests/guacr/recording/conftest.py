"""Sessions that are recorded."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from guacr.recording import files
from guacr.recording.session_recording import session_recording
from guacr.session.params import order, param
from guacr.session.shared_params import RecordingParams
from guacr.settings.models import Settings
from handlers.terminal.params import TypescriptParams
from tests.support.loopback import Bench, SketchHandler, SketchParams


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedParams(SketchParams, RecordingParams, TypescriptParams):
    """Those of a protocol that has all kinds of recordings."""

    ORDER = order(SketchParams, RecordingParams, TypescriptParams, "recording-exclude-touch")

    recording_exclude_touch: bool = param(False, "As for RDP.")


class RecordedHandler(SketchHandler):
    """A sketch that can be recorded."""

    params_type = RecordedParams


MakeBench = Callable[..., Bench]


@pytest.fixture
async def make_bench(tmp_path: Path) -> AsyncIterator[MakeBench]:
    """Make a registry whose clients may record below `tmp_path`; `recording` are settings."""
    async with AsyncExitStack() as made:

        def make(**recording: object) -> Bench:
            values = {"directories": (tmp_path,), "min_free_disk": 0} | recording
            bench = Bench(Settings.model_validate({"recording": values}), RecordedHandler)
            create = session_recording(bench.registry.events)
            bench.registry.extensions.append(create)
            made.push_async_callback(bench.close)
            return bench

        yield make


@pytest.fixture(autouse=True)
def always_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files that have been deleted are noticed at once."""
    monkeypatch.setattr(files, "CHECK_EVERY", 0.0)
