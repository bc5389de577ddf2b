"""One connection by aardwolf's parts: its life.

Everything happens on the thread that calls `run`, but for what is said to be called on any thread.
"""

from __future__ import annotations

import mmap
import os
import select
import ssl
from collections import deque
from contextlib import suppress
from functools import partial

from handlers.rdp.aardwolf import channels, dynamic, negotiation, nla, sequence
from handlers.rdp.aardwolf.channels import Incoming
from handlers.rdp.aardwolf.dynamic import DynamicChannels
from handlers.rdp.aardwolf.errors import CANCELLED, TLS_FAILED, EndError
from handlers.rdp.aardwolf.link import Link
from handlers.rdp.aardwolf.screen import Screen
from handlers.rdp.aardwolf.sequence import Conference
from handlers.rdp.aardwolf.session import Session
from handlers.rdp.aardwolf.settings import Settings
from handlers.rdp.aardwolf.static_channels import StaticChannels
from handlers.rdp.channel.codec import PART_MAX, Message
from handlers.rdp.channel.messages import (
    BinarySetting,
    CredentialsWanted,
    Ended,
    Layout,
    Remark,
    Setting,
    Start,
)
from handlers.rdp.worker.client import Surroundings

PACKETS_MAX = 64
"""Packets that are handled at a time, before users' input has its turn."""
WAKES_MAX = 4096


class NoMicrophone:
    """A microphone whose sound is not passed on."""

    def take(self, message: Message) -> None:
        """Drop it."""


