"""The redirected devices of a session: what a server is told of them, and who answers its requests
(MS-RDPEFS 3.2.5.1)."""

from __future__ import annotations

import asyncio
import secrets

from guacr.api import InputStream, SessionContext, User
from handlers.rdp.channel.codec import Message
from handlers.rdp.devices import pdu, place, printer
from handlers.rdp.devices.channel import Channel
from handlers.rdp.devices.functions import Status, nothing
from handlers.rdp.devices.printer import Printer
from handlers.rdp.devices.shared_drive import SharedDrive
from handlers.rdp.engine import Engine
from handlers.rdp.params import RdpParams

CLIENT_NAME_MAX = 15
"""Characters of the name of a client that servers show."""


class Devices:
    """The devices of a session, which outlast its connections.

    Args:
        session: the session.
        params: its parameters.
    """

    def __init__(self, session: SessionContext, params: RdpParams) -> None:
        self._session = session
        self._params = params
        self._channel = Channel(session)
        self._drive: SharedDrive | None = None
        self._printer: Printer | None = None
        self._offered: dict[int, SharedDrive | Printer] = {}
        """Those of the connection, by their numbers."""
        self._is_early = False
        """True if the server does not report when a user has logged on."""

    async def open(self) -> None:
        """Open the directory of the drive.

        Raises:
            GuacrError: it cannot be opened.
        """
        session, params = self._session, self._params
        if params.enable_drive:
            terms = params, session.origin, session.settings
            tree = await asyncio.to_thread(place.open_tree, *terms)
            self._drive = SharedDrive(session, params, tree, self._channel)
            for user in session.users:
                self._drive.join(user)
        if params.enable_printing and printer.is_possible():
            self._printer = Printer(session, params.printer_name, self._channel)

    def close(self) -> None:
        """Close everything: the session has ended."""
        self._offered.clear()
        if self._drive is not None:
            self._drive.close()
        if self._printer is not None:
            self._printer.reset()

    # ---- users

    def join(self, user: User) -> None:
        """Offer the files of the drive to a user."""
        if self._drive is not None:
            self._drive.join(user)

    def accept(self, user: User, stream: InputStream) -> None:
        """Put a file that a user sends on the drive; raises as `SharedDrive.accept` does."""
        if self._drive is not None:
            self._drive.accept(user, stream)

    # ---- connections

    def begin(self, engine: Engine, *, has_drives: bool, has_printers: bool) -> None:
        """Use a worker that has not started yet, for the kinds of devices that are allowed on the
        way to the server."""
        self._offered.clear()
        for name, device, is_allowed in (
            ("printers", self._printer, has_printers),
            ("drives", self._drive, has_drives),
        ):
            if device is not None and is_allowed:
                self._offered[device.number] = device
            elif device is not None:
                self._session.log.warning("the gateway's policy forbids %s", name)
        if self._offered:
            self._channel.begin(engine, self._receive)

    def end(self) -> None:
        """Close what the server has open: the worker ends."""
        self._channel.end()
        self._reset()

    def handle(self, message: Message) -> None:
        """Handle a message of the worker.

        Raises:
            ChannelError: it is invalid.
            UpstreamError: the server reads no answers.
        """
        self._channel.handle(message)

    def _reset(self) -> None:
        for device in self._offered.values():
            device.reset()

    def _receive(self, message: pdu.Pdu) -> None:
        match message:
            case pdu.ServerAnnounce():
                self._reset()
                self._introduce(message)
            case pdu.ServerCapabilities():
                self._is_early = not message.reports_logon
                self._channel.send(pdu.capabilities())
            case pdu.ClientIdConfirm() if self._is_early:
                self._announce()
            case pdu.LoggedOn():
                self._announce()
            case pdu.DeviceReply() if message.status != Status.SUCCESS:
                self._note_refused(message)
            case pdu.Request():
                self._pass_on(message)

    def _introduce(self, message: pdu.ServerAnnounce) -> None:
        minor = min(message.minor, pdu.MINOR_MAX)
        self._is_early = minor <= pdu.MINOR_EARLY
        client_id = message.client_id if minor >= pdu.MINOR_OWN_ID else secrets.randbits(31)
        self._channel.send(pdu.announce_reply(minor, client_id))
        self._channel.send(pdu.client_name(self._params.client_name[:CLIENT_NAME_MAX]))

    def _announce(self) -> None:
        devices = [device.announcement for device in self._offered.values()]
        self._channel.send(pdu.device_list(*devices))

    def _note_refused(self, message: pdu.DeviceReply) -> None:
        names = {Printer.number: "printer", SharedDrive.number: "drive"}
        if message.device in names:
            self._session.log.warning(
                "the host does not accept the %s (status %#x)",
                names[message.device],
                message.status,
            )

    def _pass_on(self, request: pdu.Request) -> None:
        device = self._offered.get(request.device)
        if device is not None:
            device.put(request)
        else:
            body = nothing(request.major)
            self._channel.send(pdu.completion(request, Status.INVALID_PARAMETER, body))
