"""The same calls to the published wheel and to ours: the same results, errors and signals."""

from __future__ import annotations

import base64
import inspect
import json
import re
from collections.abc import Awaitable, Callable, Iterator
from importlib import import_module
from typing import Any

import pytest

from guacr.tubes import compat
from tests.guacr.tubes.compat.pair import Pair, paired
from tests.guacr.tubes.test_wheel import LISTENING, target
from tests.support.waiting import until
from tests.support.wheel import MODULE, Wheel, WheelError, wheel_network

UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
SDP = re.compile(r"djO?[A-Za-z0-9+/]{200,}=*|dj0[A-Za-z0-9+/]{200,}=*")
PREFIX = "Failed to set remote description: "
TUNNEL = {"conversationType": "tunnel"}


@pytest.fixture(scope="module", autouse=True)
def network() -> Iterator[None]:
    with wheel_network():
        yield


class Transcript:
    """What was called, and what came of it, with everything random replaced."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    async def call(self, end: Wheel, method: str, *arguments: Any, keys: bool = False) -> Any:
        """Call a method.

        Args:
            keys: of the result, only the keys are the same.
        """
        try:
            result = await end.call(method, *arguments)
        except WheelError as error:
            self.note(f"{method}: error", str(error))
            return None
        self.note(method, sorted(result) if keys or isinstance(result, list) else result)
        return result

    def note(self, what: str, content: object) -> None:
        text = f"{what}: {content}"
        self.lines.append(SDP.sub("SDP", UUID.sub("UUID", text)))

    def signals(self, end: Wheel) -> None:
        """Note the kinds of signals in order."""
        for one in end.signals:
            assert sorted(one) == ["conversation_id", "data", "kind", "signal_id", "tube_id"]
            data: Any = one["data"]
            if one["kind"] == "icecandidate":
                data = "a candidate" if data else "the last"
            elif one["kind"] == "channel_closed":
                data = json.loads(data)
            self.note(one["kind"], (data, one["conversation_id"]))


Script = Callable[[Pair, Transcript], Awaitable[None]]


async def unknown_names(pair: Pair, told: Transcript) -> None:
    end = pair.offerer
    text = base64.b64encode(b"v=0").decode()
    for method in (
        "create_offer",
        "create_answer",
        "restart_ice",
        "get_tube_status",
        "get_connection_state",
        "get_connection_stats",
        "get_connection_health",
        "get_tube_circuit_breaker_health",
        "get_tube_circuit_breaker_stats",
        "get_live_stats",
        "get_conversation_ids_by_tube_id",
        "tube_id_from_connection_id",
        "get_tube_id_by_conversation_id",
        "tube_found",
        "find_tubes",
        "close_tube",
        "close_connection",
    ):
        await told.call(end, method, "x")
    await told.call(end, "set_remote_description", "x", text, True)
    await told.call(end, "add_ice_candidate", "x", "nonsense")
    await told.call(end, "associate_conversation", "x", "y")
    await told.call(end, "open_handler_connection", "x", 1)
    await told.call(end, "send_handler_data", "x", 1, "")
    await told.call(end, "close_handler_connection", "x", 1, 0)
    await told.call(end, "cleanup_tubes", ["x"])


async def an_offerer_alone(pair: Pair, told: Transcript) -> None:
    end = pair.offerer
    created = await end.create("c", LISTENING)
    tube = created["tube_id"]
    told.note("created", sorted(created))
    for method in (
        "get_tube_status",
        "get_connection_state",
        "create_offer",
        "create_answer",
        "get_conversation_ids_by_tube_id",
        "find_tubes",
        "tube_found",
        "get_tube_circuit_breaker_health",
    ):
        await told.call(end, method, tube)
    for method in ("all_tube_ids", "active_tube_count", "has_active_tubes", "is_server_mode"):
        await told.call(end, method)
    await told.call(end, "set_server_mode", False)
    await told.call(end, "is_server_mode")
    await told.call(end, "associate_conversation", tube, "y")
    await told.call(end, "tube_id_from_connection_id", "y")
    await told.call(end, "get_conversation_ids_by_tube_id", tube)
    await told.call(end, "open_handler_connection", tube, 1)
    await until(lambda: end.candidates()[-1:] == [""], "the last candidate")
    await told.call(end, "close_connection", "y")
    await told.call(end, "close_tube", tube, 99)
    await told.call(end, "close_tube", tube)
    await told.call(end, "has_active_tubes")
    await until(end.closed, "the signal")
    told.signals(end)


async def wrong_turns(pair: Pair, told: Transcript) -> None:
    """Descriptions that do not fit; the texts differ behind those that callers look for."""
    end = pair.offerer
    created = await end.create("c", LISTENING)
    offer = base64.b64encode(created["description"].encode()).decode()
    for text, is_answer, expected in (
        (offer, False, "invalid proposed signaling state transition from have-local-offer"),
        ("===", True, "Failed to decode SDP from base64: "),
        (base64.b64encode(b"v0").decode(), True, PREFIX),
    ):
        with pytest.raises(WheelError) as raised:
            await end.call("set_remote_description", created["tube_id"], text, is_answer)
        told.note(expected, expected in str(raised.value))
    answered = await pair.answerer.create("c", target(1), offer=created["description"])
    await end.set_remote(created["tube_id"], answered["description"], is_answer=True)
    with pytest.raises(WheelError) as raised:
        await end.set_remote(created["tube_id"], answered["description"], is_answer=True)
    told.note("again", "Invalid signaling state transition from Stable" in str(raised.value))
    assert PREFIX in str(raised.value)


async def more_conversations(pair: Pair, told: Transcript) -> None:
    end = pair.offerer
    await end.create("c", TUNNEL, tube_id="first")
    told.note("second", await end.create("d", TUNNEL, tube_id="first"))
    await end.create("c", TUNNEL, tube_id="another")
    await told.call(end, "tube_id_from_connection_id", "c")
    await told.call(end, "get_conversation_ids_by_tube_id", "first")
    await told.call(end, "close_connection", "d", 5)
    await told.call(end, "close_connection", "d", 5)
    await told.call(end, "get_conversation_ids_by_tube_id", "first")
    await told.call(end, "cleanup_all")
    await told.call(end, "active_tube_count")


async def _connected(pair: Pair, told: Transcript, *, trickle: bool) -> None:
    await pair.connect(LISTENING, target(1), trickle=trickle)
    for end, tube in zip(pair.ends, pair.tubes, strict=True):
        if trickle:
            await until(lambda end=end: end.candidates()[-1:] == [""], "the last")  # type: ignore[misc]
        for method in ("get_tube_status", "get_connection_state", "get_tube_circuit_breaker_stats"):
            await told.call(end, method, tube)
    await _closed_by(pair, told, 0)


async def _closed_by(pair: Pair, told: Transcript, closer: int) -> None:
    here, there = pair.ends[closer], pair.ends[1 - closer]
    await told.call(here, "close_tube", pair.tubes[closer], 15)
    await until(here.closed, "the end")
    told.signals(here)
    if pair.names == ("wheel", "wheel"):
        return  # the other end may notice late or never
    await until(there.closed, "the end there")
    closed = there.closed()[0]
    assert (closed["outcome"], closed["terminates_tube"]) == ("normal_exit", True)
    assert closed["close_reason"]["name"] == "AIClosed"
    await pair.gone(there, pair.tubes[1 - closer])


async def connected_with_trickle(pair: Pair, told: Transcript) -> None:
    await _connected(pair, told, trickle=True)


async def connected_without_trickle(pair: Pair, told: Transcript) -> None:
    await _connected(pair, told, trickle=False)


async def the_answerer_closes(pair: Pair, told: Transcript) -> None:
    await pair.connect(LISTENING, target(1))
    await _closed_by(pair, told, 1)


async def numbers(pair: Pair, told: Transcript) -> None:
    end = pair.offerer
    await pair.connect(LISTENING, target(1))
    for method in (
        "check_capacity",
        "get_system_stats",
        "get_resource_status",
        "get_aggregated_metrics",
    ):
        found = await told.call(end, method, keys=True)
        told.note(method, {key: type(found[key]).__name__ for key in sorted(found)})
    for method in ("get_active_alerts", "clear_metrics_connections"):
        await told.call(end, method)
    await told.call(end, "cleanup_stale_turn_connections")
    await told.call(end, "configure_resource_limits", {"max_concurrent_sockets": 5, "zzz": 1})
    await told.call(end, "configure_resource_limits", {"max_concurrent_sockets": "x"})
    await told.call(end, "configure_resource_limits", {})
    await told.call(end, "initialize_instance_id", "a")
    await told.call(end, "initialize_instance_id", "b")
    await told.call(end, "post_connection_state", "TEST_MODE_KSM_CONFIG", "connection_open", "t")


SCRIPTS = [
    unknown_names,
    an_offerer_alone,
    wrong_turns,
    more_conversations,
    connected_with_trickle,
    connected_without_trickle,
    the_answerer_closes,
    numbers,
]


@pytest.mark.parametrize("script", SCRIPTS)
async def test_both_say_the_same(script: Script) -> None:
    transcripts = []
    for name in ("wheel", "guacr"):
        async with paired(name, name) as pair:
            transcript = Transcript()
            await script(pair, transcript)
            transcripts.append(transcript.lines)

    assert transcripts[1] == transcripts[0]


LIVE_KEYS = {
    "get_live_stats": "c",
    "get_connection_stats": "",
    "get_connection_health": "",
}


async def test_the_wheels_numbers_are_there() -> None:
    found: list[dict[str, Any]] = []
    for name in ("wheel", "guacr"):
        async with paired(name, name) as pair:
            await pair.connect(LISTENING, target(1))
            tube = pair.tubes[0]
            found.append({})
            for method, argument in LIVE_KEYS.items():
                found[-1][method] = await pair.offerer.call(method, argument or tube)
            for method in ("export_metrics_json", "export_connection_leg_metrics"):
                found[-1][method] = json.loads(await pair.offerer.call(method))
    theirs, ours = found
    for method in LIVE_KEYS:
        assert set(theirs[method]) <= set(ours[method]), method
    stats = "webrtc_stats"
    assert set(theirs["get_live_stats"][stats]) <= set(ours["get_live_stats"][stats])
    assert set(ours["export_metrics_json"]) == set(theirs["export_metrics_json"])
    legs = "export_connection_leg_metrics"
    assert set(theirs[legs]["system"]) == set(ours[legs]["system"])
    assert set(theirs[legs]["connections"]["c"]) - {"established_at"} <= set(
        ours[legs]["connections"]["c"]
    )


def _signature(function: Any) -> list[tuple[str, object]]:
    """Return the names and defaults of arguments; without keyword-only ones, which are our own."""
    parameters = inspect.signature(function).parameters.values()
    own = inspect.Parameter.KEYWORD_ONLY
    return [(one.name, one.default) for one in parameters if one.name != "self" and one.kind != own]


def test_the_names_and_arguments_are_the_wheels() -> None:
    theirs = import_module(MODULE)
    assert set(theirs.__all__) == set(compat.__all__)
    assert theirs.__version__ == compat.__version__
    for name in ("initialize_logger", "set_verbose_logging", "shutdown_runtime_from_python"):
        assert _signature(getattr(theirs, name)) == _signature(getattr(compat, name)), name
    methods = [name for name in dir(theirs.PyTubeRegistry) if not name.startswith("_")]
    for name in methods:
        theirs_is = _signature(getattr(theirs.PyTubeRegistry, name))
        assert _signature(getattr(compat.PyTubeRegistry, name)) == theirs_is, name


def test_the_reasons_are_the_wheels() -> None:
    theirs = import_module(MODULE).PyCloseConnectionReason
    ours = compat.PyCloseConnectionReason
    names = [name for name in dir(theirs) if name[0].isupper()]
    for name in names:
        one, other = getattr(ours, name), getattr(theirs, name)
        assert (one.value(), int(one), repr(one)) == (other.value(), int(other), repr(other))
        assert ours.from_code(other.value()) == one
        assert hash(ours.from_code(other.value())) == hash(one)
    assert ours.from_code(200) == ours.Unknown
    assert ours.Normal != 0  # type: ignore[comparison-overlap]
    with pytest.raises(TypeError, match="cannot create"):
        ours()
