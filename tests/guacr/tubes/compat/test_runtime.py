"""The interface under threads, callbacks, interrupts, forks and its end."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from guacr.tubes import PyTubeRegistry, shutdown_runtime_from_python
from guacr.tubes.compat import callbacks
from tests.guacr.tubes.compat.application import LISTENING, LOOPBACK, Application, target, wait

ENDED = "have been shut down"


@pytest.fixture
def silent_server() -> Iterator[dict[str, Any]]:
    """Settings with a STUN server that does not answer: without trickle, a create takes seconds."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        yield {**LOOPBACK, "stun_url": f"stun:127.0.0.1:{server.getsockname()[1]}"}


def run(program: str) -> str:
    """The output of a program in another process."""
    done = subprocess.run(
        [sys.executable, "-c", program], check=False, capture_output=True, text=True, timeout=50
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


class TestCallbacks:
    def test_they_may_call_everything(self, application: Application) -> None:
        results: list[object] = []

        def on_signal(signal: dict[str, str]) -> None:
            application.on_signal(signal)
            tube, registry = signal["tube_id"], application.registry
            if signal["data"] == "connected":
                results.append(registry.get_connection_state(tube))
                another = application.create("from a callback", LOOPBACK)["tube_id"]
                registry.close_tube(another)
                registry.close_tube(tube)
                results.append(registry.tube_found(tube))

        application.begin(LISTENING, target(1), signal_callback=on_signal)

        wait(lambda: len(results) == 2, "the results")
        assert results == ["Connected", False]

    def test_one_at_a_time_and_in_order(self, application: Application) -> None:
        inside = threading.Semaphore(1)
        faults, kinds = [], []

        def on_signal(signal: dict[str, str]) -> None:
            if not inside.acquire(blocking=False):
                faults.append(signal)
            application.on_signal(signal)
            kinds.append(signal["kind"])
            time.sleep(0.01)
            inside.release()

        offered, _ = application.connect(LISTENING, target(1), signal_callback=on_signal)
        application.registry.close_tube(offered["tube_id"])
        wait(lambda: "channel_closed" in kinds, "the last signal")

        assert not faults
        assert kinds[0] == "icecandidate"
        assert kinds[-2:] == ["connection_state_changed", "channel_closed"]

    def test_one_that_waits_delays_no_other_tube(self, application: Application) -> None:
        go_on, is_waiting = threading.Event(), threading.Event()

        def on_signal(signal: dict[str, str]) -> None:
            is_waiting.set()
            assert go_on.wait(20)

        for n in range(10):
            application.create(f"slow {n}", LOOPBACK, signal_callback=on_signal)
        assert is_waiting.wait(20)

        application.connect(LISTENING, target(1))

        go_on.set()

    def test_one_that_fails_is_logged(
        self, application: Application, caplog: pytest.LogCaptureFixture
    ) -> None:
        def on_signal(signal: dict[str, str]) -> None:
            application.on_signal(signal)
            raise ValueError("of the application")

        application.connect(LISTENING, target(1), signal_callback=on_signal)

        assert "a callback of tubes has failed" in caplog.text

    def test_a_tube_without_one(self, application: Application) -> None:
        tube = application.create("c", LOOPBACK, signal_callback=None)["tube_id"]

        application.registry.close_tube(tube)

    def test_each_conversation_has_its_own(self, application: Application) -> None:
        second: list[dict[str, str]] = []
        tube = application.create("c", LOOPBACK)["tube_id"]
        application.create("d", LOOPBACK, tube_id=tube, signal_callback=second.append)

        application.registry.close_connection("d")

        wait(lambda: second, "the signal")
        assert [(one["kind"], one["conversation_id"]) for one in second] == [
            ("channel_closed", "d")
        ]

    def test_their_threads_end_when_nothing_happens(
        self, application: Application, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(callbacks, "IDLE", 0.01)
        application.connect(LISTENING, target(1))

        wait(lambda: not _callback_threads(), "the end of the threads")

        tube, _ = application.registry.all_tube_ids()
        application.registry.cleanup_all()
        wait(lambda: application.kinds(tube)[-1] == "channel_closed", "another one")

    def test_too_many_for_a_slow_one_are_dropped(
        self, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        monkeypatch.setattr(callbacks, "QUEUED_MAX", 2)
        done: list[int] = []
        dispatcher = callbacks.Dispatcher("test", held=True)
        for n in range(4):
            dispatcher.put(lambda n=n: done.append(n))  # type: ignore[misc]

        dispatcher.close()
        dispatcher.join(10)

        assert done == [0, 1]
        assert caplog.text.count("too slow") == 1


def _callback_threads() -> list[threading.Thread]:
    return [one for one in threading.enumerate() if one.name == "guacr tube callback"]


class TestEnd:
    def test_a_later_call_starts_anew(self, application: Application) -> None:
        tube = application.create("c", LOOPBACK)["tube_id"]
        application.registry.shutdown_runtime()

        assert not application.registry.tube_found(tube)
        application.connect(LISTENING, target(1))

    def test_it_tells_the_callbacks(self, application: Application) -> None:
        tube = application.create("c", LOOPBACK)["tube_id"]

        shutdown_runtime_from_python()

        assert application.kinds(tube)[-1] == "channel_closed"

    def test_within_a_callback(self, application: Application) -> None:
        ended = threading.Event()

        def on_signal(signal: dict[str, str]) -> None:
            application.registry.shutdown_runtime()
            ended.set()

        application.create("c", LOOPBACK, signal_callback=on_signal)

        assert ended.wait(20)

    def test_those_who_wait_are_told(
        self, application: Application, silent_server: dict[str, Any]
    ) -> None:
        errors: list[RuntimeError] = []

        def create() -> None:
            try:
                application.create("c", silent_server, trickle_ice=False)
            except RuntimeError as error:
                errors.append(error)

        thread = threading.Thread(target=create)
        thread.start()
        wait(application.registry.all_tube_ids, "the tube")

        application.registry.shutdown_runtime()
        thread.join(3)

        assert ENDED in str(errors[0])

    def test_nothing_is_left_of_a_process(self) -> None:
        run(
            "from tests.guacr.tubes.compat.application import *\n"
            "import faulthandler; faulthandler.dump_traceback_later(30, exit=True)\n"
            "Application().connect(LISTENING, target(1))\n"
        )


def test_control_c_ends_a_create(application: Application, silent_server: dict[str, Any]) -> None:
    def interrupt() -> None:
        wait(application.registry.all_tube_ids, "the tube")
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=interrupt)
    thread.start()
    with pytest.raises(KeyboardInterrupt):
        application.create("c", silent_server, trickle_ice=False)
    thread.join()

    wait(lambda: not application.registry.all_tube_ids(), "the end of the tube")


def test_after_a_fork_the_child_has_tubes_of_its_own() -> None:
    output = run(
        """
import os
from tests.guacr.tubes.compat.application import *
parent = Application()
offered, answered = parent.connect(LISTENING, target(1))
child = os.fork()
if not child:
    assert parent.registry.all_tube_ids() == []
    Application().connect(LISTENING, target(1))
    parent.registry.shutdown_runtime()
    os._exit(7)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
assert parent.is_ready(offered["tube_id"]) and parent.is_ready(answered["tube_id"])
parent.registry.close_tube(offered["tube_id"])
wait(lambda: not parent.registry.all_tube_ids(), "the other end")
print("done")
"""
    )
    assert output == "done\n"


def test_a_forked_child_keeps_no_sockets_of_tubes() -> None:
    output = run(
        """
import os, socket, time
from tests.guacr.tubes.compat.application import *

def sockets():
    found = set()
    for number in os.listdir("/proc/self/fd"):
        try:
            link = os.readlink(f"/proc/self/fd/{number}")
        except FileNotFoundError:
            continue
        found |= {link} if link.startswith("socket:") else set()
    return found

server = socket.create_server(("127.0.0.1", 0))
own = sockets()
parent = Application()
offered, answered = parent.connect(LISTENING, target(server.getsockname()[1]))
host, _, port = offered["actual_local_listen_addr"].rpartition(":")
client = socket.create_connection((host, int(port)))
accepted, _ = server.accept()
client.sendall(b"x")
assert accepted.recv(1) == b"x"
mine = {os.readlink(f"/proc/self/fd/{one.fileno()}") for one in (client, accepted)}
assert len(sockets() - own - mine) >= 5  # a listener, a connection at each end, UDP
child = os.fork()
if not child:
    left = sockets() - own - mine
    os._exit(len(left))
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
client.sendall(b"y")
assert accepted.recv(1) == b"y"
parent.registry.close_tube(offered["tube_id"])
print("done")
"""
    )
    assert output == "done\n"


def test_importing_tubes_loads_no_library() -> None:
    run(
        "import sys, guacr.tubes\n"
        "assert not {'aioice', 'OpenSSL', 'guacr.tubes.rtc'} & set(sys.modules)\n"
        "guacr.tubes.PyTubeRegistry, guacr.tubes.TubeRegistry\n"
        "assert 'aioice' in sys.modules\n"
        "assert not {'numpy', 'PIL', 'pydantic', 'aiohttp', 'asyncssh'} & set(sys.modules)\n"
    )


class TestCapacity:
    def test_creates_from_many_threads(self, application: Application) -> None:
        errors: list[Exception] = []

        def create(n: int) -> None:
            try:
                application.create(str(n), LOOPBACK)
                capacity = application.registry.check_capacity()
                assert capacity["can_accept_more"]
                assert capacity["max_concurrent"] == 100
            except Exception as error:  # noqa: BLE001 - told below
                errors.append(error)

        threads = [threading.Thread(target=create, args=(n,)) for n in range(60)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert not errors
        assert application.registry.active_tube_count() == 60
        capacity = application.registry.check_capacity()
        assert (capacity["total_creates"], capacity["total_failures"]) == (60, 0)
        assert capacity["active_creates"] == capacity["load_percentage"] == 0

    @pytest.mark.parametrize(
        "name", ["KEEPER_GATEWAY_MAX_CONCURRENT_CREATES", "WEBRTC_MAX_CONCURRENT_CREATES"]
    )
    def test_a_limit_of_the_environment(
        self, application: Application, monkeypatch: pytest.MonkeyPatch, name: str
    ) -> None:
        monkeypatch.setenv(name, "0")

        with pytest.raises(
            RuntimeError,
            match=r"^Failed to create tube: System overloaded: 0 active creates \(max 0\)\. "
            r"Please retry with backoff, in \d+\.\d\d s\.$",
        ):
            application.create("c", LOOPBACK)

        capacity = application.registry.check_capacity()
        assert capacity["can_accept_more"] is False
        assert capacity["load_percentage"] == 100
        assert isinstance(delay := capacity["suggested_delay_ms"], int)
        assert delay > 0

    def test_more_than_the_limit(
        self,
        application: Application,
        silent_server: dict[str, Any],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setenv("KEEPER_GATEWAY_MAX_CONCURRENT_CREATES", "1")

        def create() -> None:
            with pytest.raises(RuntimeError):
                application.create("c", silent_server, trickle_ice=False)

        thread = threading.Thread(target=create)
        thread.start()
        wait(application.registry.all_tube_ids, "the first")

        with pytest.raises(RuntimeError, match=r"1 active creates \(max 1\)"):
            application.create("d", LOOPBACK)

        application.registry.shutdown_runtime()
        thread.join()

    def test_a_limit_that_is_no_number(self, monkeypatch: pytest.MonkeyPatch) -> None:
        shutdown_runtime_from_python()
        monkeypatch.setenv("WEBRTC_MAX_CONCURRENT_CREATES", "many")

        with pytest.raises(RuntimeError, match="WEBRTC_MAX_CONCURRENT_CREATES is not a number"):
            PyTubeRegistry().active_tube_count()


def test_the_network_is_tested(application: Application) -> None:
    registry = application.registry

    results = registry.test_webrtc_connectivity(
        "127.0.0.1:1", {"test_filter": ["dns_resolution", "tcp_connectivity", "udp_binding"]}, 3
    )

    assert results["dns_resolution"]["success"]
    assert not results["tcp_connectivity"]["success"]
    assert results["overall_result"]["tests_run"] == len(results["test_results"]) == 3
    text = registry.format_connectivity_results(results, detailed=True)
    assert "PASS Udp Binding" in text
    assert "FAIL Tcp Connectivity" in text
    assert "Allow TCP to the port of the server" in text


def test_a_second_conversation_has_the_role_of_its_tube(application: Application) -> None:
    served: list[bytes] = []

    def serve(listener: socket.socket) -> None:
        connection, _ = listener.accept()
        with connection:
            served.append(connection.recv(100))

    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(20)
        thread = threading.Thread(target=serve, args=(server,))
        thread.start()
        near, far = application.connect(LISTENING, target(1))
        port = server.getsockname()[1]
        application.create("d", target(port), tube_id=far["tube_id"])
        second = application.create("d", LISTENING, tube_id=near["tube_id"])

        host, _, number = second["actual_local_listen_addr"].rpartition(":")
        with socket.create_connection((host, int(number))) as client:
            client.sendall(b"through the second")
            thread.join(20)

    assert served == [b"through the second"]


def test_without_the_extra_the_error_says_what_to_install() -> None:
    code = "import sys; sys.modules['aioice'] = None; import guacr.tubes; guacr.tubes.TubeRegistry"
    done = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True)

    assert "pip install 'guacr[webrtc]'" in done.stderr.splitlines()[-1]
