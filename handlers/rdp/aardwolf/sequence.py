"""The connection sequence (MS-RDPBCGR 1.3.1.1), up to the server's first offer of a desktop."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from aardwolf.protocol.T128.licensing import (
    LicensingProtocolError,
    RDPLicenseManager,
    extract_license_pdu,
)

from handlers.rdp.aardwolf import introduction, mcs
from handlers.rdp.aardwolf.errors import EndError, invalid
from handlers.rdp.aardwolf.link import Link
from handlers.rdp.aardwolf.reading import Reader
from handlers.rdp.aardwolf.security import EXCHANGE, INFO, LICENCE, Encryption, Security, encryption
from handlers.rdp.aardwolf.settings import Settings

LICENCE_MESSAGES_MAX = 8
LICENSING_FAILED = "ERRINFO_LICENSE_CANT_FINISH_PROTOCOL"


@dataclass(frozen=True, slots=True)
class Conference:
    """A connection to the server, whose channels have been joined.

    Attributes:
        link: the connection.
        security: what protects its data.
        user: the number of the client.
        main: the channel of input and output.
        channels: the static channels, by name.
    """

    link: Link
    security: Security
    user: int
    main: int
    channels: dict[str, int]

    def send(self, channel: int, data: bytes, flags: int = 0) -> None:
        """Send data on a channel, with flags of its security header."""
        encoded = self.security.encode(data, flags)
        self.link.send_packet(mcs.send_request(self.user, channel, encoded))


def join(link: Link, settings: Settings, protocol: int, offered: Mapping[str, bool]) -> Conference:
    """Begin a conference with these static channels (see `introduction.blocks`), and join its
    channels.

    Raises:
        EndError: the server refuses it, or sends something invalid.
    """
    link.send_packet(mcs.connect_initial(introduction.blocks(settings, protocol, offered)))
    answers = _packets(link)
    blocks = mcs.connect_response(next(answers))
    if mcs.NETWORK not in blocks or mcs.SECURITY not in blocks:
        raise invalid("the server's data has no channels")
    reader = Reader(blocks[mcs.NETWORK][4:])
    main, count = reader.u16(), reader.u16()
    numbers = [reader.u16() for _ in range(min(count, len(offered)))]
    channels = dict(zip(offered, numbers, strict=False))
    link.send_packet(mcs.ERECT_DOMAIN)
    link.send_packet(mcs.ATTACH_USER)
    user = mcs.attached(next(answers))
    for channel in (user + mcs.USER_BASE, main, *channels.values()):
        link.send_packet(mcs.join(user, channel))
        if mcs.joined(next(answers)) != channel:
            raise invalid("another channel was joined")
    security = Security() if protocol else encryption(blocks[mcs.SECURITY])
    conference = Conference(link, security, user, main, channels)
    if isinstance(security, Encryption):
        conference.send(main, security.exchange, EXCHANGE)
    return conference


def log_on(conference: Conference, settings: Settings, zone: str) -> bytes:
    """Send the credentials, and agree on a licence. Return the first message afterwards.

    Raises:
        EndError: there is no licence, or the server sends something invalid.
    """
    conference.send(conference.main, introduction.logon(settings, zone), INFO)
    manager = RDPLicenseManager(settings.username, settings.client_hostname or "guacr")
    answers, is_done = _messages(conference), False
    for _ in range(LICENCE_MESSAGES_MAX):
        data = next(answers)
        try:
            found = None if is_done else extract_license_pdu(data)
            if found is None:
                return data
            is_done, answer = manager.process(found[1])
        except LicensingProtocolError as error:
            raise EndError(LICENSING_FAILED, str(error)) from None
        except Exception as error:  # noqa: BLE001 -- it raises all kinds of errors
            raise invalid(f"licence: {error}") from None
        if answer is not None:
            conference.send(conference.main, answer, LICENCE)
    raise EndError(LICENSING_FAILED, "too many messages")


def _messages(conference: Conference) -> Iterator[bytes]:
    """Yield the messages on the main channel. No others are expected before the desktop."""
    for packet in _packets(conference.link):
        received = mcs.received(packet)
        if received is not None and received.channel == conference.main:
            yield conference.security.decode(received.data)


def _packets(link: Link) -> Iterator[bytes]:
    """Yield the next packet; nothing that follows it is lost."""
    while True:
        packet = link.packet()
        if packet is None:
            link.receive()
        elif packet[0]:
            raise invalid("a packet of the fast path precedes the desktop")
        else:
            yield packet[1]
