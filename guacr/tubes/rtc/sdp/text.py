"""Session descriptions as text (RFC 8866, 8829, 8839, 8841, 8842).

They are read from what any WebRTC peer writes (keeper-pam-webrtc-rs, Chromium, Firefox,
libdatachannel, aiortc), and written as keeper-pam-webrtc-rs does. Whether a description is an offer
or an answer is not said by its text.
"""

from __future__ import annotations

import base64

from guacr.errors import shorten
from guacr.tubes.errors import SdpError
from guacr.tubes.rtc.sdp.description import TEXT_MAX, Refused, SessionDescription
from guacr.tubes.rtc.sdp.parser import parse

__all__ = ["decode", "encode", "parse", "write"]


def write(description: SessionDescription) -> str:
    """Return the text of a description, as keeper-pam-webrtc-rs writes it."""
    lines = _session_lines(description)
    for refused in description.before:
        lines += _refused_lines(refused)
    lines += _media_lines(description)
    for refused in description.after:
        lines += _refused_lines(refused)
    if description.keeper_version is not None:
        lines.append(f"a=keeper-webrtc:{description.keeper_version}")
    return "\r\n".join(lines) + "\r\n"


def _session_lines(description: SessionDescription) -> list[str]:
    lines = [
        "v=0",
        f"o=- {description.session_id} {description.session_version} IN IP4 0.0.0.0",
        "s=-",
        "t=0 0",
    ]
    lines += [f"a=fingerprint:{one.algorithm} {one.value}" for one in description.fingerprints]
    if description.bundled:
        lines.append(f"a=group:BUNDLE {description.mid}")
    if description.ice_lite:
        lines.append("a=ice-lite")
    lines.append("a=extmap-allow-mixed")
    return lines


def _media_lines(description: SessionDescription) -> list[str]:
    port = description.sctp_port
    lines = [
        f"m=application 9 {description.protocol} "
        + (f"{port}" if description.sctpmap else "webrtc-datachannel"),
        "c=IN IP4 0.0.0.0",
        f"a=setup:{description.setup}",
    ]
    if description.mid is not None:
        lines.append(f"a=mid:{description.mid}")
    lines += [
        "a=sendrecv",
        f"a=sctpmap:{port} webrtc-datachannel 65535"
        if description.sctpmap
        else f"a=sctp-port:{port}",
        f"a=max-message-size:{description.max_message_size}",
        f"a=ice-ufrag:{description.ufrag}",
        f"a=ice-pwd:{description.password}",
    ]
    if description.ice_options:
        lines.append(f"a=ice-options:{' '.join(description.ice_options)}")
    lines += [f"a={candidate}" for candidate in description.candidates]
    if description.end_of_candidates:
        lines.append("a=end-of-candidates")
    return lines


def _refused_lines(refused: Refused) -> list[str]:
    """Port 0 refuses (RFC 3264, section 6)."""
    lines = [
        f"m={refused.media} 0 {refused.protocol} {refused.format}",
        "c=IN IP4 0.0.0.0",
        "a=inactive",
    ]
    if refused.mid is not None:
        lines.append(f"a=mid:{refused.mid}")
    return lines


def encode(text: str) -> str:
    """Return a description in base64, as it crosses the interface of keeper-pam-webrtc-rs."""
    return base64.b64encode(text.encode()).decode("ascii")


def decode(encoded: str) -> str:
    """Return the text of a description in base64.

    Raises:
        SdpError: it is not base64 of UTF-8, or too long.
    """
    if len(encoded) > (TEXT_MAX + 2) // 3 * 4:
        raise SdpError(f"the description is longer than {TEXT_MAX} bytes")
    try:
        data = base64.b64decode(encoded, validate=True)
        if base64.b64encode(data) != encoded.encode():  # the last character has bits of no byte
            raise ValueError(encoded)
        return data.decode()
    except ValueError as error:
        raise SdpError(f"the description is not base64 of UTF-8: {shorten(encoded)}") from error
