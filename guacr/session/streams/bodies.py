"""Bodies: what the objects of one user send in answer to `get` and `files`.

The protocol has no error for a `get` that fails, because there is no stream for it, and guacd sends
nothing at all. guacr answers with a complete body of the type `ERROR_TYPE`. If a file is aborted,
this body is sent before the `end` of the file.
"""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass

from guacr.errors import GuacrError, InternalError
from guacr.protocol.files import ANSWER_TYPE
from guacr.session.streams.files import PATH_MAX
from guacr.session.streams.outputs import OutputStream, OutputStreams
from guacr.turns import Turns

INDEX_TYPE = "application/vnd.glyptodon.guacamole.stream-index+json"
"""The type of a directory: a JSON object with the type of each path."""
FILE_TYPE = "application/octet-stream"
ERROR_TYPE = "application/vnd.guacr.error+json"
"""The type of an error: a JSON object with `message` and `status`."""


@dataclass(frozen=True, slots=True)
class Body:
    """The content of a file or a directory.

    Args:
        mimetype: its type.
        source: yields it in pieces.
        file: the path of a file, or the files of an archive, for reports; empty for a directory.
    """

    mimetype: str
    source: AsyncGenerator[bytes, None]
    file: str = ""


class Bodies:
    """Sends bodies; each names the object and what was requested. `refused` is called with the path
    of a file of which nothing could be sent, and the error."""

    __slots__ = ("_outputs", "_refused")

    def __init__(self, outputs: OutputStreams, refused: Callable[[str, Exception], None]) -> None:
        self._outputs = outputs
        self._refused = refused

    async def send(self, index: int, name: str, content: Body) -> None:
        """Send a body, and an error in its place or before its end; raises this error."""
        body: OutputStream | None = None
        turns = Turns()
        try:
            async with aclosing(content.source) as source:
                first = await anext(source, b"")
                body = self._outputs.open_body(index, name, content.mimetype, file=content.file)
                await body.write(first)
                async for piece in source:
                    await body.write(piece)
                    await turns.give_way()
                await body.end()
        except BaseException as error:
            if isinstance(error, Exception) and (body is None or body.is_open):
                self.refuse(index, name, error)  # before the end, which would mean success
            if isinstance(error, Exception) and body is None and content.file:
                self._refused(content.file, error)
            if body is not None:
                body.abort()
            raise

    def answer(self, index: int, name: str, answer: Mapping[str, object]) -> None:
        """Answer a request that has succeeded, with a JSON object."""
        self._outputs.send_body(index, name, ANSWER_TYPE, json.dumps(answer).encode())

    def refuse(self, index: int, name: str, error: Exception) -> None:
        """Answer a request with an error."""
        told = error if isinstance(error, GuacrError) else InternalError()
        answer = json.dumps({"message": str(told), "status": told.status}).encode()
        self._outputs.send_body(index, name[:PATH_MAX], ERROR_TYPE, answer)
