"""A connection to a VNC server, from the handshake to its end."""

from __future__ import annotations

import asyncio
import socket
import ssl
from typing import NoReturn

from guacr.api import GuacrError, Quality, SessionContext, cursor, showable, step
from handlers.link import PROBED_AFTER
from handlers.vnc import failures, login, unfinished
from handlers.vnc.alive import AliveCheck
from handlers.vnc.clipboard import Clipboard
from handlers.vnc.connection import VncConnection
from handlers.vnc.desktop import Desktop
from handlers.vnc.host_sound import HostSound
from handlers.vnc.keyboard import Keyboard
from handlers.vnc.losses import Losses
from handlers.vnc.options import client_options, codec_of, encodings_of
from handlers.vnc.params import VncParams
from handlers.vnc.pointer import Pointer
from handlers.vnc.rfb import messages, numbers
from handlers.vnc.rfb.client import RfbClient
from handlers.vnc.rfb.events import (
    Beeped,
    CredentialsWanted,
    CutText,
    Drawn,
    Event,
    ExtendedClipboard,
    Fence,
    Filled,
    KeyShown,
    Leds,
    Named,
    Pictured,
    Ready,
    Recoloured,
    ResizeAnswered,
    Resized,
    Screens,
    SoundBegun,
    Sounded,
    SoundEnded,
    Supported,
    TlsWanted,
    UpdateBegun,
    UpdateEnded,
    UpdatesStopped,
)
from handlers.vnc.rfb.handshake import Credentials
from handlers.vnc.sender import Sender
from handlers.vnc.sizes import DesktopSizes

HANDSHAKE_TIMEOUT = 30.0
"""Seconds for everything between the connection and the desktop, except questions."""
STABLE_AFTER = 30.0
"""Seconds for which a desktop must be shown before all attempts to connect are allowed again."""
FENCE_REQUEST = 1 << 31
FENCE_FLAGS = 0b111
"""The flags that an answer repeats: BlockBefore, BlockAfter, SyncNext."""


