"""The parameters of VNC connections, in guacd's order and with guacd's meaning.

The last ones are guacr's own.
"""

from __future__ import annotations

from dataclasses import dataclass

from guacr.api import (
    ClipboardParams,
    Quality,
    QualityParams,
    ReadOnlyParams,
    RecordingParams,
    SftpHostParams,
    WakeOnLanParams,
    order,
    param,
)

PORT = 5900
TIMEOUT_MAX = 600
"""Seconds."""
LISTEN_TIMEOUT_MAX = 600_000
"""Milliseconds."""
RETRIES_MAX = 100
ENCODINGS = "tight zrle copyrect hextile zlib corre rre raw"


@dataclass(frozen=True, slots=True, kw_only=True)
class VncParams(
    ReadOnlyParams,
    SftpHostParams,
    RecordingParams,
    ClipboardParams,
    WakeOnLanParams,
    QualityParams,
):
    """The parameters of a connection, as `args` requests them."""

    ORDER = order(
        "hostname port read-only disable-display-resize encodings username password swap-red-blue",
        "color-depth cursor autoretry clipboard-encoding dest-host dest-port enable-audio",
        "audio-servername reverse-connect listen-timeout",
        SftpHostParams,
        RecordingParams,
        ClipboardParams,
        "disable-server-input",
        WakeOnLanParams,
        "force-lossless compress-level quality-level",
        "timeout ca-cert ignore-cert cert-fingerprints server-alive-interval",
        QualityParams,
    )

    hostname: str = param("", "Name or address of the host.", common=True, required=True, host=True)
    port: int = param(
        PORT, "TCP port; display :1 is at 5901.", common=True, minimum=1, maximum=65535
    )
    disable_display_resize: bool = param(
        False, "Keep the size of the desktop, whatever the size of the window."
    )
    encodings: str = param(
        ENCODINGS, "Encodings to request, the preferred ones first, separated by spaces."
    )
    username: str = param(
        "", "User name, if the server requires one; if empty, the owner is asked.", common=True
    )
    password: str = param(
        "",
        "Password, if the server requires one; if empty, the owner is asked.",
        common=True,
        secret=True,
    )
    swap_red_blue: bool = param(False, "Swap red and blue, for servers that mix them up.")
    color_depth: str = param(
        "",
        "Bits of a colour; empty for as many as the server has, 24 at most.",
        common=True,
        choices=("", "0", "8", "16", "24", "32"),
    )
    cursor: str = param(
        "local",
        "Where the pointer is drawn: in the browser, at once, or on the host, a moment later.",
        common=True,
        choices=("", "local", "remote"),
    )
    autoretry: int = param(
        0,
        "Further attempts, one second apart, if the host cannot be reached or the connection to it "
        "is lost; a refused login is not repeated.",
        common=True,
        minimum=0,
        maximum=RETRIES_MAX,
    )
    clipboard_encoding: str = param(
        "ISO8859-1",
        "Encoding of the clipboard, unless the server has the extended clipboard (UTF-8).",
        suggestions=("ISO8859-1", "UTF-8", "UTF-16", "CP1252", "MacRoman"),
    )
    dest_host: str = param(
        "",
        "The server to which an UltraVNC repeater connects, a host name or an ID such as ID:1234; "
        "hostname and port are then those of the repeater.",
        host=True,
    )
    dest_port: int = param(
        0, "Port of that server; 0 for 5900. Not used with an ID.", minimum=0, maximum=65535
    )
    enable_audio: bool = param(
        False,
        "Play the bell, and all sound of a virtual machine whose VNC server is QEMU, or of "
        "audio-servername.",
    )
    audio_servername: str = param(
        "",
        "PulseAudio server whose sound is played, HOST or HOST:PORT; it must accept this daemon "
        "without a cookie.",
        host=True,
    )
    reverse_connect: bool = param(
        False,
        "Wait for the VNC server to connect to the daemon's port, if vnc.reverse_hosts allows it. "
        "Only hostname may connect; if it is empty, any host may.",
    )
    listen_timeout: int = param(
        5000,
        "Milliseconds to wait for a server that connects.",
        minimum=1,
        maximum=LISTEN_TIMEOUT_MAX,
    )
    disable_server_input: bool = param(
        False, "Make the host ignore its own keyboard and pointer, if the server supports this."
    )
    force_lossless: bool = param(
        False, "Never lose detail, however slow the link: no JPEG on either side."
    )
    compress_level: int = param(
        -1, "The server's compression level, from 0 to 9; -1 for 2.", minimum=-1, maximum=9
    )
    quality_level: int = param(
        -1,
        "Quality of the server's JPEGs, from 0 to 9, which are then sent unchanged; -1 for 5, and "
        "less while the picture moves; 10 for none.",
        minimum=-1,
        maximum=10,
    )
    timeout: int = param(
        10,
        "Seconds within which the host must accept the TCP connection.",
        minimum=1,
        maximum=TIMEOUT_MAX,
    )
    ca_cert: str = param(
        "",
        "PEM certificates of the authorities that may sign the host's certificate; empty for "
        "the system's.",
        multiline=True,
    )
    ignore_cert: bool = param(False, "Accept any certificate of the host.")
    cert_fingerprints: str = param(
        "",
        "SHA-256 fingerprints of certificates or RSA keys, separated by commas; the host must show "
        "one of them.",
    )
    server_alive_interval: int = param(
        10,
        "Seconds of silence after which the server is asked for an answer, 0 for never. After "
        "three requests without an answer, the connection counts as lost.",
        minimum=0,
        maximum=86400,
    )

    @property
    def quality(self) -> Quality:
        """The quality of the picture."""
        return Quality.LOSSLESS if self.force_lossless else Quality(self.picture_quality)
