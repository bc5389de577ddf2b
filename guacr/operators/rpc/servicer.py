"""The methods of the service Control."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import unquote

import grpc

from guacr.addresses import plain as plain_address
from guacr.control.info import plain
from guacr.errors import ClientTimeoutError, GuacrError, InternalError, SettingsError
from guacr.operators.authority import Operator
from guacr.operators.filters import FIELDS, LIMIT, Query
from guacr.operators.operations import Operations
from guacr.operators.rpc.messages import Message, event_message, new, parse
from guacr.protocol.status import Status
from guacr.refusals import OPERATOR, Refusals

READ_TIMEOUT = 30.0
"""Seconds within which the reader of a stream must accept more."""

Context = Any
"""A `grpc.aio.ServicerContext`."""
Identify = Callable[[Context], Operator]
"""Returns the operator of a call.

Raises:
    UnauthorizedError: there is none.
"""

log = logging.getLogger("guacr.operators")
_refusals = Refusals(log, OPERATOR)

_CODES = {
    Status.CLIENT_BAD_REQUEST: grpc.StatusCode.INVALID_ARGUMENT,
    Status.CLIENT_UNAUTHORIZED: grpc.StatusCode.UNAUTHENTICATED,
    Status.CLIENT_FORBIDDEN: grpc.StatusCode.PERMISSION_DENIED,
    Status.CLIENT_TIMEOUT: grpc.StatusCode.DEADLINE_EXCEEDED,
    Status.CLIENT_TOO_MANY: grpc.StatusCode.RESOURCE_EXHAUSTED,
    Status.RESOURCE_NOT_FOUND: grpc.StatusCode.NOT_FOUND,
    Status.UNSUPPORTED: grpc.StatusCode.UNIMPLEMENTED,
    Status.SERVER_BUSY: grpc.StatusCode.UNAVAILABLE,
}


class Servicer:
    """Answers calls.

    Args:
        operations: does what they ask for.
        identify: recognises the operator.
    """

    def __init__(self, operations: Operations, identify: Identify) -> None:
        self._operations = operations
        self._identify = identify

    def handlers(self) -> dict[str, grpc.RpcMethodHandler]:
        """Return the handlers of the methods by name."""
        unary: dict[str, Callable[[Operator, Message], Awaitable[Message]]] = {
            "GetStatus": self._status,
            "ListSessions": self._sessions,
            "GetSession": self._session,
            "EndSession": self._end,
            "WatchSession": self._watch,
            "Drain": self._drain,
            "Resume": self._resume,
            "Reload": self._reload,
        }
        made = {
            name: grpc.unary_unary_rpc_method_handler(
                self._answering(f"{name}Request", method), response_serializer=_serialised
            )
            for name, method in unary.items()
        }
        made["StreamEvents"] = grpc.unary_stream_rpc_method_handler(
            self._events, response_serializer=_serialised
        )
        return made

    def _answering(
        self, kind: str, method: Callable[[Operator, Message], Awaitable[Message]]
    ) -> Callable[[bytes, Context], Awaitable[Message]]:
        async def answer(request: bytes, context: Context) -> Message:
            async with _refusing(context):
                return await method(self._identify(context), parse(kind, request))

        return answer

    async def _status(self, operator: Operator, request: Message) -> Message:
        status = await self._operations.status(operator)
        return new("Status", **plain(status), ready=status.is_ready)

    async def _sessions(self, operator: Operator, request: Message) -> Message:
        given = {name: getattr(request, name) for name in FIELDS}
        query = Query(
            fields={name: text for name, text in given.items() if text},
            search=request.search,
            after=request.after,
            limit=request.limit or LIMIT,
        )
        page = await self._operations.sessions(operator, query)
        sessions = [plain(session) for session in page.sessions]
        return new("ListSessionsResponse", sessions=sessions, total=page.total, next=page.next)

    async def _session(self, operator: Operator, request: Message) -> Message:
        return new("Session", **plain(await self._operations.session(operator, request.id)))

    async def _end(self, operator: Operator, request: Message) -> Message:
        await self._operations.end(operator, request.id, request.message)
        return new("EndSessionResponse")

    async def _watch(self, operator: Operator, request: Message) -> Message:
        link = await self._operations.watch(operator, request.id)
        return new("WatchLink", token=link.token, path=link.path, expires=link.expires)

    async def _drain(self, operator: Operator, request: Message) -> Message:
        await self._operations.drain(operator)
        return new("DrainResponse")

    async def _resume(self, operator: Operator, request: Message) -> Message:
        await self._operations.resume(operator)
        return new("ResumeResponse")

    async def _reload(self, operator: Operator, request: Message) -> Message:
        return new("ReloadResponse", **plain(await self._operations.reload(operator)))

    async def _events(self, request: bytes, context: Context) -> None:
        sender = _Sender()
        async with _refusing(context), sender.finishing():
            operator = self._identify(context)
            parse("StreamEventsRequest", request)
            async with self._operations.events(operator) as events:
                await sender.send(context.send_initial_metadata(()))  # events count from now on
                async for event in events:
                    await sender.send(context.write(event_message(event)))


class _Sender:
    """Sends the parts of a stream. gRPC cannot take back a part that its reader delays: until it is
    sent, nothing else can be, not even the end."""

    def __init__(self) -> None:
        self._sending: asyncio.Future[None] | None = None

    async def send(self, part: Awaitable[None]) -> None:
        """Wait until a part is sent.

        Raises:
            ClientTimeoutError: the client does not read in time.
        """
        self._sending = asyncio.ensure_future(part)
        self._sending.add_done_callback(_note)
        try:
            async with asyncio.timeout(READ_TIMEOUT):
                await asyncio.shield(self._sending)
        except TimeoutError:
            raise ClientTimeoutError("the stream was not read in time: events were lost") from None

    @asynccontextmanager
    async def finishing(self) -> AsyncIterator[None]:
        """Wait, at the end of the block, until the last part is sent, or the client leaves."""
        try:
            yield
        finally:
            if self._sending is not None:
                try:
                    await asyncio.wait([self._sending])
                except asyncio.CancelledError:
                    self._sending.cancel()
                    raise


def _note(sending: asyncio.Future[None]) -> None:
    """Take note of a failure: if the client has left, nobody else does."""
    if not sending.cancelled():
        sending.exception()


@asynccontextmanager
async def _refusing(context: Context) -> AsyncIterator[None]:
    """End a call with the error that is raised in the block."""
    try:
        yield
    except GuacrError as error:
        refused = error
    except (asyncio.CancelledError, grpc.aio.AbortError):
        raise
    except Exception:
        log.exception("a call of an operator failed")
        refused = InternalError()
    else:
        return
    await context.abort(_code(refused, context), str(refused))


def _code(error: GuacrError, context: Context) -> grpc.StatusCode:
    if isinstance(error, SettingsError):
        return grpc.StatusCode.FAILED_PRECONDITION
    code = _CODES.get(error.status, grpc.StatusCode.INTERNAL)
    if code in (grpc.StatusCode.UNAUTHENTICATED, grpc.StatusCode.PERMISSION_DENIED):
        _refusals.refused(address_of(context), error)
    return code


def address_of(context: Context) -> str:
    """Return the address of a call's peer, whose name is like ipv4:10.0.0.1:1234 or
    ipv6:%5B::1%5D:1234."""
    peer = unquote(context.peer())
    name = peer.partition(":")[2].rpartition(":")[0]
    return plain_address(name.strip("[]")) or peer


def _serialised(message: Message) -> bytes:
    data: bytes = message.SerializeToString()
    return data
