"""One connection of FreeRDP: its life, and what the user does.

All functions of FreeRDP are called on the thread that calls `run`. FreeRDP calls back on it, and
on the threads of its channels.
"""

from __future__ import annotations

import ctypes
import os
import socket
import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from ctypes import c_char_p, c_int, c_size_t, c_uint16, c_uint32, c_void_p
from typing import Any

from handlers.rdp.channel.codec import Message
from handlers.rdp.channel.messages import (
    BinarySetting,
    Connected,
    CredentialsWanted,
    Ended,
    Indicators,
    Layout,
    LoggedOn,
    LogonNoted,
    Remark,
    Setting,
    Start,
)
from handlers.rdp.channel.touch import TouchFrame
from handlers.rdp.channel.virtual import Beeped
from handlers.rdp.freerdp import display_control, remote_app
from handlers.rdp.freerdp.addins import Addins
from handlers.rdp.freerdp.cursors import Cursors
from handlers.rdp.freerdp.display_control import Sizes
from handlers.rdp.freerdp.input import send_input
from handlers.rdp.freerdp.library import Library
from handlers.rdp.freerdp.microphone import Microphone
from handlers.rdp.freerdp.redirection import redirected
from handlers.rdp.freerdp.remote_app import RemoteApp
from handlers.rdp.freerdp.screen import Screen
from handlers.rdp.freerdp.settings import Settings
from handlers.rdp.freerdp.sound import Sound
from handlers.rdp.freerdp.static_channels import StaticChannels
from handlers.rdp.freerdp.structs import CONTEXT, INSTANCE, ChannelEvent, Update, slot
from handlers.rdp.freerdp.touch import TouchChannel
from handlers.rdp.freerdp.waking import woken_by
from handlers.rdp.worker.client import Surroundings

HANDLES_MAX = 60
"""Handles that FreeRDP waits for; WinPR allows 64."""
WAIT = 1000
"""Milliseconds after which FreeRDP looks at its timers."""
TURN = 10
"""Milliseconds for which FreeRDP 2 may read from a busy server, instead of 100, before it handles
what users do."""
TIMED_OUT = 0x102
"""The result of a wait that was in vain."""
UNLIMITED = (1 << 31) - 1
"""Milliseconds: the daemon limits the time in which a connection must be made."""
ACCEPTED, REFUSED = 2, 0
"""Answers to a certificate: for this connection only, or not at all."""
EXTENDED_INFO = 3
"""A kind of information about the session that is no logon: it may be a refused one (MS-RDPBCGR
2.2.10.1.1.4)."""
NEWER_REASONS = {0x19: "ERRINFO_SERVER_SHUTDOWN", 0x1A: "ERRINFO_SERVER_REBOOT"}
"""Those of a server's reasons for an end that FreeRDP has no names for (MS-RDPBCGR 2.2.5.1.1)."""
GRAPHICS = "Microsoft::Windows::RDS::Graphics"
REDIRECTION = "RedirectionFlags"
NLA_REASON, GATEWAY_REASON = 0, 3
"""Why FreeRDP 3 asks for credentials: for network level authentication; from 3 on, for others."""


