"""Translates the parameters of a connection for RFB and TLS."""

from __future__ import annotations

import codecs

from guacr.api import BadRequestError, Network, Quality, shorten
from handlers.pins import parse_pins
from handlers.tls import TlsTerms
from handlers.vnc.params import VncParams
from handlers.vnc.rfb import numbers
from handlers.vnc.rfb.client import ClientOptions
from handlers.vnc.rfb.pixel_format import pixel_format_of
from handlers.vnc.rfb.repeater import DISPLAYS, ID, PORT, destination_of

JPEG_QUALITY, COMPRESSION = 5, 2
NO_JPEG = 10
SAMPLE = b"a\xff"

_CODECS = {"macroman": "mac_roman", "utf-16": "utf-16-le"}
_CURSORS = (
    numbers.ALPHA_CURSOR,
    numbers.VMWARE_CURSOR,
    numbers.VMWARE_CURSOR_STATE,
    numbers.VMWARE_CURSOR_POSITION,
    numbers.CURSOR,
    numbers.X_CURSOR,
    numbers.POINTER_POSITION,
)
_OPTIONAL = ("ultra", "zywrle", "trle", "zrle2")
"""Names of encodings that libvncclient supports, and that servers do not depend on."""


def client_options(params: VncParams, clipboard_limit: int) -> ClientOptions:
    """Return the options for a server.

    Raises:
        BadRequestError: an encoding is unknown, or the destination of a repeater or a fingerprint
            is invalid.
    """
    return ClientOptions(
        pixel_format_of(int(params.color_depth or 0)),
        encodings_of(params),
        clipboard_limit,
        repeater_destination(params),
        swap_red_blue=params.swap_red_blue,
        verified_only=bool(parse_pins(params.cert_fingerprints)),
    )


def encodings_of(params: VncParams) -> list[int]:
    """Return the encodings to request.

    Raises:
        BadRequestError: a name is unknown.
    """
    found: list[int] = []
    for name in params.encodings.lower().split():
        number = numbers.ENCODINGS.get(name)
        if number is not None:
            found.append(number)
        elif name not in _OPTIONAL:
            known = " ".join(numbers.ENCODINGS)
            raise BadRequestError(
                f"parameter encodings names the unknown encoding {shorten(name)}: known are {known}"
            )
    if numbers.COPY_RECT not in found:
        found.append(numbers.COPY_RECT)
    found += [
        numbers.DESKTOP_SIZE,
        numbers.EXTENDED_DESKTOP_SIZE,
        numbers.DESKTOP_NAME,
        numbers.LAST_RECT,
        numbers.FENCE,
        numbers.CONTINUOUS_UPDATES,
        numbers.EXTENDED_CLIPBOARD,
        numbers.MOUSE_BUTTONS,
        numbers.QEMU_KEYS,
        numbers.QEMU_LED_STATE,
    ]
    if params.enable_audio and not params.audio_servername:
        found.append(numbers.QEMU_SOUND)
    if params.cursor != "remote":
        found += _CURSORS
    return found + _levels(params)


def _levels(params: VncParams) -> list[int]:
    """Return the quality of JPEGs, if any, and the compression level, as pseudo-encodings."""
    quality = JPEG_QUALITY if params.quality_level < 0 else params.quality_level
    level = COMPRESSION if params.compress_level < 0 else params.compress_level
    levels = [numbers.COMPRESSION_0 + level]
    if quality < NO_JPEG and params.quality is not Quality.LOSSLESS:
        levels.insert(0, numbers.QUALITY_0 + quality)
    return levels


def codec_of(name: str) -> str:
    """Return the codec of a clipboard's encoding.

    Raises:
        BadRequestError: it is unknown, or cannot replace characters that it lacks.
    """
    try:
        codec = codecs.lookup(_CODECS.get(name.lower(), name or "latin-1")).name
        SAMPLE.decode(codec, "replace").encode(codec, "replace")  # some only convert bytes
        return codec
    except (LookupError, ValueError):  # ValueError: also of a NUL in the name
        raise BadRequestError(
            f"parameter clipboard-encoding names the unknown encoding {shorten(name)}: use "
            "ISO8859-1, UTF-8, UTF-16, CP1252 or MacRoman"
        ) from None


def tls_terms(params: VncParams) -> TlsTerms:
    """Return the terms for servers with a certificate. One that a repeater knows only by its ID has
    no name, and may have any certificate of the given authorities."""
    return TlsTerms(
        authorities=params.ca_cert,
        ignore=params.ignore_cert or bool(parse_pins(params.cert_fingerprints)),  # compared later
        any_name=bool(params.ca_cert) and repeater_destination(params).startswith(ID),
    )


def tls_name(params: VncParams, address: str) -> str:
    """Return the name that a certificate must contain: that of the server, not of a repeater; for a
    server of unknown name, its `address`."""
    name = repeater_destination(params).rpartition(":")[0]
    return (name or params.hostname or address).strip("[]")


def repeater_destination(params: VncParams) -> str:
    """Return the destination to request from a repeater; empty if there is no repeater.

    Raises:
        BadRequestError: it is invalid.
    """
    return "" if params.reverse_connect else destination_of(params.dest_host, params.dest_port)


def check_destination(network: Network, params: VncParams) -> None:
    """Check that a repeater, if there is one, may be told to connect to a destination. It knows
    those with an ID.

    Raises:
        ForbiddenError: the access rules do not allow it.
    """
    destination = repeater_destination(params)
    if not destination or destination.startswith(ID):
        return
    host, _, port = destination.rpartition(":")
    number = int(port) if port.isascii() and port.isdigit() and len(port) <= 5 else PORT
    network.check_beyond(host, number)
    if number < DISPLAYS:  # repeaters read it as the number of a display
        network.check_beyond(host, PORT + number)
