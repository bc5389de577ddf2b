"""What is used of aioice beyond its documented interface, and that its own connections work with
ours."""

from __future__ import annotations

import ast
import inspect
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

import aioice
import pytest
from aioice import candidate, ice, stun, turn

from guacr.tubes.rtc.ice import agent
from guacr.tubes.rtc.ice.settings import IceParameters, IceState
from tests.support.ice import DATA, LOOPBACK, End
from tests.support.waiting import until

SOURCES = Path(agent.__file__).parent
METHODS: dict[type, dict[str, list[str]]] = {
    ice.Connection: {
        "_add_remote_candidate": ["self", "remote_candidate", "network_host"],
        "_find_pair": ["self", "protocol", "remote_candidate"],
        "_pair_remote_candidate": ["self", "remote_candidate"],
        "build_request": ["self", "pair", "nominate"],
        "check_complete": ["self", "pair"],
        "check_incoming": ["self", "message", "addr", "protocol"],
        "check_start": ["self", "pair"],
        "check_start_task": ["self", "pair"],
        "check_state": ["self", "pair", "state"],
        "close": ["self"],
        "protocol_lost": ["self", "protocol"],
        "request_received": ["self", "message", "addr", "protocol"],
        "respond_error": ["self", "request", "addr", "protocol", "error_code"],
        "sort_check_list": ["self"],
        "switch_role": ["self", "ice_controlling"],
    },
    ice.StunProtocol: {
        "close": ["self"],
        "connection_lost": ["self", "exc"],
        "connection_made": ["self", "transport"],
        "datagram_received": ["self", "data", "addr"],
        "request": ["self", "request", "addr", "integrity_key", "retransmissions"],
        "send_stun": ["self", "message", "addr"],
    },
    turn.TurnClientMixin: {
        "_send": [],
        "channel_bind": ["self", "channel_number", "addr"],
        "connect": ["self"],
        "datagram_received": ["self", "data", "addr"],
        "delete": ["self"],
    },
    stun.Message: {
        "add_message_integrity": ["self", "key"],
        "check_message_integrity": ["self", "key"],
    },
    stun.Transaction: {"response_received": ["self", "message", "addr"]},
}
"""Methods that are called or overridden, with their parameters."""
ATTRIBUTES: dict[str, set[str]] = {
    "Connection": {
        "_check_list", "_closed", "_closing", "_early_checks_done", "_local_password",
        "_local_username", "_nominated", "_protocols", "_remote_candidates",
        "_remote_candidates_end", "_remote_candidates_resolving", "ice_controlling",
        "local_password", "local_username", "remote_password", "remote_username",
    },
    "CandidatePair": {
        "local_candidate", "nominated", "protocol", "remote_addr", "remote_candidate",
        "remote_nominated", "state", "task",
    },
    "Candidate": {"_network_host", "host", "port", "priority", "type"},
    "StunProtocol": {"transactions"},
    "TurnClientUdpProtocol": {
        "channel_to_peer", "integrity_key", "mapped_address", "peer_to_channel",
        "peer_to_failed_channel", "receiver", "refresh_task", "relayed_address", "server",
    },
}  # fmt: skip
"""Attributes of instances that are read or set."""


def _lacks(what: str) -> str:
    return (
        f"aioice {version('aioice')} lacks {what}, which guacr.tubes.rtc uses: adapt it, or require"
        " an earlier version in pyproject.toml"
    )


@pytest.mark.parametrize("kind", METHODS, ids=lambda kind: kind.__name__)
def test_methods_are_there(kind: type) -> None:
    for name, parameters in METHODS[kind].items():
        found = kind.__dict__.get(name) or inspect.getattr_static(kind, name, None)
        if not parameters:
            assert found is not None or name in inspect.getsource(kind), _lacks(name)
            continue
        assert found is not None, _lacks(f"{kind.__name__}.{name}")
        signature = list(inspect.signature(found).parameters)
        assert signature == parameters, _lacks(f"{kind.__name__}.{name}({', '.join(parameters)})")


async def test_attributes_are_there() -> None:
    connection = ice.Connection(True)
    protocol = ice.StunProtocol(connection)
    found = candidate.Candidate("1", 1, "udp", 1, "127.0.0.1", 1, "host")
    protocol.local_candidate = found
    client = turn.TurnClientUdpProtocol(("", 0), "", "", 0, 0)
    pair = ice.CandidatePair(protocol, found)
    for instance in (connection, protocol, found, client, pair):
        kind = type(instance).__name__
        for name in ATTRIBUTES[kind]:
            assert hasattr(instance, name), _lacks(f"{kind}.{name}")


def test_every_private_name_that_is_used_is_held() -> None:
    instances = [
        ice.Connection(True),
        candidate.Candidate("1", 1, "udp", 1, "127.0.0.1", 1, "host"),
    ]
    theirs = {name for one in instances for name in dir(one) if not name.startswith("__")}
    held = set().union(*ATTRIBUTES.values(), *METHODS.values())
    for path in SOURCES.glob("*.py"):
        used = {
            node.attr
            for node in ast.walk(ast.parse(path.read_text()))
            if isinstance(node, ast.Attribute) and node.attr.startswith("_")
        }
        if "aioice" in path.read_text():
            assert used & theirs <= held, path.name


async def _pair(controlling: bool) -> tuple[End, aioice.Connection]:
    """An end of ours and a connection of aioice, which does not offer 127.0.0.1 by itself."""
    end = End(controlling=controlling)
    plain = aioice.Connection(ice_controlling=not controlling)
    plain._local_candidates = await plain.get_component_candidates(1, ["127.0.0.1"])
    plain._local_candidates_start = plain._local_candidates_end = True
    plain.remote_username = end.transport.local.ufrag
    plain.remote_password = end.transport.local.password
    return end, plain


async def _told(end: End, plain: aioice.Connection) -> None:
    await end.transport.gather()
    for text in end.candidates:
        found = aioice.Candidate.from_sdp(text.removeprefix("candidate:")) if text else None
        await plain.add_remote_candidate(found)
    for found in plain.local_candidates:
        end.transport.add_remote_candidate(f"candidate:{found.to_sdp()}")
    end.transport.add_remote_candidate("")


@pytest.mark.parametrize("controlling", [True, False])
@pytest.mark.parametrize("same_role", [False, True])
async def test_connections_of_aioice_work_with_ours(controlling: bool, same_role: bool) -> None:
    end, plain = await _pair(controlling)
    if same_role:
        plain.ice_controlling = controlling
    await _told(end, plain)
    end.transport.set_remote(IceParameters(plain.local_username, plain.local_password))
    await plain.connect()
    await end.until(IceState.CONNECTED)
    assert end.transport.is_controlling != plain.ice_controlling
    await plain.send(DATA + b"to us")
    await end.until_received(DATA + b"to us")
    end.transport.send(DATA + b"to them")
    assert await plain.recv() == DATA + b"to them"
    await plain.close()
    await end.transport.close()


async def test_a_connection_of_aioice_that_closes_is_noticed() -> None:
    end, plain = await _pair(True)
    settings = replace(LOOPBACK, keep_alive=0.1, disconnected_after=0.3, failed_after=0.3)
    end.transport._current._settings = settings
    end.transport._current.keep_alive._interval = 0.1
    await _told(end, plain)
    end.transport.set_remote(IceParameters(plain.local_username, plain.local_password))
    await plain.connect()
    await end.until(IceState.CONNECTED)
    await plain.close()
    await until(lambda: end.state is IceState.FAILED, "failed")
    assert end.states[-2:] == [IceState.DISCONNECTED, IceState.FAILED]
    await end.transport.close()