class Client:
    """A client of one server.

    Args:
        library: FreeRDP.
        surroundings: the process.
        sock: a connected TCP socket, which FreeRDP closes.
        pixels: the address of the shared pixels.
        header: the header of the shared memory.
    """

    def __init__(
        self,
        library: Library,
        surroundings: Surroundings,
        sock: int,
        pixels: int,
        header: memoryview,
    ) -> None:
        self.library = library
        self._surroundings = surroundings
        self._socket = sock
        self._spare = socket.socket(fileno=os.dup(sock))
        """For the only way to end FreeRDP 2 while it waits for a silent server."""
        self._callbacks: list[Any] = []
        """FreeRDP keeps their addresses."""
        self._waiting: deque[Message] = deque()
        self._due: dict[Callable[[], None], None] = {}
        """The functions that `call_soon` has been called with."""
        self._lock = threading.Lock()
        self._stopping = self._finished = False
        self._tls = self._is_redirected = False
        self._wake = library.CreateEventA(None, 1, 0, None)
        self.instance = library.freerdp_new()
        if not self.instance or not library.freerdp_context_new(self.instance):
            raise MemoryError("FreeRDP cannot make a connection")
        self.context: int = slot(self.instance, INSTANCE["context"]).value or 0
        self.settings = Settings(library, slot(self.context, CONTEXT["settings"]).value or 0)
        self._screen = Screen(self, pixels, header, surroundings.send)
        self.remote_app = RemoteApp(self, surroundings.send)
        self._cursors = Cursors(self, surroundings.send)
        self._sizes = Sizes(self, surroundings.send)
        self._addins = addins = Addins(self)
        self._sound = Sound(self, addins, surroundings.send)
        self.microphone = Microphone(self, addins, surroundings.send)
        self._touch = TouchChannel(self, addins, surroundings.send)
        self.static_channels = StaticChannels(self, surroundings.send)
        self._start = Start("", "", asks=False)

    def callback(self, result: Any, function: Callable[..., Any], *arguments: Any) -> int:
        """Return the address of a C function that calls `function` as long as the client lives."""
        made = ctypes.CFUNCTYPE(result, *arguments)(function)
        self._callbacks.append(made)
        return ctypes.cast(made, c_void_p).value or 0

    # ---- life

    def configure(self, message: Setting | BinarySetting | Layout) -> bool:
        """Set a setting, and return whether this version of FreeRDP has it."""
        if isinstance(message, Setting):
            return self.settings.put(message.name, message.value)
        if isinstance(message, Layout):
            self.settings.put_monitors(message)
        else:
            self.settings.put_block(message.name, message.value)
        return True

    def run(self, start: Start) -> Ended:
        """Connect, and show the desktop until the connection ends."""
        library = self.library
        self._start = start
        self.settings.put_time_zone()
        self.settings.put("ServerHostname", f"|{start.hostname}")  # the port is a socket
        self.settings.put("ServerPort", str(self._socket))
        self.settings.put("MaxTimeInCheckLoop", str(TURN))  # FreeRDP 3 has no such setting
        self._install()
        try:
            if not self._stopping and self._connect():
                self._surroundings.send(Connected())
                self._loop()
            # FreeRDP 2 does not call back: it looks in vain for the target, without a network
            if self._is_redirected or (library.major < 3 and self.settings.number(REDIRECTION)):
                self._surroundings.send(redirected(self.settings, library.major))
            return self._ended()
        finally:
            self._close()

    def post(self, message: Message) -> None:
        """Have a message handled by the client's thread; may be called from any thread."""
        with self._lock:
            if not self._finished:
                self._waiting.append(message)
                self.library.SetEvent(self._wake)

    def call_soon(self, function: Callable[[], None]) -> None:
        """Have a function called by the client's thread while the desktop is shown, once for all
        calls of this method until then; may be called from any thread."""
        with self._lock:
            if not self._finished:
                self._due[function] = None
                self.library.SetEvent(self._wake)

    def stop(self) -> None:
        """Make `run` return soon, but handle before what has been posted; may be called from any
        thread, and at any time."""
        self._stopping = True
        with self._lock:
            if not self._finished:
                self.library.SetEvent(self._wake)
                if self._waiting:
                    return
                self.library.freerdp_abort_connect(self.instance)
                with suppress(OSError):
                    self._spare.shutdown(socket.SHUT_RDWR)

    def _connect(self) -> bool:
        if self.library.major >= 3:
            return bool(self.library.freerdp_connect(self.instance))
        self.settings.put("TcpAckTimeout", str(UNLIMITED))  # it counts its sleeps
        with woken_by(self._spare):
            return bool(self.library.freerdp_connect(self.instance))

    def _loop(self) -> None:
        library, handles = self.library, (c_void_p * (HANDLES_MAX + 1))()
        while not library.freerdp_shall_disconnect(self.instance) and (
            self._waiting or not self._stopping
        ):
            is_full, count = self.static_channels.is_full, 0
            if not is_full:
                count = library.freerdp_get_event_handles(self.context, handles, HANDLES_MAX)
                if not count:
                    return
            handles[count] = self._wake
            self._wait(handles, count + 1)
            library.ResetEvent(self._wake)  # before the messages are taken, which may be more
            while self._waiting:
                self._do(self._waiting[0])
                self._waiting.popleft()
                self._surroundings.note_handled()
            self._call_due()
            if not is_full and not library.freerdp_check_event_handles(self.context):
                return

    def _do(self, message: Message) -> None:
        """Do what a user wants."""
        if isinstance(message, TouchFrame):
            self._touch.put(message)
        elif isinstance(message, Layout):
            self._sizes.request(message)
        else:
            send_input(self.library, slot(self.context, CONTEXT["input"]).value or 0, message)

    def _wait(self, handles: Any, count: int) -> None:
        """Wait for the server or the daemon. Before that, report what has been drawn; but not if
        there is more to draw already, as most servers do not mark where a picture ends."""
        wait, note_busy = self.library.WaitForMultipleObjects, self._surroundings.note_busy
        patience = self._screen.patience
        if patience is not None and wait(count, handles, 0, patience) != TIMED_OUT:
            return
        self._screen.flush()
        note_busy(False)
        wait(count, handles, 0, WAIT)
        note_busy(True)

    def _call_due(self) -> None:
        with self._lock:
            due, self._due = list(self._due), {}
        for function in due:
            function()

    def _ended(self) -> Ended:
        library = self.library
        code = library.freerdp_error_info(self.instance)
        name = library.freerdp_get_error_info_name(code) if code else None
        if name == b"ERRINFO_UNKNOWN":
            name = NEWER_REASONS.get(code, f"ERRINFO_UNKNOWN_{code:#x}").encode()
        if not name or name == b"ERRINFO_NONE":
            code = library.freerdp_get_last_error(self.context)
            name = library.freerdp_get_last_error_name(code) if code else b""
        protocol = self.settings.number("SelectedProtocol")
        return Ended(name.decode("ascii", "replace"), self._tls, protocol)

    def _close(self) -> None:
        library = self.library
        with self._lock:
            self._finished = True
        library.freerdp_disconnect(self.instance)  # calls PostDisconnect, and ends the channels
        library.freerdp_context_free(self.instance)
        library.freerdp_free(self.instance)
        library.CloseHandle(self._wake)
        self._spare.close()
        self._callbacks.clear()

    # ---- what FreeRDP calls

    def _install(self) -> None:
        library = self.library
        hooks = {
            "PreConnect": self.callback(c_int, self._prepare, c_void_p),
            "PostConnect": self.callback(c_int, self._begin, c_void_p),
            "LogonErrorInfo": self.callback(c_int, self._note_logon, c_void_p, c_uint32, c_uint32),
            "PostDisconnect": self.callback(None, self._end, c_void_p),
            "VerifyX509Certificate": self.callback(
                c_int, self._verify, c_void_p, c_void_p, c_size_t, c_char_p, c_uint16, c_uint32
            ),
        }
        if library.major >= 3:
            hooks["Redirect"] = self.callback(c_int, self._redirect, c_void_p)
            hooks["LoadChannels"] = self.callback(c_int, self._load_channels, c_void_p)
            hooks["AuthenticateEx"] = self.callback(
                c_int, self._authenticate, c_void_p, c_void_p, c_void_p, c_void_p, c_int
            )
        else:
            hooks["Authenticate"] = self.callback(
                c_int, self._authenticate, c_void_p, c_void_p, c_void_p, c_void_p
            )
        for name, address in hooks.items():
            slot(self.instance, INSTANCE[name]).value = address
        events = slot(self.context, CONTEXT["pubSub"]).value
        for name, function in (
            ("ChannelConnected", self._channel_opened),
            ("ChannelDisconnected", self._channel_closed),
        ):
            address = self.callback(None, function, c_void_p, c_void_p)
            library.PubSub_Subscribe(events, name.encode(), address)

    def _prepare(self, _instance: int) -> int:
        self.library.freerdp_performance_flags_make(self.settings.address)
        return self._load_channels(_instance) if self.library.major < 3 else 1

    def _load_channels(self, _instance: int) -> int:
        if self.settings.flag("AudioPlayback"):
            self._sound.load()
        if self.settings.flag("AudioCapture"):
            self.microphone.load()
        if self.settings.flag("MultiTouchInput"):
            self._touch.load()
        self.static_channels.provide(self._addins)
        channels = slot(self.context, CONTEXT["channels"]).value
        done: int = self.library.freerdp_client_load_addins(channels, self.settings.address)
        self.static_channels.load()
        return done

    def _begin(self, _instance: int) -> int:
        if not self.remote_app.is_offered() or not self._screen.open():
            return 0
        update = Update.from_address(slot(self.context, CONTEXT["update"]).value or 0)
        update.SaveSessionInfo = self.callback(
            c_int, self._note_session, c_void_p, c_uint32, c_void_p
        )
        update.SetKeyboardIndicators = self.callback(
            c_int, self._note_indicators, c_void_p, c_uint16
        )
        update.PlaySound = self.callback(c_int, self._note_beep, c_void_p, c_void_p)
        self._cursors.open()
        return 1

    def _end(self, _instance: int) -> None:
        self._screen.close()

    def _verify(
        self, _instance: int, pem: int, size: int, _host: bytes, _port: int, _flags: int
    ) -> int:
        self._tls = True
        self.settings.put("ServerHostname", self._start.hostname)  # NLA is bound to it
        self.settings.put("ServerPort", "0")  # FreeRDP must not repeat a login by itself
        accepted = self._surroundings.verify(ctypes.string_at(pem, size))
        return ACCEPTED if accepted else REFUSED

    def _redirect(self, _instance: int) -> int:
        self._is_redirected = True
        return 0  # the daemon decides where to connect, and has another worker do it

    def _authenticate(
        self, _instance: int, _name: int, _password: int, _domain: int, reason: int = NLA_REASON
    ) -> int:
        if NLA_REASON < reason < GATEWAY_REASON:
            return 1  # without NLA, the server's own screen asks for what is missing
        if self._start.asks:
            self._surroundings.send(CredentialsWanted())
            return 0
        return 1

    def _note_session(self, _context: int, kind: int, _data: int) -> int:
        if kind != EXTENDED_INFO:
            self._surroundings.send(LoggedOn())
        return 1

    def _note_logon(self, _instance: int, data: int, kind: int) -> int:
        self._surroundings.send(LogonNoted(kind, data))
        return 1

    def _note_beep(self, _context: int, _beep: int) -> int:
        self._surroundings.send(Beeped())
        return 1

    def _note_indicators(self, _context: int, flags: int) -> int:
        self._surroundings.send(Indicators(flags & 0xFF))
        return 1

    def _channel_opened(self, _context: int, address: int) -> None:
        event = ChannelEvent.from_address(address)
        name = event.name.decode("ascii", "replace")
        self._surroundings.send(Remark(f"channel {name} is open"))
        if name == GRAPHICS:
            self.library.gdi_graphics_pipeline_init(self._screen.gdi, event.pInterface)
            self._screen.changes.has_frames = True
        elif name == display_control.CHANNEL:
            self._sizes.open(event.pInterface)
        elif name == remote_app.CHANNEL:
            self.remote_app.open(event.pInterface)

    def _channel_closed(self, _context: int, address: int) -> None:
        event = ChannelEvent.from_address(address)
        name = event.name.decode("ascii", "replace")
        if name == GRAPHICS and self._screen.gdi:
            self._screen.changes.has_frames = False
            self.library.gdi_graphics_pipeline_uninit(self._screen.gdi, event.pInterface)
        elif name == display_control.CHANNEL:
            self._sizes.close()
        elif name == remote_app.CHANNEL:
            self.remote_app.close()
