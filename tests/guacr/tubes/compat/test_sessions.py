"""Guacamole conversations whose settings name no guacd: their sessions are of this process."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from guacr.session.protocols import Protocols
from guacr.settings.models import ServerSettings, Settings
from guacr.tubes import PyTubeRegistry
from tests.guacr.tubes.compat.application import LOOPBACK, Application, wait

HANDLER: dict[str, Any] = {**LOOPBACK, "conversationType": "python_handler"}


@pytest.fixture
def telnet_port() -> Iterator[int]:
    """The port of a host that greets, and waits for the end."""

    def serve(listener: socket.socket) -> None:
        connection, _ = listener.accept()
        with connection:
            connection.sendall(b"welcome\r\n")
            while connection.recv(4096):
                pass

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, args=(listener,))
        thread.start()
        yield listener.getsockname()[1]
        thread.join(20)


def test_a_session(application: Application, telnet_port: int) -> None:
    events: list[dict[str, Any]] = []
    signals: list[dict[str, str]] = []

    def on_signal(signal: dict[str, str]) -> None:
        signals.append(signal)
        application.on_signal(signal)

    answering = {
        **LOOPBACK,
        "conversationType": "telnet",
        "guacd_params": {"hostname": "127.0.0.1", "port": telnet_port, "width": 640},
    }
    _, answered = application.connect(
        HANDLER,
        answering,
        handler_callback=events.extend,
        answer={"signal_callback": on_signal},
    )
    registry = application.registry
    registry.open_handler_connection("c", 1)

    def data() -> bytes:
        return b"".join(event.get("payload", b"") for event in events)

    wait(lambda: b"4.sync," in data(), "a frame")
    assert events[0]["type"] == "connection_opened"
    assert b"4.size,1.0,3.640," in data()
    told = [one for one in signals if one["kind"] == "guacd_instruction"]
    assert told[0]["data"].startswith("4.size,1.0,3.640,")
    assert told[0]["conversation_id"] == "c"
    assert registry.get_tube_status(answered["tube_id"]) == "ready"

    registry.send_handler_data("c", 1, b"10.disconnect;")

    wait(lambda: events[-1]["type"] == "connection_closed", "the end")
    wait(lambda: not registry.all_tube_ids(), "the end of the tube")


def test_a_handler_is_not_imported_on_the_thread_of_the_tubes(
    application: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    find = Protocols.find
    threads: list[str] = []

    def noted(protocols: Protocols, name: str) -> Any:
        threads.append(threading.current_thread().name)
        return find(protocols, name)

    monkeypatch.setattr(Protocols, "find", noted)
    events: list[dict[str, Any]] = []
    answering = {
        **LOOPBACK,
        "conversationType": "telnet",
        "guacd_params": {"hostname": "127.0.0.1", "port": 1},
    }
    application.connect(HANDLER, answering, handler_callback=events.extend)

    application.registry.open_handler_connection("c", 1)

    wait(lambda: events and events[-1]["type"] == "connection_closed", "the end")
    assert len(threads) >= 2
    assert threads[0] != threads[-1]


def test_a_protocol_that_is_not_installed(application: Application) -> None:
    with pytest.raises(RuntimeError, match="create tube: protocol 'http' is unknown"):
        application.connect(
            HANDLER, {**LOOPBACK, "conversationType": "http"}, handler_callback=print
        )


def test_settings_of_the_sessions(application: Application) -> None:
    PyTubeRegistry(settings=Settings(server=ServerSettings(protocols=("ssh",))))

    with pytest.raises(RuntimeError, match="protocol telnet is disabled"):
        application.connect(
            HANDLER, {**LOOPBACK, "conversationType": "telnet"}, handler_callback=print
        )


def test_a_host_that_refuses(application: Application) -> None:
    events: list[dict[str, Any]] = []
    answering = {
        **LOOPBACK,
        "conversationType": "telnet",
        "guacd_params": {"hostname": "127.0.0.1", "port": 1},
    }
    application.connect(HANDLER, answering, handler_callback=events.extend)

    application.registry.open_handler_connection("c", 1)

    wait(lambda: events and events[-1]["type"] == "connection_closed", "the end")
    data = b"".join(event.get("payload", b"") for event in events)
    assert b"5.error," in data
