"""The published wheel keeper-pam-webrtc-rs as a peer, in a process and a network of its own.

It gathers no loopback candidates, so it and the test are in a network namespace that has another
address. What the wheel would ask of servers on the Internet is switched off.

Each peer has a fresh process, forked from one that has imported the module, which takes longer than
most tests.
"""

from __future__ import annotations

import asyncio
import base64
import importlib.util
import itertools
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from struct import Struct
from typing import Any

from tests.support.guarding import owned
from tests.support.network_namespace import check_namespaces, inside, ip, namespace
from tests.support.require import missing

ADDRESS = "192.0.2.2"
VERSION = "2.2.9"
LINE_MAX = 1 << 24
MODULE = "keeper_pam_webrtc_rs"
NUMBER = Struct("I")


@contextmanager
def wheel_network() -> Iterator[None]:
    """Put this thread, and the processes that it starts, into a network for the wheel."""
    if importlib.util.find_spec(MODULE) is None:
        missing("keeper-pam-webrtc-rs is not installed")
    check_namespaces()
    with namespace() as name:
        ip("-n", name, "address", "add", f"{ADDRESS}/32", "dev", "lo")
        with inside(name):
            try:
                yield
            finally:
                while _forks:
                    _forks.popitem()[1].close()


class Forks:
    """A process that has imported a module, and forks others. It ends with its network."""

    def __init__(self, module: str) -> None:
        self._control, theirs = socket.socketpair()
        with theirs:
            self._control.setblocking(False)
            self._process = subprocess.Popen(
                [sys.executable, "-m", __name__, module, str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                env={**os.environ, "KEEPER_WEBRTC_DISABLE_CONNECTIVITY_CHECK": "1"},
            )

    async def fork(self) -> tuple[int, socket.socket]:
        """Another process: its number, and a socket to its standard input and output."""
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        with theirs:
            socket.send_fds(self._control, [b"f"], [theirs.fileno()])
        answer = await asyncio.get_running_loop().sock_recv(self._control, NUMBER.size)
        return NUMBER.unpack(answer)[0], ours

    def close(self) -> None:
        """End the process, which ends when nobody asks it for more."""
        self._control.close()
        self._process.wait()


_forks: dict[str, Forks] = {}
"""Of the network that this process is in, by the name of the module."""


class WheelError(Exception):
    """A RuntimeError of the wheel."""


class Wheel:
    """A process with the wheel's registry. `signals` has what it has told."""

    def __init__(
        self, process_id: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.process_id = process_id
        self._reader = reader
        self._writer = writer
        self._ids = itertools.count(1)
        self._answers: dict[int, asyncio.Future[Any]] = {}
        self.signals: list[dict[str, str]] = []
        self.events: list[dict[str, Any]] = []
        """Of python_handler; payloads in base64."""
        self._reading = asyncio.create_task(self._read(), name="wheel")

    async def call(self, method: str, *arguments: Any, **named: Any) -> Any:
        """The result of a method of the registry.

        Raises:
            WheelError: it has raised an error.
        """
        number = next(self._ids)
        answer = self._answers[number] = asyncio.get_running_loop().create_future()
        request = json.dumps([number, method, arguments, named])
        self._writer.write(request.encode() + b"\n")
        return await answer

    async def create(
        self,
        conversation: str,
        settings: dict[str, Any],
        *,
        offer: str = "",
        trickle: bool = True,
        **named: Any,
    ) -> dict[str, str]:
        """Create a tube; `offer` and the description of the result are texts."""
        encoded = base64.b64encode(offer.encode()).decode() if offer else None
        result: dict[str, str] = await self.call(
            "create_tube",
            conversation,
            settings,
            trickle,
            "token",
            "",
            client_version=VERSION,
            ksm_config="",
            offer=encoded,
            **named,
        )
        for key in {"offer", "answer"} & set(result):
            result["description"] = base64.b64decode(result[key]).decode()
        return result

    async def set_remote(self, tube: str, text: str, *, is_answer: bool) -> str | None:
        """Set a description; the answer to an offer."""
        encoded = base64.b64encode(text.encode()).decode()
        answer = await self.call("set_remote_description", tube, encoded, is_answer)
        return None if answer is None else base64.b64decode(answer).decode()

    def candidates(self) -> list[str]:
        """Those that it has told."""
        return [one["data"] for one in self.signals if one["kind"] == "icecandidate"]

    def closed(self) -> list[dict[str, Any]]:
        """The contents of its signals about closed channels."""
        return [json.loads(one["data"]) for one in self.signals if one["kind"] == "channel_closed"]

    async def _read(self) -> None:
        while line := await self._reader.readline():
            kind, *content = json.loads(line)
            if kind == "signal":
                self.signals.append(content[0])
            elif kind == "events":
                self.events += content[0]
            else:
                number, result, error = content
                answer = self._answers.pop(number)
                if error is None:
                    answer.set_result(result)
                else:
                    answer.set_exception(WheelError(error))

    async def close(self) -> None:
        """End the process."""
        if not self._reading.done():
            os.kill(self.process_id, signal.SIGKILL)
        await asyncio.wait((self._reading,))
        self._writer.close()


@asynccontextmanager
async def wheel(module: str = MODULE, forks: Forks | None = None) -> AsyncIterator[Wheel]:
    """A wheel that ends with the block; to be used inside of `wheel_network`.

    Args:
        module: another one with the same interface.
        forks: of another network.
    """
    if forks is None and module not in _forks:
        with owned():
            _forks[module] = Forks(module)
    process_id, own = await (forks or _forks[module]).fork()
    running = Wheel(process_id, *await asyncio.open_connection(sock=own, limit=LINE_MAX))
    try:
        yield running
    finally:
        await running.close()


def serve(module: str) -> None:
    """Carry out the requests of the standard input, each in a thread.

    Data of `send_handler_data` are in base64, or a number of zero bytes, and blocks of
    `open_handler_connection` in base64.
    """
    registry = importlib.import_module(module).PyTubeRegistry()
    lock = threading.Lock()

    def tell(*words: Any) -> None:
        with lock:
            sys.stdout.write(json.dumps(words) + "\n")
            sys.stdout.flush()

    def on_events(events: list[dict[str, Any]]) -> None:
        for event in events:
            if "payload" in event:
                event["payload"] = base64.b64encode(event["payload"]).decode()
        tell("events", events)

    def carry_out(number: int, method: str, arguments: list[Any], named: dict[str, Any]) -> None:
        if method == "create_tube" and isinstance(arguments[1], dict):
            named["signal_callback"] = lambda signal: tell("signal", signal)
            if arguments[1].get("conversationType") == "python_handler":
                named["handler_callback"] = on_events
        if method in ("open_handler_connection", "send_handler_data") and arguments[2:]:
            data = arguments[2]
            arguments[2] = base64.b64decode(data) if isinstance(data, str) else data and bytes(data)
        try:
            result = getattr(registry, method)(*arguments, **named)
        except Exception as error:  # noqa: BLE001 - it is told to the test
            tell("answer", number, None, f"{error}")
        else:
            tell("answer", number, result, None)

    for line in sys.stdin:
        threading.Thread(target=carry_out, args=json.loads(line), daemon=True).start()
    os._exit(0)


def fork_on_request(module: str, control: socket.socket) -> None:
    """Fork a process that serves for each socket that is received."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # no child has to be waited for
    assert importlib.import_module(module).PyTubeRegistry
    while files := socket.recv_fds(control, 1, 1)[1]:
        child = os.fork()
        if not child:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            control.close()
            for standard in (0, 1):
                os.dup2(files[0], standard)
            os.close(files[0])
            serve(module)
        os.close(files[0])
        control.sendall(NUMBER.pack(child))


if __name__ == "__main__":
    fork_on_request(sys.argv[1], socket.socket(fileno=int(sys.argv[2])))
