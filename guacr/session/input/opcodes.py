"""The instructions that a user may send: one function for each opcode, and a table of them."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from guacr.errors import (
    BadRequestError,
    ForbiddenError,
    GuacrError,
    ProtocolError,
    TooManyError,
    shorten,
)
from guacr.protocol.clipboard import SEVERAL, unpack
from guacr.protocol.instruction import Instruction, encode
from guacr.protocol.status import Status
from guacr.session import keep_alive
from guacr.session.input.touch import RADIUS_MAX, Contact
from guacr.session.network import Joiner
from guacr.session.session import Session
from guacr.session.streams.audio_input import AudioInput
from guacr.session.streams.inputs import Collector, InputStream
from guacr.session.user import User

ARGV_MAX = 16384
"""Maximum bytes in the value of a live parameter."""
INTEGER_MAX = 1e18
"""The maximum of any number that a client sends."""
KEYSYM_MAX = (1 << 29) - 1
"""The highest X11 keysym (X protocol, "Keyboards")."""
MODIFIERS = range(0xFFE1, 0xFFEF)
"""The keysyms of Shift, Control, Alt and the like, which change no picture."""
CLIPBOARD_PENDING = "the clipboard is incomplete: copy the text again, then paste it"

_WHOLE = re.compile("-?[0-9]{1,18}")
_NUMBER = re.compile(r"-?[0-9]{1,400}(?:\.[0-9]{0,400})?(?:e[+-]?[0-9]{1,3})?", re.IGNORECASE)
"""Numbers as JavaScript writes them."""

Args = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Opcode:
    """The execution of an instruction: its function, and what this function requires."""

    run: Callable[[Session, User, Args], None]
    arguments: int = 0
    """The number of arguments that are needed; more are ignored, as in libguac."""
    is_input: bool = False
    """True if a read-only user may not send it."""
    stream: int | None = None
    """The position of the argument that names the stream that it opens, if any."""


def carry_out(session: Session, user: User, instruction: Instruction) -> None:
    """Carry out `instruction`; an unknown opcode is ignored.

    Raises:
        ClientError: the instruction is malformed.
        GuacrError: the handler cannot continue.
    """
    opcode = OPCODES.get(instruction.opcode)
    if opcode is None:
        session.log.debug("ignored opcode %s", shorten(instruction.opcode))
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
    opcode.run(session, user, args)


def _sync(session: Session, user: User, args: Args) -> None:
    now = user.link.now()
    lag = user.pacing.lag(now)
    if not user.pacing.reply(_integer(args[0]), now):
        raise ProtocolError("sync names a timestamp that was never sent")
    session.counters.viewer_lag.observe(lag)
    session.frames.viewer_moved()


def _key(session: Session, user: User, args: Args) -> None:
    keysym, pressed = _integer(args[0]), _integer(args[1]) != 0
    if not 0 <= keysym <= KEYSYM_MAX:
        return  # no keyboard has such a key
    excess = user.held.key(keysym, pressed)
    if excess is not None:
        _pass_key(session, user, excess, pressed=False)
    _pass_key(session, user, keysym, pressed=pressed)
    if pressed:
        session.frames.note_key(shows=keysym not in MODIFIERS)


def _pass_key(session: Session, user: User, keysym: int, *, pressed: bool) -> None:
    for tap in session.taps:
        tap.key(user, keysym, pressed)
    session.handler.key(user, keysym, pressed)


def _mouse(session: Session, user: User, args: Args) -> None:
    x, y = session.display.nearest(_integer(args[0]), _integer(args[1]))
    buttons = _integer(args[2]) & session.handler.pointer_buttons
    user.held.mouse(x, y, buttons)
    for tap in session.taps:
        tap.mouse(user, x, y, buttons)
    session.pointer.moved_by(user, x, y, buttons)
    session.handler.mouse(user, x, y, buttons)


def _touch(session: Session, user: User, args: Args) -> None:
    identity, x, y, radius_x, radius_y = map(_integer, args[:5])
    x, y = session.display.nearest(x, y)
    contact = Contact(
        id=identity,
        x=x,
        y=y,
        radius_x=min(max(radius_x, 0), RADIUS_MAX),
        radius_y=min(max(radius_y, 0), RADIUS_MAX),
        angle=_number(args[5]) % 360.0,
        force=min(max(_number(args[6]), 0.0), 1.0),
    )
    if user.held.touch(contact):
        for tap in session.taps:
            tap.touch(user, contact)
        session.handler.touch(user, contact)


def _size(session: Session, user: User, args: Args) -> None:
    width, height = _integer(args[0]), _integer(args[1])
    if not user.owner or width <= 0 or height <= 0:
        return  # joiners see the owner's size; a hidden window has none
    session.resize(user, *session.settings.largest_window(width, height))


def _clipboard(session: Session, user: User, args: Args) -> None:
    def accept(stream: InputStream) -> None:
        if user.rights.disable_paste:
            raise ForbiddenError("pasting is disabled for this connection")

        handler = session.handler

        def take(data: bytes) -> None:
            if user.clipboard_stream is stream:  # else a newer one is on its way
                is_several = stream.mimetype == SEVERAL
                contents = unpack(data) if is_several else {stream.mimetype: data}
                session.report_paste(user, contents)
                session.carry_out_late(user, partial(handler.paste, user, contents))

        def failed(error: GuacrError) -> None:
            if user.clipboard_stream is stream:
                handler.clipboard_lost(user, str(error))

        user.clipboard_stream = stream
        # a paste in the meantime, or after an aborted transfer, must not use older text
        handler.clipboard_lost(user, CLIPBOARD_PENDING)
        limit = session.context.clipboard_limit
        Collector(stream, limit, take, "the clipboard", user.memory)
        stream.on_failed = failed

    user.streams.open("clipboard", args[0], args[1], "", accept)


def _argv(session: Session, user: User, args: Args) -> None:
    def accept(stream: InputStream) -> None:
        asked = session.questions.awaits(user, stream.name)
        if not asked and stream.name not in session.live_parameters:
            raise ForbiddenError(f"parameter {shorten(stream.name)} cannot be changed now")
        network = session.context.network
        if not asked:
            network.check_parameter(stream.name, None if user.owner else _joiner(user))

        def take(data: bytes) -> None:
            value = data.decode(errors="replace")
            if asked:
                try:
                    if value:
                        network.check_parameter(stream.name)
                except ForbiddenError as error:
                    session.questions.refuse(user, error)
                    raise
                session.questions.answer(user, stream.name, value)
            else:
                session.set_argv(user, stream.name, value)

        Collector(stream, ARGV_MAX, take, "the value", user.memory)
        stream.ack("ready for the new value")

    user.streams.open("argv", args[0], args[1], args[2], accept)


def _joiner(user: User) -> Joiner:
    return Joiner(user.link.transport.client, user.subject, user.link.peer)


def _named_stream(kind: str) -> Callable[[Session, User, Args], None]:
    def run(session: Session, user: User, args: Args) -> None:
        def accept(stream: InputStream) -> None:
            session.handler.open_stream(user, stream)

        user.streams.open(kind, args[0], args[1], args[2] if len(args) > 2 else "", accept)

    return run


def _audio(session: Session, user: User, args: Args) -> None:
    def accept(stream: InputStream) -> None:
        if user.streams.has(stream.kind):
            raise TooManyError("a microphone is already open: end its stream first")
        session.handler.record(user, AudioInput(stream, user.now))

    user.streams.open("audio", args[0], args[1], "", accept)


def _blob(session: Session, user: User, args: Args) -> None:
    user.streams.blob(args[0], args[1])


def _end(session: Session, user: User, args: Args) -> None:
    if user.info.takes_files and len(args) > 1 and _integer(args[1]) != Status.SUCCESS:
        user.streams.cancel(args[0])
    else:
        user.streams.end(args[0])


def _ack(session: Session, user: User, args: Args) -> None:
    user.outputs.acknowledged(_integer(args[0]), args[1], _integer(args[2]))


def _get(session: Session, user: User, args: Args) -> None:
    user.objects.get(_integer(args[0]), args[1])


def _put(session: Session, user: User, args: Args) -> None:
    def accept(stream: InputStream) -> None:
        offset = _integer(args[4]) if user.info.takes_files and len(args) > 4 else 0
        user.objects.put(_integer(args[0]), stream, offset)

    user.streams.open("put", args[1], args[2], args[3], accept)


def _files(session: Session, user: User, args: Args) -> None:
    user.objects.request(_integer(args[0]), _integer(args[1]), args[2], args[3:])


def _disconnect(session: Session, user: User, args: Args) -> None:
    session.detach(user)


def _nop(session: Session, user: User, args: Args) -> None:
    keep_alive.answer(user.link)


def _tunnel(session: Session, user: User, args: Args) -> None:
    # the tunnel ping of a browser: guacamole-lite passes it on, and the browser waits for a reply
    if args and args[0] == "ping":
        user.send(encode("", *args[:2]))


def _integer(text: str) -> int:
    """Return a number from a client; fractions, which browsers with a zoom send, are truncated."""
    return int(text) if _WHOLE.fullmatch(text) else int(_number(text))


def _number(text: str) -> float:
    if not _NUMBER.fullmatch(text):
        raise BadRequestError(f"{shorten(text)} is not a number")
    return min(max(float(text), -INTEGER_MAX), INTEGER_MAX)


OPCODES: dict[str, Opcode] = {
    "": Opcode(_tunnel),
    "ack": Opcode(_ack, 3),
    "argv": Opcode(_argv, 3, is_input=True, stream=0),
    "audio": Opcode(_audio, 2, is_input=True, stream=0),
    "blob": Opcode(_blob, 2, is_input=True),
    "clipboard": Opcode(_clipboard, 2, is_input=True, stream=0),
    "disconnect": Opcode(_disconnect),
    "end": Opcode(_end, 1, is_input=True),
    "file": Opcode(_named_stream("file"), 3, is_input=True, stream=0),
    "files": Opcode(_files, 3),
    "get": Opcode(_get, 2, is_input=True),
    "key": Opcode(_key, 2, is_input=True),
    "mouse": Opcode(_mouse, 3, is_input=True),
    "nop": Opcode(_nop),
    "pipe": Opcode(_named_stream("pipe"), 3, is_input=True, stream=0),
    "put": Opcode(_put, 4, is_input=True, stream=1),
    "size": Opcode(_size, 2, is_input=True),
    "sync": Opcode(_sync, 1),
    "touch": Opcode(_touch, 7, is_input=True),
}
