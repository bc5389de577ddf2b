"""A channel to another process of the daemon: messages in both directions, requests and answers."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from itertools import count
from typing import Any, TypeAlias

from guacr.errors import GuacrError, UpstreamUnavailableError, error_of_status
from guacr.protocol.status import Status
from guacr.refusals import Refusals
from guacr.workers.wire import MESSAGE_MAX, PACKET_MAX, Assembler, Message, WireError, packets

WAITING_MAX = 2 * MESSAGE_MAX
"""Bytes that may wait to be sent; a process that lets more wait is given up."""
REQUESTS_MAX = 10_000
"""Requests that may wait for their answers, in each direction."""
REQUEST_TIMEOUT = 10.0
"""Seconds until an answer must have arrived."""
BATCH = 64
"""Maximum packets that are read in one turn of the event loop."""
RETRY = 0.02
"""Seconds until a message is sent again that the system had no memory for."""
ASK, ANSWER = "ask", "answer"

Answer: TypeAlias = Callable[[Any], Awaitable[Any]]
"""Answers a request: its argument and its result can be represented in JSON."""

log = logging.getLogger("guacr.workers")
_delays, _losses = Refusals(log), Refusals(log)


def socket_pair() -> tuple[socket.socket, socket.socket]:
    """Return the two ends of a channel."""
    return socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)


class Channel:
    """One end of a channel.

    Args:
        sock: the socket; it belongs to the channel.
        on_message: called with each message that is neither a request nor an answer.
        on_closed: called once, when the other process has closed its end, or has ended.
    """

    def __init__(
        self,
        sock: socket.socket,
        on_message: Callable[[Message], None],
        on_closed: Callable[[], None],
    ) -> None:
        sock.setblocking(False)
        self._sock = sock
        self._on_message = on_message
        self._on_closed = on_closed
        self.answers: dict[str, Answer] = {}
        """Requests of the other process that are answered, by name."""
        self._assembler = Assembler()
        self._waiting: deque[tuple[bytes, int | None]] = deque()
        self._waiting_bytes = 0
        self._numbers = count(1)
        self._requests: dict[int, asyncio.Future[Any]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._loop = asyncio.get_running_loop()
        self._closed = False
        self._loop.add_reader(sock, self._readable)

    # ---- sending

    @property
    def waiting(self) -> int:
        """The bytes that wait to be sent."""
        return self._waiting_bytes

    def send(
        self,
        op: str,
        fields: Mapping[str, Any] | None = None,
        data: bytes = b"",
        fd: int | None = None,
    ) -> None:
        """Send a message. The descriptor belongs to the channel, which closes it once it is sent;
        without a connection, it is closed at once."""
        try:
            made = [] if self._closed else packets(op, fields or {}, data)
        except WireError:
            _close(fd)
            raise
        if not made:
            _close(fd)
            return
        for packet in made[:-1]:
            self._put(packet, None)
        self._put(made[-1], fd)
        if self._waiting_bytes > WAITING_MAX:
            log.error("a process of the daemon reads nothing: it is given up")
            self._lost()
        elif len(self._waiting) == len(made):  # otherwise, it is being waited for
            self._writable()

    async def request(
        self, name: str, argument: Any = None, *, timeout: float = REQUEST_TIMEOUT
    ) -> Any:
        """Have the other process answer.

        Raises:
            UpstreamUnavailableError: it has ended, or did not answer in time.
            GuacrError: its own error.
        """
        if self._closed or len(self._requests) >= REQUESTS_MAX:
            raise _unavailable()
        number = next(self._numbers)
        future = self._requests[number] = self._loop.create_future()
        try:
            self.send(ASK, {"n": number, "name": name, "argument": argument})
            async with asyncio.timeout(timeout):
                return await future
        except TimeoutError:
            raise _unavailable() from None
        finally:
            del self._requests[number]

    def tell(self, name: str, argument: Any = None) -> None:
        """Send a request whose answer nobody needs; its order among other requests is kept."""
        self.send(ASK, {"n": 0, "name": name, "argument": argument})

    def close(self) -> None:
        """Close this end; repeated calls do nothing."""
        if self._closed:
            return
        self._closed = True
        self._loop.remove_reader(self._sock)
        self._loop.remove_writer(self._sock)
        self._sock.close()
        for _, fd in self._waiting:
            _close(fd)
        self._waiting.clear()
        self._waiting_bytes = 0
        for future in self._requests.values():
            if not future.done():
                future.set_exception(_unavailable())
        for task in self._tasks:
            task.cancel()

    def _put(self, packet: bytes, fd: int | None) -> None:
        self._waiting.append((packet, fd))
        self._waiting_bytes += len(packet)

    def _writable(self) -> None:
        try:
            while self._waiting:
                packet, fd = self._waiting[0]
                socket.send_fds(self._sock, [packet], [] if fd is None else [fd])
                self._waiting.popleft()
                self._waiting_bytes -= len(packet)
                _close(fd)
            self._loop.remove_writer(self._sock)
        except (BlockingIOError, InterruptedError):
            self._loop.add_writer(self._sock, self._writable)
        except OSError as error:
            self._failed_to_send(error)

    def _failed_to_send(self, error: OSError) -> None:
        """Handle the end of the other process, or a lack of kernel memory, which passes."""
        if isinstance(error, ConnectionError):
            self._lost()
        else:
            _delays.report("a message to a process of the daemon is delayed: %s", error.strerror)
            self._loop.remove_writer(self._sock)
            self._loop.call_later(RETRY, self._retry)

    def _retry(self) -> None:
        if not self._closed:
            self._writable()

    # ---- receiving

    def _readable(self) -> None:
        for _ in range(BATCH):
            try:
                packet, fds, flags, _ = socket.recv_fds(
                    self._sock, PACKET_MAX, 1, socket.MSG_CMSG_CLOEXEC
                )
            except (BlockingIOError, InterruptedError):
                return
            except OSError:
                packet, fds, flags = b"", [], 0
            if not packet:
                self._lost()
                return
            if flags & socket.MSG_CTRUNC:
                _losses.report("a client is lost: this process has too many open files")
            try:
                message = self._assembler.feed(packet, fds[0] if fds else None)
            except WireError:
                log.exception("a process of the daemon sent something that cannot be read")
                self._lost()
                return
            if message is not None:
                self._received(message)
            if self._closed:
                return

    def _received(self, message: Message) -> None:
        if message.op == ASK:
            self._asked(message.fields)
        elif message.op == ANSWER:
            self._answered(message.fields)
        else:
            self._on_message(message)

    def _answered(self, fields: Mapping[str, Any]) -> None:
        future = self._requests.get(fields["n"])
        if future is None or future.done():
            return
        if "error" in fields:
            future.set_exception(error_of_status(fields["status"], fields["error"]))
        else:
            future.set_result(fields["result"])

    def _asked(self, fields: Mapping[str, Any]) -> None:
        if len(self._tasks) >= REQUESTS_MAX:
            error = "too many requests between processes of the daemon"
            self.send(ANSWER, {"n": fields["n"], "status": Status.SERVER_BUSY, "error": error})
            return
        task = self._loop.create_task(self._answer(fields), name=f"answer {fields['name']}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _answer(self, fields: Mapping[str, Any]) -> None:
        answer = {"n": fields["n"]}
        try:
            known = self.answers.get(fields["name"])
            if known is None:
                answer |= {"status": Status.UNSUPPORTED, "error": "this request is unknown"}
            else:
                answer["result"] = await known(fields["argument"])
            self.send(ANSWER, answer)
            return
        except GuacrError as error:
            answer |= {"status": error.status, "error": str(error)}
        except Exception:
            log.exception("a request of another process of the daemon failed")
            answer |= {"status": Status.SERVER_ERROR, "error": "internal error: see the log"}
        answer.pop("result", None)  # it may be too large
        self.send(ANSWER, answer)

    def _lost(self) -> None:
        if not self._closed:
            self.close()
            self._on_closed()


def _unavailable() -> UpstreamUnavailableError:
    return UpstreamUnavailableError("a process of the daemon does not answer: try again")


def _close(fd: int | None) -> None:
    if fd is not None:
        with suppress(OSError):
            os.close(fd)