class Server:
    """One connection to a server, with its keyboard, pointer and clipboard.

    Args:
        session: the session whose users see the desktop.
        params: the parameters of the connection.
        credentials: the credentials for the login; answers to questions are added.
        desktop: shows the picture.
    """

    def __init__(
        self, session: SessionContext, params: VncParams, credentials: Credentials, desktop: Desktop
    ) -> None:
        limit = session.clipboard_limit
        self._shown_at: float | None = None
        """The time at which the handshake ended, on the event loop's clock."""
        self.was_forgotten = False
        """True if the server's system did not know the connection."""
        self._session = session
        self._params = params
        self._credentials = credentials
        options = client_options(params, limit)
        self._encodings = options.encodings
        """Those that are requested at first."""
        client = self._client = RfbClient(options, credentials, session.memory)
        self.connection = VncConnection(client, session.executor)
        self._sender = Sender(session, self.connection, client, failures.named(params))
        self.pointer = Pointer(self._sender.send)
        self._losses = Losses(self._sender, options, self.pointer)
        self._desktop = desktop
        self._notice = desktop.notice
        self._alive_check: asyncio.Task[None] | None = None
        self._gave_up = False
        self._has_fences = False
        """True if the server paces itself by fences."""
        self._is_recolouring = False
        """True if everything has been requested in new colours."""
        self._blocks_input = params.disable_server_input
        self._sizes: DesktopSizes | None = None
        self._handshake: asyncio.Timeout
        codec = codec_of(params.clipboard_encoding)
        self.clipboard = Clipboard(session, self._sender.send_clipboard, codec)
        self.keyboard = Keyboard(self._sender.send)
        self._sound = HostSound(session, params, self._sender.send)

    # ---- life

    async def run(self, sock: socket.socket) -> NoReturn:
        """Show the desktop of the server at the other end until the connection ends.

        Raises:
            GuacrError: the reason.
        """
        params = self._params
        await self.connection.open(sock)
        opened_at = _now()
        try:
            async with asyncio.timeout(HANDSHAKE_TIMEOUT) as self._handshake:
                await self._read()
        except ssl.SSLError as error:
            raise failures.untrusted(params, error) from None
        except TimeoutError as error:
            if self._handshake.expired():
                raise failures.silent(
                    params, HANDSHAKE_TIMEOUT, greeted=self._client.greeted
                ) from None
            raise self._ended(error) from None
        except OSError as error:
            waited = _now() - opened_at
            self.was_forgotten = not self._client.greeted and waited >= PROBED_AFTER
            raise self._ended(error) from None
        raise self._ended(None)

    def _ended(self, error: OSError | None) -> GuacrError:
        """Return the reason for the end of a connection, which some servers reset."""
        params = self._params
        if self._client.is_judged and isinstance(error, ConnectionError | None):
            return failures.refused_in_silence(params)
        if self._shown_at is None:
            return failures.closed_early(params)
        if self._gave_up or not (error is None or isinstance(error, ConnectionError)):
            return failures.stopped_answering(params)  # or there is no route to it any more
        return failures.ended(params)

    @property
    def may_retry(self) -> bool:
        """True if another connection may be made: no login has been attempted, or it has succeeded.
        Servers lock out addresses whose logins fail repeatedly."""
        return self._shown_at is not None or not self._client.greeted

    @property
    def was_stable(self) -> bool:
        """True if the desktop was shown for so long that the next failure counts as a new one."""
        return self._shown_at is not None and _now() - self._shown_at > STABLE_AFTER

    def close(self) -> None:
        """Release pressed keys and buttons, as not every server does, and close the connection."""
        self.keyboard.release_all()
        self.pointer.release()
        self._sound.close()
        self._sender.close()
        self._losses.close()
        if self._sizes is not None:
            self._sizes.close()
        check, self._alive_check = self._alive_check, None
        if check is not None:
            check.cancel()
        self.connection.close()

    @property
    def is_resizable(self) -> bool:
        """True if the server can be resized, as far as it has said so."""
        return self._sizes is not None and self._sizes.is_possible

    def resize(self, width: int, height: int) -> None:
        """Follow the window, if the server can be resized."""
        if self._sizes is not None:
            self._sizes.put(width, height)

    def note_input(self) -> None:
        """Note that somebody is about to press a key or a button."""
        self._losses.note_input()

    def change_quality(self, params: VncParams) -> None:
        """Show the desktop in the quality of `params` from now on."""
        self._params = params
        if self._shown_at is None:
            return
        self._session.set_quality(params.quality)
        self._losses.change_encodings(encodings_of(params))
        self._sender.request(incremental=params.quality is not Quality.LOSSLESS)

    # ---- events

    async def _read(self) -> None:
        async for events in self.connection.events():
            others = [event for event in events if not isinstance(event, _PICTURES)]
            for event in others:
                await self._handle(event)
            if len(others) < len(events):
                self._sound.note_picture()
            if self._shown_at is not None:
                await self._desktop.draw(events, self.connection.received_at)
                self._losses.note(events, self.connection.received)

    async def _handle(self, event: Event) -> None:
        """Handle an event that does not draw."""
        match event:
            case CredentialsWanted():
                await self._ask(event)
            case TlsWanted():
                await login.start_tls(event, self._params, self.connection)
            case KeyShown():
                login.check_key(event, self._params, self._session)
            case Ready():
                step("login")
                self._begin(event)
            case UpdateBegun():
                self._handshake.reschedule(None)
            case UpdateEnded():
                self._session.set_connected()
                self._notice.clear()
                self._is_recolouring = False
                self._sender.request(incremental=True)
                if self._blocks_input:
                    self._block_input()
            case Recoloured() if not self._is_recolouring:
                self._is_recolouring = True
                self._sender.request(incremental=False)
            case Resized():
                self._sender.request(incremental=False)
            case Screens() | ResizeAnswered():
                self._note_size(event)
            case Named():
                self._session.set_name(showable(event.name, lambda _: ""))
            case CutText():
                self.clipboard.cut(event)
            case ExtendedClipboard():
                self.clipboard.receive(event)
            case Supported(numbers.MOUSE_BUTTONS):
                self.pointer.is_extended = True
            case Supported(numbers.QEMU_KEYS):
                self.keyboard.takes_places = True
            case Supported(numbers.QEMU_SOUND) | SoundBegun() | Sounded() | SoundEnded() | Beeped():
                self._sound.handle(event)
            case Leds():
                self.keyboard.leds = event.state
            case Fence():
                self._answer_fence(event)
            case Supported(numbers.CONTINUOUS_UPDATES) if self._has_fences:
                self._sender.request_all()
            case UpdatesStopped():
                self._sender.note_stop()

    def _answer_fence(self, event: Fence) -> None:
        self._has_fences = True
        if event.flags & FENCE_REQUEST:
            self._sender.answer(messages.fence(event.flags & FENCE_FLAGS, event.payload))

    async def _ask(self, wanted: CredentialsWanted) -> None:
        self._handshake.reschedule(None)
        unfinished.note(self._params, wanted, _now())
        answers = await login.ask_for(self.connection, self._session, wanted)
        if answers is None:
            raise failures.closed_while_asking(self._params)
        self._credentials.add(answers)
        self._handshake.reschedule(_now() + HANDSHAKE_TIMEOUT)

    def _block_input(self) -> None:
        """Make the host ignore its own keyboard and pointer, unless the server is of a kind that
        ends connections with messages that it does not know (TigerVNC, QEMU)."""
        self._blocks_input = False
        if self._has_fences or self.keyboard.takes_places:
            self._session.log.warning(
                "the host's own keyboard and pointer stay active: only UltraVNC and "
                "libvncserver can ignore them"
            )
        else:
            self._sender.send(messages.block_local_input())

    def _begin(self, ready: Ready) -> None:
        """Show the desktop: the handshake is over."""
        session, params, sender = self._session, self._params, self._sender
        self._shown_at = _now()
        unfinished.forget(params)
        session.set_quality(params.quality)
        surface = self._desktop.begin(ready.width, ready.height)
        surface.keeps_files = params.quality_level >= 0
        session.set_name(showable(ready.name, lambda _: "") or params.hostname or "VNC")
        if params.cursor == "remote":
            session.display.set_cursor(cursor.DOT)
        sender.open()
        if (encodings := encodings_of(params)) != self._encodings:
            self._losses.change_encodings(encodings)  # somebody has chosen another quality
        self.keyboard.begin(key for user in session.users for key in user.held.keys)
        self._sound.begin()
        self.clipboard.offer()  # a text copied before the desktop was shown
        sender.request(incremental=False)
        if not params.disable_display_resize:
            self._sizes = DesktopSizes(session, surface, sender.send)
        if params.server_alive_interval:
            self._alive_check = session.start_task(self._check_alive(), "alive check")

    async def _check_alive(self) -> None:
        await AliveCheck(
            self.connection,
            self._sender,
            self._notice,
            failures.named(self._params),
            self._params.server_alive_interval,
        ).run()
        self._gave_up = True
        self.connection.close()

    def _note_size(self, event: Screens | ResizeAnswered) -> None:
        if self._sizes is None:
            return
        if isinstance(event, Screens):
            self._sizes.note_screens(event.layout)
        else:
            self._sizes.note_answer(event.result)


_PICTURES = (Drawn, Filled, Pictured)


def _now() -> float:
    return asyncio.get_running_loop().time()
