"""The part of a Kubernetes API server that guacr talks to: exec and attach over WebSocket.

Messages are byte for byte those of k8s.io/apimachinery's remotecommand: a channel's number, then
its bytes; empty messages open the output channels; a Status object on channel 3 ends the command;
version 5 closes channels with message 255. Commands really run, on a terminal or with pipes.
"""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import pty
import signal
import ssl
import struct
import subprocess
import termios
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import TypeVar

from aiohttp import WSMsgType, web

from tests.support.waiting import free_port

STDIN, STDOUT, STDERR, ERROR, RESIZE, CLOSE = 0, 1, 2, 3, 4, 255
CHUNK = 32768
THREADS_MAX = 200
"""For each shell that runs, two."""

T = TypeVar("T")
PATH = "/api/v1/namespaces/{namespace}/pods/{pod}/{action}"


@dataclass(slots=True)
class KubeApi:
    """The server's configuration, and the requests that it has received."""

    token: str = ""
    """Wanted of clients, if any."""
    subprotocols: tuple[str, ...] = ("v5.channel.k8s.io", "v4.channel.k8s.io")
    refusal: tuple[int, str] = (0, "")
    """Answer every request with this HTTP status and message."""
    pods: tuple[str, ...] = ("web",)
    attached: tuple[str, ...] = ("/bin/sh",)
    """What runs in each pod, to attach to."""
    broken: str = ""
    """What goes wrong in the container when a command shall run."""
    tools: str = field(default_factory=lambda: os.environ["PATH"])
    """Where the container's programs are."""
    directory: str = "/"
    """The container's working directory."""
    paths: list[str] = field(default_factory=list)
    queries: list[list[tuple[str, str]]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    agreed: list[str | None] = field(default_factory=list)
    """Sub-protocols."""
    sizes: list[tuple[int, int]] = field(default_factory=list)
    """Columns and rows, as told."""
    clients: list[str] = field(default_factory=list)
    """Common names of the certificates that were shown."""
    sockets: list[web.WebSocketResponse] = field(default_factory=list)
    threads: ThreadPoolExecutor = field(init=False)

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """One request."""
        self.paths.append(request.path)
        self.queries.append([(name, value) for name, value in request.query.items()])
        self.headers.append(dict(request.headers))
        refused = self._refusal(request)
        if refused is not None:
            return refused
        self._note_certificate(request)
        socket = web.WebSocketResponse(protocols=self.subprotocols, autoclose=False)
        await socket.prepare(request)
        self.agreed.append(socket.ws_protocol)
        self.sockets.append(socket)
        await self._talk(request, socket)
        return socket

    def _refusal(self, request: web.Request) -> web.Response | None:
        pod = request.match_info["pod"]
        if self.refusal[0]:
            return status(*self.refusal)
        if self.token and request.headers.get("Authorization") != f"Bearer {self.token}":
            return status(401, "Unauthorized")
        if pod not in self.pods:
            return status(404, f'pods "{pod}" not found')
        return None

    def _note_certificate(self, request: web.Request) -> None:
        assert request.transport is not None
        shown = request.transport.get_extra_info("peercert")
        if shown:
            self.clients += [pair[1] for part in shown["subject"] for pair in part]

    async def _talk(self, request: web.Request, socket: web.WebSocketResponse) -> None:
        await socket.send_bytes(bytes([STDOUT]))
        if self.broken:
            await self._end(socket, _failure("InternalError", self.broken))
            return
        command = request.query.getall("command", [])
        assert bool(command) == (request.match_info["action"] == "exec")
        if command and "tty" not in request.query:
            await self._run_piped(socket, command, has_input="stdin" in request.query)
        else:
            await self._run(socket, command or list(self.attached))

    async def _run_piped(
        self, socket: web.WebSocketResponse, command: list[str], *, has_input: bool
    ) -> None:
        try:
            process = await asyncio.create_subprocess_exec(
                *command,
                stdin=PIPE if has_input else DEVNULL,
                stdout=PIPE,
                stderr=PIPE,
                cwd=self.directory,
                env={"PATH": self.tools},
                start_new_session=True,
            )
        except FileNotFoundError:
            told = f'unable to start container process: exec: "{command[0]}": executable file not'
            await self._end(socket, _failure("InternalError", f"{told} found in $PATH: unknown"))
            return
        taking = asyncio.create_task(_pass_on(socket, process), name="kube input")
        outputs = [
            asyncio.create_task(_give_stream(socket, channel, stream), name="kube output")
            for channel, stream in ((STDOUT, process.stdout), (STDERR, process.stderr))
        ]
        ended = asyncio.gather(*outputs)
        try:
            await asyncio.wait((taking, ended), return_when=asyncio.FIRST_COMPLETED)
            if not ended.done():  # the connection has ended
                if process.stdin is not None:
                    process.stdin.close()
                else:
                    os.killpg(process.pid, signal.SIGKILL)
            with suppress(ConnectionError):
                await ended
                await self._end(socket, _exit(await process.wait()))
        finally:
            taking.cancel()
            ended.cancel()
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            await asyncio.wait((taking, *outputs))
            await process.wait()
            process._transport.close()  # type: ignore[attr-defined]

    async def _run(self, socket: web.WebSocketResponse, command: list[str]) -> None:
        master, slave = pty.openpty()
        process = _start(command, slave, self.tools)
        os.close(slave)
        taking = asyncio.create_task(self._take(socket, master), name="kube input")
        giving = asyncio.create_task(self._give(socket, master), name="kube output")
        try:
            await asyncio.wait([taking, giving], return_when=asyncio.FIRST_COMPLETED)
            if giving.done() and giving.result():
                code = await self._call(process.wait, 5)
                await self._end(socket, _exit(code))
        except ConnectionError:
            pass
        finally:
            taking.cancel()
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            await asyncio.wait([taking, giving])
            os.close(master)
            await self._call(process.wait, 5)

    async def _give(self, socket: web.WebSocketResponse, master: int) -> bool:
        """Pass output on; True if the command's end has closed the terminal."""
        while True:
            try:
                data = await self._call(os.read, master, CHUNK)
            except OSError:
                return True
            if not data:
                return True
            try:
                await socket.send_bytes(bytes([STDOUT]) + data)
            except ConnectionResetError:  # the client has gone
                return False

    async def _call(self, function: Callable[..., T], *arguments: object) -> T:
        """Call a function that blocks."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self.threads, function, *arguments)

    async def _take(self, socket: web.WebSocketResponse, master: int) -> None:
        async for message in socket:
            assert message.type is WSMsgType.BINARY
            channel, body = message.data[0], message.data[1:]
            if channel == STDIN:
                await self._call(_write_all, master, body)
            elif channel == RESIZE:
                size = json.loads(body)
                assert set(size) == {"Width", "Height"}
                self.sizes.append((size["Width"], size["Height"]))
                cells = struct.pack("HHHH", size["Height"], size["Width"], 0, 0)
                fcntl.ioctl(master, termios.TIOCSWINSZ, cells)
            else:
                raise AssertionError(f"a message on channel {channel}")

    async def _end(self, socket: web.WebSocketResponse, result: dict[str, object]) -> None:
        await socket.send_bytes(bytes([ERROR]) + json.dumps(result).encode())
        if socket.ws_protocol == "v5.channel.k8s.io":
            for channel in (STDOUT, STDERR, ERROR):
                await socket.send_bytes(bytes([CLOSE, channel]))
        await socket.close()


def status(code: int, message: str) -> web.Response:
    """A refusal as the API server words it."""
    body = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
            "message": message, "code": code}  # fmt: skip
    return web.json_response(body, status=code)


def _failure(reason: str, message: str) -> dict[str, object]:
    return {"metadata": {}, "status": "Failure", "message": message, "reason": reason}


def _exit(code: int) -> dict[str, object]:
    if code == 0:
        return {"metadata": {}, "status": "Success"}
    causes = {"causes": [{"reason": "ExitCode", "message": str(code)}]}
    told = f"command terminated with non-zero exit code: exit status {code}"
    return _failure("NonZeroExitCode", told) | {"details": causes}


def _start(command: list[str], slave: int, tools: str) -> subprocess.Popen[bytes]:
    """Run a command on a terminal."""
    return subprocess.Popen(
        command,
        stdin=slave,
        stdout=slave,
        stderr=slave,
        start_new_session=True,
        env={"PATH": tools, "PS1": "ready> "},
        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
    )


async def _pass_on(socket: web.WebSocketResponse, process: Process) -> None:
    """Pass input on, until the connection or the input ends."""
    async for message in socket:
        channel, body = message.data[0], message.data[1:]
        assert channel == STDIN
        assert process.stdin is not None
        with suppress(ConnectionError):  # of a program that reads no more
            process.stdin.write(body)
            await process.stdin.drain()


async def _give_stream(
    socket: web.WebSocketResponse, channel: int, stream: asyncio.StreamReader | None
) -> None:
    assert stream is not None
    while data := await stream.read(CHUNK):
        await socket.send_bytes(bytes([channel]) + data)


def _write_all(fd: int, data: bytes) -> None:
    while data:
        data = data[os.write(fd, data) :]


@asynccontextmanager
async def kube_api(
    api: KubeApi, tls: ssl.SSLContext | None = None
) -> AsyncIterator[dict[str, str]]:
    """The parameters that name the server, which listens until the block ends."""
    api.threads = ThreadPoolExecutor(THREADS_MAX)
    application = web.Application()
    application.router.add_get(PATH, api.answer)
    application.router.add_get(f"/clusters/{{cluster}}{PATH}", api.answer)
    runner = web.AppRunner(application, shutdown_timeout=0.1)
    await runner.setup()
    port = free_port()
    await web.TCPSite(runner, "127.0.0.1", port, ssl_context=tls).start()
    try:
        yield {
            "hostname": "127.0.0.1",
            "port": str(port),
            "pod": "web",
            "use-ssl": "true" if tls else "false",
        }
    finally:
        for socket in api.sockets:
            await socket.close()
        await runner.cleanup()
        await asyncio.to_thread(api.threads.shutdown)
