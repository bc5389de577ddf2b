"""What a user in a session may send: one function an opcode, and the table that names them."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from guacr.errors import (
    BadRequestError,
    ForbiddenError,
    GuacrError,
    ProtocolError,
    shorten,
)
from guacr.protocol.instruction import Instruction, encode
from guacr.protocol.status import Status
from guacr.session.streams import Collector, InputStream

if TYPE_CHECKING:
    from guacr.session.user import User

ARGV_MAX = 16384
"""Bytes in the value of a live parameter."""
INTEGER_MAX = 1e18
"""Of any number that a client sends."""
CLIPBOARD_PENDING = "the clipboard has not arrived whole: copy the text again, then paste it"
BUTTONS = 0x1F
"""Left, middle, right, wheel up and wheel down."""

_WHOLE = re.compile("-?[0-9]{1,18}")
_NUMBER = re.compile(r"-?[0-9]{1,400}(?:\.[0-9]{0,400})?(?:e[+-]?[0-9]{1,3})?", re.IGNORECASE)
"""As JavaScript writes them."""

Args = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Opcode:
    """How an instruction is carried out."""

    run: Callable[[User, Args], None]
    arguments: int = 0
    """How many are needed; more are ignored, as libguac does."""
    is_input: bool = False
    """Whether a read-only user may not send it."""
    stream: int | None = None
    """Which argument names the stream that it opens, if it opens one."""


def carry_out(user: User, instruction: Instruction) -> None:
    """Do what `instruction` says; an unknown opcode is ignored.

    Raises:
        ClientError: the instruction is malformed.
        GuacrError: the handler cannot go on.
    """
    opcode = OPCODES.get(instruction.opcode)
    if opcode is None:
        user.session.log.debug("ignored opcode %s", shorten(instruction.opcode))
        return
    args = instruction.args
    if len(args) < opcode.arguments:
        raise ProtocolError(
            f"{instruction.opcode} needs {opcode.arguments} arguments, {len(args)} were sent"
        )
    if opcode.is_input and user.rights.read_only:
        if opcode.stream is not None:
            message = "this connection is read-only"
            user.send(encode("ack", args[opcode.stream], message, Status.UNSUPPORTED))
        return
    opcode.run(user, args)


def _sync(user: User, args: Args) -> None:
    if not user.pacing.reply(_integer(args[0]), user.now()):
        raise ProtocolError("sync names a timestamp that was never sent")
    user.session.frames.viewer_moved()


def _key(user: User, args: Args) -> None:
    pressed = _integer(args[1]) != 0
    user.session.handler.key(user, _integer(args[0]), pressed)
    if pressed:
        user.session.frames.attend()


def _mouse(user: User, args: Args) -> None:
    width, height = user.session.display.size
    x = min(max(_integer(args[0]), 0), max(width - 1, 0))
    y = min(max(_integer(args[1]), 0), max(height - 1, 0))
    buttons = _integer(args[2]) & BUTTONS
    user.session.show_pointer(user, x, y, buttons)
    user.session.handler.mouse(user, x, y, buttons)


def _size(user: User, args: Args) -> None:
    width, height = _integer(args[0]), _integer(args[1])
    if not user.owner or width <= 0 or height <= 0:
        return  # joiners see the owner's size; a hidden window has none
    display = user.session.settings.display
    user.session.resize(user, min(width, display.max_width), min(height, display.max_height))


def _clipboard(user: User, args: Args) -> None:
    def accept(stream: InputStream) -> None:
        if user.rights.disable_paste:
            raise ForbiddenError("pasting is disabled for this connection")

        handler = user.session.handler

        def take(data: bytes) -> None:
            if user.clipboard_stream is stream:  # else it is older than one still on its way
                handler.clipboard(user, stream.mimetype, data)

        def failed(error: GuacrError) -> None:
            if user.clipboard_stream is stream:
                handler.clipboard_lost(user, str(error))

        user.clipboard_stream = stream
        # a paste in the meantime, or after a transfer that breaks off, must not find older text
        handler.clipboard_lost(user, CLIPBOARD_PENDING)
        Collector(stream, user.session.clipboard_limit, take, "the clipboard")
        stream.on_failed = failed

    user.streams.open("clipboard", args[0], args[1], "", accept)


def _argv(user: User, args: Args) -> None:
    def accept(stream: InputStream) -> None:
        asked = user.session.questions.awaits(user, stream.name)
        if not asked and stream.name not in user.session.live_parameters:
            raise ForbiddenError(f"parameter {shorten(stream.name)} cannot be changed now")

        def take(data: bytes) -> None:
            value = data.decode(errors="replace")
            if asked:
                user.session.questions.answer(user, stream.name, value)
            else:
                user.session.set_argv(user, stream.name, value)

        Collector(stream, ARGV_MAX, take, "the value")
        stream.ack("ready for the new value")

    user.streams.open("argv", args[0], args[1], args[2], accept)


def _named_stream(kind: str) -> Callable[[User, Args], None]:
    def run(user: User, args: Args) -> None:
        def accept(stream: InputStream) -> None:
            user.session.handler.open_stream(user, stream)

        user.streams.open(kind, args[0], args[1], args[2] if len(args) > 2 else "", accept)

    return run


def _blob(user: User, args: Args) -> None:
    user.streams.blob(args[0], args[1])


def _end(user: User, args: Args) -> None:
    user.streams.end(args[0])


def _ack(user: User, args: Args) -> None:
    user.outputs.acknowledged(_integer(args[0]), args[1], _integer(args[2]))


def _get(user: User, args: Args) -> None:
    user.objects.get(_integer(args[0]), args[1])


def _put(user: User, args: Args) -> None:
    def accept(stream: InputStream) -> None:
        user.objects.put(_integer(args[0]), stream)

    user.streams.open("put", args[1], args[2], args[3], accept)


def _disconnect(user: User, args: Args) -> None:
    user.session.detach(user)


def _ignored(user: User, args: Args) -> None:
    """Only its arrival counts."""


def _tunnel(user: User, args: Args) -> None:
    # a browser's tunnel ping: guacamole-lite passes it on, and the browser waits for its answer
    if args and args[0] == "ping":
        user.send(encode("", *args[:2]))


def _integer(text: str) -> int:
    """A number as clients send it; fractions are cut off, as browsers with a zoom send them."""
    if _WHOLE.fullmatch(text):
        return int(text)
    if not _NUMBER.fullmatch(text):
        raise BadRequestError(f"{shorten(text)} is not a number")
    return int(min(max(float(text), -INTEGER_MAX), INTEGER_MAX))


OPCODES: dict[str, Opcode] = {
    "": Opcode(_tunnel),
    "ack": Opcode(_ack, 3),
    "argv": Opcode(_argv, 3, is_input=True, stream=0),
    "audio": Opcode(_named_stream("audio"), 2, is_input=True, stream=0),
    "blob": Opcode(_blob, 2, is_input=True),
    "clipboard": Opcode(_clipboard, 2, is_input=True, stream=0),
    "disconnect": Opcode(_disconnect),
    "end": Opcode(_end, 1, is_input=True),
    "file": Opcode(_named_stream("file"), 3, is_input=True, stream=0),
    "get": Opcode(_get, 2, is_input=True),
    "key": Opcode(_key, 2, is_input=True),
    "mouse": Opcode(_mouse, 3, is_input=True),
    "nop": Opcode(_ignored),
    "pipe": Opcode(_named_stream("pipe"), 3, is_input=True, stream=0),
    "put": Opcode(_put, 4, is_input=True, stream=1),
    "size": Opcode(_size, 2, is_input=True),
    "sync": Opcode(_sync, 1),
}
