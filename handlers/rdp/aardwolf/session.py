"""A desktop that a server shows: what it sends, and what users do."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping

from aardwolf.protocol.T128.seterrorinfopdu import ERRINFO

from handlers.rdp.aardwolf import introduction, share
from handlers.rdp.aardwolf.channels import Incoming
from handlers.rdp.aardwolf.cursors import Cursors
from handlers.rdp.aardwolf.errors import EndError
from handlers.rdp.aardwolf.mcs import received
from handlers.rdp.aardwolf.reading import Reader
from handlers.rdp.aardwolf.redirection import redirected
from handlers.rdp.aardwolf.screen import Screen
from handlers.rdp.aardwolf.sequence import Conference
from handlers.rdp.aardwolf.settings import Settings
from handlers.rdp.aardwolf.updates import Updates
from handlers.rdp.channel.codec import Message
from handlers.rdp.channel.messages import Connected, Indicators, Layout, LoggedOn, LogonNoted
from handlers.rdp.channel.virtual import Beeped

EVENTS_MAX = 64
"""Messages of users that are sent at a time."""
_EXTENDED_INFO = 3
_COOKIE, _LOGON = 1, 2
"""Fields of it."""
"""The type of information about the session that may be an error (MS-RDPBCGR 2.2.10.1.1)."""
_NAMES = {
    "DISCONNECTED_BY_OTHERCONNECTION": "DISCONNECTED_BY_OTHER_CONNECTION",
    "RPC_INITIATED_DISCONNECT_BYUSER": "RPC_INITIATED_DISCONNECT_BY_USER",
    "REMOTEAPPSNOTENABLED": "REMOTEAPP_NOT_ENABLED",
    "GRAPHICSMODENOTSUPPORTED": "GRAPHICS_MODE_NOT_SUPPORTED",
    "GRAPHICSSUBSYSTEMRESETFAILED": "GRAPHICS_SUBSYSTEM_RESET_FAILED",
    "GRAPHICSSUBSYSTEMFAILED": "GRAPHICS_SUBSYSTEM_FAILED",
}
"""aardwolf's names that differ from FreeRDP's, of the reasons with their own sentences."""


class Session:
    """A desktop.

    Args:
        conference: the connection.
        settings: its settings.
        screen: draws the pictures.
        channels: what puts messages on static channels together, by their numbers.
        notify: sends a message to the daemon.
        opened: called once the desktop is shown.

    Attributes:
        error: the reason for the end that the server has given; empty if there is none.
    """

    def __init__(
        self,
        conference: Conference,
        settings: Settings,
        screen: Screen,
        channels: Mapping[int, Incoming],
        notify: Callable[[Message], None],
        opened: Callable[[], None],
    ) -> None:
        self._conference = conference
        self._settings = settings
        self._screen = screen
        self._channels = channels
        self._notify = notify
        self._opened = opened
        self._cursors = Cursors(notify)
        self._updates = Updates(screen, self._cursors)
        self._share = 0
        self._is_active = self._was_shown = False
        """True while the server shows a desktop, and if it has done so."""
        self.error = ""

    def handle_packet(self) -> bool:
        """Handle a packet that has been received. Return False if there is none."""
        conference = self._conference
        packet = conference.link.packet()
        if packet is None:
            return False
        is_fast, data = packet
        if is_fast:
            self._updates.handle_fast(conference.security.decode_fast(data))
            return True
        message = received(data)
        if message is None:
            return True
        content = conference.security.decode(message.data)
        if message.channel == conference.main:
            self.handle(content)
        elif message.channel in self._channels:
            self._channels[message.channel].feed(content)
        return True

    def handle(self, data: bytes) -> None:
        """Handle what has arrived on the main channel."""
        for kind, reader in share.split(data):
            if kind == share.DEMAND_ACTIVE:
                self._activate(share.demand(reader))
            elif kind == share.DEACTIVATE:
                self._is_active = False
            elif kind == share.REDIRECT:
                self._notify(redirected(reader))
                raise EndError("")
            elif kind == share.DATA:
                self._handle_data(*share.content(reader))

    def _activate(self, demand: share.Demand) -> None:
        conference = self._conference
        self._share = demand.share
        size = demand.width, demand.height
        if size != self._screen.size:
            self._screen.resize(*size)
        content = introduction.capabilities(self._settings, size, demand.share)
        conference.send(conference.main, share.confirm(conference.user, content))
        for kind, content in share.finalization(conference.main):
            self._send(kind, content)

    def _handle_data(self, kind: int, content: bytes) -> None:
        if kind == share.UPDATE:
            self._updates.handle(content)
        elif kind == share.POINTER:
            self._cursors.handle(content)
        elif kind == share.FONT_MAP:
            self._begin()
        elif kind == share.BEEP:
            self._notify(Beeped())
        elif kind == share.INDICATORS:
            reader = Reader(content)
            reader.u16()
            self._notify(Indicators(reader.u16() & 0xFF))
        elif kind == share.SESSION:
            self._note_session(Reader(content))
        elif kind == share.ERROR and (code := Reader(content).u32()):
            self.error = _error_name(code)

    def _begin(self) -> None:
        self._is_active = True
        if not self._was_shown:
            self._was_shown = True
            self._notify(Connected())
            self._opened()

    def _note_session(self, reader: Reader) -> None:
        """Pass on that somebody is logged on, or what is said of a logon (2.2.10.1.1.4)."""
        if reader.u32() != _EXTENDED_INFO:
            self._notify(LoggedOn())
            return
        reader.u16()
        fields = reader.u32()
        if fields & _COOKIE:
            reader.take(reader.u32())
        if fields & _LOGON:
            reader.u32()
            self._notify(LogonNoted(reader.u32(), reader.u32()))

    def _send(self, kind: int, content: bytes) -> None:
        conference = self._conference
        conference.send(conference.main, share.data(conference.user, self._share, kind, content))

    # ---- what users do

    def send_input(self, waiting: deque[Message], request: Callable[[Layout], None]) -> int:
        """Send some of what users do, as far as the server accepts it, and return how many messages
        those were; `request` is called with the last of their sizes."""
        if not self._is_active:
            return 0
        taken = [waiting.popleft() for _ in range(min(len(waiting), EVENTS_MAX))]
        for layout in [one for one in taken if isinstance(one, Layout)][-1:]:
            request(layout)
        if content := share.events(taken):
            self._send(share.INPUT, content)
        return len(taken)


def _error_name(code: int) -> str:
    """Return FreeRDP's name of a server's reason (2.2.5.1.1)."""
    try:
        name = ERRINFO(code).name
    except ValueError:
        return f"ERRINFO_UNKNOWN_{code:#x}"
    return f"ERRINFO_{_NAMES.get(name, name)}"