class Client:
    """A client of one server.

    Args:
        surroundings: the process.
        sock: a connected TCP socket, which it closes.
        memory: the shared memory.
        header: its header.
    """

    def __init__(
        self, surroundings: Surroundings, sock: int, memory: mmap.mmap, header: memoryview
    ) -> None:
        self._surroundings = surroundings
        notify = surroundings.send
        self._link = Link(sock)
        self._settings = Settings()
        self._wake_reader, self._wake_writer = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._waiting: deque[Message] = deque()
        self._stopping = False
        self._is_shown = False
        """True once the client's thread looks whether it is to stop."""
        self._protocol = 0
        self._tls = False
        self._conference: Conference | None = None
        self._session: Session | None = None
        self._channels: dict[int, Incoming] = {}
        """By their numbers."""
        self._screen = Screen(memory, header, notify)
        self._sizes = DynamicChannels(lambda data: self._put(dynamic.CHANNEL, data), notify)
        self.static_channels = StaticChannels(self._put, notify, self._wake)
        self.microphone = NoMicrophone()

    def configure(self, message: Setting | BinarySetting | Layout) -> bool:
        """Set a setting, and return whether it was valid."""
        if isinstance(message, Setting):
            return self._settings.put(message.name, message.value)
        if isinstance(message, Layout):
            self._settings.monitors = message
            return True
        return self._settings.put_block(message.name, message.value)

    def run(self, start: Start) -> Ended:
        """Connect, and show the desktop until the connection ends."""
        name = ""
        try:
            session = self._session = self._connect(start)
            self._show(session)
        except EndError as error:
            name = CANCELLED if self._stopping else error.name
            if error.remark:
                self._surroundings.send(Remark(str(error)))
        finally:
            self._link.close()
        self._screen.flush()
        reason = self._session.error if self._session else ""
        return Ended(reason or name, self._tls, self._protocol)

    def post(self, message: Message) -> None:
        """Have a message handled; may be called on any thread."""
        self._waiting.append(message)
        self._wake()

    def stop(self) -> None:
        """Make `run` return soon, but handle before what has been posted; may be called on any
        thread, and at any time."""
        self._stopping = True
        if not self._is_shown:
            self._link.abort()
        self._wake()

    def _wake(self) -> None:
        with suppress(BlockingIOError):  # it will wake up anyway
            os.write(self._wake_writer, b"\0")

    # ---- the connection

    def _connect(self, start: Start) -> Session:
        link, settings = self._link, self._settings
        self._protocol = negotiation.negotiate(link, settings)
        if self._protocol != negotiation.RDP:
            self._secure(start)
        offered = self._offered()
        self._conference = conference = sequence.join(link, settings, self._protocol, offered)
        for name, number in conference.channels.items():
            self._channels[number] = self._incoming(name)
        session = self._session = self._session_of(conference)
        session.handle(sequence.log_on(conference, settings, start.timezone))
        return session

    def _session_of(self, conference: Conference) -> Session:
        return Session(
            conference,
            self._settings,
            self._screen,
            self._channels,
            self._surroundings.send,
            self.static_channels.open,
        )

    def _secure(self, start: Start) -> None:
        link, settings = self._link, self._settings
        certificates = link.secure()
        self._tls = True
        pem = "".join(map(ssl.DER_cert_to_PEM_cert, certificates)).encode()
        if not self._surroundings.verify(pem):
            raise EndError(TLS_FAILED, "the certificate was refused")
        if self._protocol == negotiation.TLS:
            return
        if start.asks and not (settings.username and settings.password):
            self._surroundings.send(CredentialsWanted())
            raise EndError("")
        nla.authenticate(
            link,
            settings.username,
            settings.password,
            settings.domain,
            start.hostname,
            certificates[0],
        )
        if self._protocol == negotiation.NLA_EXTENDED and (code := nla.authorization(link)):
            raise EndError("ERRCONNECT_INSUFFICIENT_PRIVILEGES", f"the server's code is {code:#x}")

    def _offered(self) -> dict[str, bool]:
        """Return the static channels to offer."""
        offers = self.static_channels.offers.values()
        found = {offer.name: offer.shows_protocol for offer in offers}
        if self._settings.support_display_control:
            found[dynamic.CHANNEL] = False
        return found

    def _incoming(self, name: str) -> Incoming:
        if name == dynamic.CHANNEL:
            return Incoming(dynamic.MESSAGE_MAX, self._sizes.receive)
        return Incoming(PART_MAX, partial(self.static_channels.receive, name))

    def _put(self, name: str, message: bytes) -> None:
        """Send a message on a static channel, if the server has it."""
        conference = self._conference
        if conference is None or name not in conference.channels:
            return
        offer = self.static_channels.offers.get(name)
        shows_protocol = offer is not None and offer.shows_protocol
        for part in channels.parts(message, shows_protocol=shows_protocol):
            conference.send(conference.channels[name], part)

    # ---- the desktop

    def _show(self, session: Session) -> None:
        """Handle what comes. Before waiting, report what has been drawn; but not if there is more
        to draw already, as most servers do not mark where a picture ends."""
        screen, note_busy = self._screen, self._surroundings.note_busy
        self._is_shown = True
        while True:
            is_last = self._stopping  # before what has been posted is handled
            self._handle_waiting(session)
            if is_last:
                return
            has_more = self._handle_packets(session)
            patience = screen.patience
            if has_more:
                if patience is None:
                    screen.flush()
                continue
            if patience is None or not self._receive(patience / 1000):
                screen.flush()
                note_busy(False)
                self._receive(None)
                note_busy(True)

    def _handle_packets(self, session: Session) -> bool:
        """Handle some of the packets that have been received. Return whether there may be more."""
        for _ in range(PACKETS_MAX):
            if self.static_channels.is_full or not session.handle_packet():
                return False
        return True

    def _handle_waiting(self, session: Session) -> None:
        self.static_channels.work()
        while count := session.send_input(self._waiting, self._sizes.request):
            for _ in range(count):
                self._surroundings.note_handled()

    def _receive(self, timeout: float | None) -> bool:
        """Receive from the server, unless the users could not be passed it on; wait for it or the
        daemon. Return False if nothing came in time."""
        link, wake = self._link.fileno(), self._wake_reader
        sources = [wake]
        if not self.static_channels.is_full:
            self._link.check()
            sources = [link, wake]
        ready = select.select(sources, [], [], timeout)[0]
        if wake in ready:
            os.read(wake, WAKES_MAX)
        if link in ready:
            self._link.receive()
        return bool(ready)
