"""Reads session descriptions.

Lines that are not known are passed over, whatever they contain. What is used has to be well-formed,
since an answer repeats some of it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from guacr.errors import shorten
from guacr.tubes.errors import SdpError
from guacr.tubes.rtc.dtls.fingerprint import ALGORITHMS, Fingerprint
from guacr.tubes.rtc.sdp.description import (
    DEFAULT_MESSAGE_SIZE,
    SCTP_PORT,
    TEXT_MAX,
    Refused,
    SessionDescription,
    Setup,
)

LINES_MAX = 2048
MEDIA_MAX = 64
CANDIDATES_MAX = 1000
FINGERPRINTS_MAX = 16
OPTIONS_MAX = 16
NUMBER_MAX = 2**64 - 1
PROTOCOLS = ("UDP/DTLS/SCTP", "TCP/DTLS/SCTP", "DTLS/SCTP")

_WORD = r"[!#$%&'*+\-.0-9A-Z^_`a-z{|}~]{1,64}"
_MEDIA = re.compile(
    rf"({_WORD}) ([0-9]{{1,5}})(?:/[0-9]{{1,5}})? ({_WORD}(?:/{_WORD}){{0,4}}) ({_WORD})(?: .*)?"
)
_ORIGIN = re.compile(r"\S+ ([0-9]{1,20}) ([0-9]{1,20}) IN IP[46] \S+")
_UFRAG = re.compile("[A-Za-z0-9+/]{4,256}")
_PASSWORD = re.compile("[A-Za-z0-9+/]{22,256}")
_CANDIDATE = re.compile("[!-~][ -~]{0,510}[!-~]")
"""Longer ones, and those with other characters, are left out."""
_NUMBER = re.compile("[0-9]{1,20}")
_VERSION = re.compile(r"[0-9A-Za-z.+_-]{1,64}")


@dataclass(slots=True)
class _Section:
    """The session's lines, or those of one media description."""

    origin: str = ""
    media: str = ""
    protocol: str = ""
    format: str = ""
    port: int = 0
    attributes: dict[str, list[str]] = field(default_factory=dict)

    def first(self, name: str) -> str | None:
        return self.attributes.get(name, [None])[0]

    def all(self, name: str) -> list[str]:
        return self.attributes.get(name, [])

    @property
    def mid(self) -> str | None:
        mid = self.first("mid")
        if mid is not None and not re.fullmatch(_WORD, mid):
            raise SdpError(f"a=mid has an invalid value: {shorten(mid)}")
        return mid

    @property
    def has_data_channels(self) -> bool:
        if self.media != "application" or self.protocol not in PROTOCOLS:
            return False
        return self.format == "webrtc-datachannel" or self.is_draft

    @property
    def is_draft(self) -> bool:
        """The form before RFC 8841, whose format is the port of SCTP."""
        return self.format.isdecimal() and any(
            one.split()[:2] == [self.format, "webrtc-datachannel"] for one in self.all("sctpmap")
        )

    @property
    def is_refused(self) -> bool:
        return self.port == 0 and self.first("bundle-only") is None

    def refused(self) -> Refused:
        return Refused(self.media, self.protocol, self.format, self.mid)


def parse(text: str) -> SessionDescription:
    """Read an offer or an answer.

    Lines may end in LF or CRLF. Attributes of the session hold where the media description has none
    of its own. A media description without ICE credentials in a group "BUNDLE" has the transport of
    the group's first.

    Raises:
        SdpError: it is too long, invalid, or has no data channels.
    """
    session, *media = _sections(_lines(text))
    data = _data_section(media)
    at = next(number for number, section in enumerate(media) if section is data)
    group = _bundle(session, data.mid)
    owner = _transport_owner(data, media, group)
    session_id, session_version = _origin(session)
    return SessionDescription(
        ufrag=_credential("ice-ufrag", _UFRAG, owner, session),
        password=_credential("ice-pwd", _PASSWORD, owner, session),
        fingerprints=_fingerprints(owner.all("fingerprint") or session.all("fingerprint")),
        setup=_setup(_inherited("setup", owner, session)),
        mid=data.mid,
        bundled=bool(group),
        sctp_port=_sctp_port(data),
        max_message_size=_number(data, "max-message-size", DEFAULT_MESSAGE_SIZE),
        candidates=_candidates(owner),
        end_of_candidates=_inherited("end-of-candidates", owner, session) is not None,
        ice_options=_options(_inherited("ice-options", owner, session)),
        ice_lite=session.first("ice-lite") is not None,
        keeper_version=_keeper_version([session, *media]),
        session_id=session_id,
        session_version=session_version,
        protocol=data.protocol,
        sctpmap=data.is_draft,
        before=tuple(section.refused() for section in media[:at]),
        after=tuple(section.refused() for section in media[at + 1 :]),
    )


def _lines(text: str) -> list[str]:
    if len(text) > TEXT_MAX or len(text.encode(errors="replace")) > TEXT_MAX:
        raise SdpError(f"the description is longer than {TEXT_MAX} bytes")
    lines = [line.removesuffix("\r") for line in text.split("\n")]
    if len(lines) > LINES_MAX:
        raise SdpError(f"the description has more than {LINES_MAX} lines")
    if lines[0] != "v=0":
        raise SdpError(f"a description begins with v=0, not with {shorten(lines[0])}")
    return lines


