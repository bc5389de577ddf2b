"""The published wheel keeper-pam-webrtc-rs as a peer, in a process and a network of its own.

It gathers no loopback candidates, so it and the test are in a network namespace that has another
address. What the wheel would ask of servers on the Internet is switched off.
"""

from __future__ import annotations

import asyncio
import base64
import importlib.util
import itertools
import json
import os
import sys
import threading
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

from tests.support.network_namespace import check_namespaces, inside, ip, namespace
from tests.support.require import missing

ADDRESS = "192.0.2.2"
VERSION = "2.2.9"
LINE_MAX = 1 << 24
MODULE = "keeper_pam_webrtc_rs"


@contextmanager
def wheel_network() -> Iterator[None]:
    """Put this thread, and the processes that it starts, into a network for the wheel."""
    if importlib.util.find_spec(MODULE) is None:
        missing("keeper-pam-webrtc-rs is not installed")
    check_namespaces()
    with namespace() as name:
        ip("-n", name, "address", "add", f"{ADDRESS}/32", "dev", "lo")
        with inside(name):
            yield


class WheelError(Exception):
    """A RuntimeError of the wheel."""


class Wheel:
    """A process with the wheel's registry. `signals` has what it has told."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._ids = itertools.count(1)
        self._answers: dict[int, asyncio.Future[Any]] = {}
        self.signals: list[dict[str, str]] = []
        self.events: list[dict[str, Any]] = []
        """Of python_handler; payloads in base64."""
        self._reading = asyncio.create_task(self._read(), name="wheel")

    @property
    def process_id(self) -> int:
        """Of its process."""
        return self._process.pid

    async def call(self, method: str, *arguments: Any, **named: Any) -> Any:
        """The result of a method of the registry.

        Raises:
            WheelError: it has raised an error.
        """
        number = next(self._ids)
        answer = self._answers[number] = asyncio.get_running_loop().create_future()
        request = json.dumps([number, method, arguments, named])
        assert self._process.stdin is not None
        self._process.stdin.write(request.encode() + b"\n")
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
        assert self._process.stdout is not None
        while line := await self._process.stdout.readline():
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
        if self._process.returncode is None:
            self._process.kill()
        await self._process.wait()
        self._reading.cancel()
        await asyncio.wait((self._reading,))


@asynccontextmanager
async def wheel(module: str = MODULE) -> AsyncIterator[Wheel]:
    """A wheel that ends with the block; to be used inside of `wheel_network`.

    Args:
        module: another one with the same interface.
    """
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        __name__,
        module,
        stdin=PIPE,
        stdout=PIPE,
        limit=LINE_MAX,
        env={**os.environ, "KEEPER_WEBRTC_DISABLE_CONNECTIVITY_CHECK": "1"},
    )
    running = Wheel(process)
    try:
        yield running
    finally:
        await running.close()


def serve(module: str) -> None:
    """Carry out the requests of the standard input, each in a thread."""
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
        if method == "send_handler_data":
            arguments[2] = base64.b64decode(arguments[2])
        try:
            result = getattr(registry, method)(*arguments, **named)
        except Exception as error:  # noqa: BLE001 - it is told to the test
            tell("answer", number, None, f"{error}")
        else:
            tell("answer", number, result, None)

    for line in sys.stdin:
        threading.Thread(target=carry_out, args=json.loads(line), daemon=True).start()
    os._exit(0)


if __name__ == "__main__":
    serve(sys.argv[1])
