"""Protocols that cannot be loaded, and handlers that fail where sessions call them."""

from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from guacr.errors import UnsupportedError
from guacr.session import registry
from guacr.session.handler import ENTRY_POINT_GROUP
from guacr.session.registry import Protocols
from guacr.session.user import User
from guacr.settings import Settings
from tests.support.loopback import Bench, MemoryTransport, frame, sketch, until

BROKEN = {
    "raises": "raise RuntimeError('a bug')",
    "exits": "import sys; sys.exit(1)",
    "syntax": "def",
    "lacks": "import no_such_module",
    "nameless": "",
    "foreign": "Handler = int",
    "instance": "Handler = 'text'",
}


@pytest.fixture
def protocols(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Protocols:
    """Broken plug-ins beside one that works."""
    monkeypatch.syspath_prepend(str(tmp_path))
    entries = [EntryPoint("works", "tests.support.loopback:SketchHandler", ENTRY_POINT_GROUP)]
    for name, source in BROKEN.items():
        (tmp_path / f"plugin_{name}.py").write_text(source)
        entries.append(EntryPoint(name, f"plugin_{name}:Handler", ENTRY_POINT_GROUP))
    monkeypatch.setattr(registry, "entry_points", lambda group: entries)
    return Protocols()


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_plug_in_is_reported_to_whoever_selects_it(
    protocols: Protocols, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(UnsupportedError, match=f"protocol {name} .*(log says more|install)"):
        protocols.find(name)
    assert f"protocol {name}" in caplog.text


def test_broken_plug_ins_leave_the_others_alone(protocols: Protocols) -> None:
    protocols.warm_up(Settings())
    assert protocols.find("works").name == "sketch"


def test_a_failing_warm_up_leaves_the_others_alone(
    protocols: Protocols, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(settings: Settings) -> None:
        raise RuntimeError("a bug")

    monkeypatch.setattr(protocols.find("works"), "warm_up", fail)
    protocols.warm_up(Settings())
    assert "protocol works cannot be warmed up" in caplog.text


# ---- handlers that fail where sessions call them


def fail(*args: object) -> None:
    raise RuntimeError("a bug")


def assert_internal_error(transport: MemoryTransport) -> None:
    assert [status for _, status in transport.all("error")] == ["512"]
    assert transport.closed_with is not None


@pytest.mark.parametrize("method", ["user_joined", "argv_values"])
async def test_a_handler_that_fails_at_joining_ends_its_session(
    monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    bench = Bench()
    other, _ = bench.connect()
    first, owner = bench.connect()
    await frame(first)
    monkeypatch.setattr(sketch(owner), method, fail)
    second, _ = bench.connect(owner.session.id)
    for transport in (first, second):
        assert_internal_error(transport)
    assert other.closed_with is None
    await bench.close()


async def test_a_handler_that_fails_at_the_first_user_leaves_no_session(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bench = Bench()
    monkeypatch.setattr("tests.support.loopback.SketchHandler.user_joined", fail)
    transport, user = bench.connect()
    assert_internal_error(transport)
    assert bench.registry.sessions == {}
    await bench.close()
    assert ("run",) not in sketch(user).events


async def test_a_handler_that_fails_at_leaving_ends_its_session_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bench = Bench()
    first, owner = bench.connect()
    second, _ = bench.connect(owner.session.id)
    await frame(second)
    monkeypatch.setattr(sketch(owner), "user_left", fail)
    second.receiver.connection_lost()
    assert_internal_error(first)
    await bench.close()


async def test_a_session_that_fails_at_its_tick_leaves_the_others_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bench = Bench()
    broken, owner = bench.connect()
    other, user = bench.connect()
    monkeypatch.setattr(User, "stuck_for", lambda self, now: fail() if self is owner else 0.0)
    bench.registry.keep_alive(user.last_sent + 6)
    assert_internal_error(broken)
    assert other.all("nop") == [()]
    await bench.close()


async def test_a_handler_that_fails_at_its_end_is_logged(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    bench = Bench()
    transport, user = bench.connect()
    await frame(transport)
    monkeypatch.setattr(sketch(user), "closed", fail)
    user.session.close()
    await until(lambda: "a bug" in caplog.text)
    await bench.close()