def _sections(lines: Iterable[str]) -> list[_Section]:
    """The session first, then each media description."""
    sections = [_Section()]
    for line in lines:
        kind, value = line[:2], line[2:]
        if kind == "a=":
            name, _, rest = value.partition(":")
            sections[-1].attributes.setdefault(name, []).append(rest)
        elif kind == "m=":
            sections.append(_media_section(value))
            if len(sections) > 1 + MEDIA_MAX:
                raise SdpError(f"the description has more than {MEDIA_MAX} media descriptions")
        elif kind == "o=":
            sections[0].origin = value
    return sections


def _media_section(value: str) -> _Section:
    match = _MEDIA.fullmatch(value)
    if match is None:
        raise SdpError(f"the media description is invalid: {shorten(f'm={value}')}")
    media, port, protocol, form = match.groups()
    return _Section(media=media, port=int(port), protocol=protocol, format=form)


def _data_section(media: list[_Section]) -> _Section:
    """The first media description of data channels that is not refused."""
    found = [section for section in media if section.has_data_channels]
    if not found:
        raise SdpError("the description has no data channel: create one before the offer")
    for section in found:
        if not section.is_refused:
            return section
    raise SdpError("the peer has refused the data channels (port 0)")


def _bundle(session: _Section, mid: str | None) -> list[str]:
    """The members of the group "BUNDLE" that has this member."""
    for group in session.all("group"):
        semantics, *members = group.split()[: 1 + MEDIA_MAX] or [""]
        if semantics == "BUNDLE" and mid in members:
            return members
    return []


def _transport_owner(data: _Section, media: list[_Section], group: list[str]) -> _Section:
    """The media description that has the transport's attributes (RFC 9143, section 7.2)."""
    if not group or data.first("ice-ufrag") is not None:
        return data
    for section in media:
        if section.mid == group[0] and section.first("ice-ufrag") is not None:
            return section
    return data


def _inherited(name: str, section: _Section, session: _Section) -> str | None:
    own = section.first(name)
    return session.first(name) if own is None else own


def _credential(name: str, form: re.Pattern[str], section: _Section, session: _Section) -> str:
    """An ICE credential, whose value stays out of messages."""
    value = _inherited(name, section, session)
    if value is None:
        raise SdpError(f"the description has no a={name}")
    if not form.fullmatch(value):
        raise SdpError(f"a={name} has an invalid value")
    return value


def _fingerprints(values: list[str]) -> tuple[Fingerprint, ...]:
    """Those of the algorithms that are accepted."""
    found: dict[Fingerprint, None] = {}
    for value in values[:FINGERPRINTS_MAX]:
        algorithm, _, digest = value.partition(" ")
        if algorithm.lower() not in ALGORITHMS:
            continue
        try:
            found[Fingerprint(algorithm.lower(), digest.strip().upper())] = None
        except ValueError as error:
            raise SdpError(f"a=fingerprint {shorten(value)} is invalid: {error}") from error
    if not found:
        accepted = ", ".join(ALGORITHMS)
        raise SdpError(f"the description has no fingerprint by one of {accepted}")
    return tuple(found)


def _setup(value: str | None) -> Setup:
    """Absent, it leaves the choice, as browsers read it."""
    if value is None:
        return Setup.ACTPASS
    try:
        return Setup(value)
    except ValueError as error:
        raise SdpError(f"a=setup:{shorten(value)} is not supported") from error


def _sctp_port(data: _Section) -> int:
    port = int(data.format) if data.is_draft else _number(data, "sctp-port", SCTP_PORT)
    if not 0 < port < 65536:
        raise SdpError(f"the port of SCTP is {port}: it has to be from 1 to 65535")
    return port


def _number(section: _Section, name: str, default: int) -> int:
    value = section.first(name)
    if value is None:
        return default
    if not _NUMBER.fullmatch(value) or int(value) > NUMBER_MAX:
        raise SdpError(f"a={name} is not a number: {shorten(value)}")
    return int(value)


def _candidates(section: _Section) -> tuple[str, ...]:
    values = section.all("candidate")
    if len(values) > CANDIDATES_MAX:
        raise SdpError(f"the description has more than {CANDIDATES_MAX} candidates")
    return tuple(f"candidate:{value}" for value in values if _CANDIDATE.fullmatch(value))


def _options(value: str | None) -> tuple[str, ...]:
    words = (value or "").replace(",", " ").split()[:OPTIONS_MAX]  # libdatachannel has commas
    return tuple(word for word in words if re.fullmatch(_WORD, word))


def _keeper_version(sections: list[_Section]) -> str | None:
    values = (section.first("keeper-webrtc") for section in sections)
    return next((value for value in values if value and _VERSION.fullmatch(value)), None)


def _origin(session: _Section) -> tuple[int, int]:
    """Its session id and version, 0 where they cannot be read: nothing depends on them."""
    match = _ORIGIN.fullmatch(session.origin)
    return (int(match[1]), int(match[2])) if match else (0, 0)
