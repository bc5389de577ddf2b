"""The parameters of RDP connections, in guacd's order and with guacd's meaning.

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
from handlers.rdp.channel.memory import SIDE_MAX

PORT, VMCONNECT_PORT = 3389, 2179
TIMEOUT_MAX = 600
"""Seconds."""
DPI_MAX = 480
RETRIES_MAX = 100
MONITORS_MAX = 16
"""As in MS-RDPBCGR 2.2.1.3.6."""
LAYOUTS = (
    "en-us-qwerty", "en-gb-qwerty", "cs-cz-qwertz", "da-dk-qwerty", "de-ch-qwertz", "de-de-qwertz",
    "es-es-qwerty", "es-latam-qwerty", "fr-be-azerty", "fr-ca-qwerty", "fr-ch-qwertz",
    "fr-fr-azerty", "hu-hu-qwertz", "it-it-qwerty", "ja-jp-qwerty", "no-no-qwerty", "pl-pl-qwerty",
    "pt-br-qwerty", "pt-pt-qwerty", "ro-ro-qwerty", "sv-se-qwerty", "tr-tr-qwerty", "failsafe",
)  # fmt: skip
"""Those that forms suggest; there are many more."""
SECURITY = ("any", "nla", "nla-ext", "tls", "rdp", "vmconnect")


@dataclass(frozen=True, slots=True, kw_only=True)
class RdpParams(
    ReadOnlyParams,
    SftpHostParams,
    RecordingParams,
    ClipboardParams,
    WakeOnLanParams,
    QualityParams,
):
    """The parameters of a connection, as `args` requests them."""

    ORDER = order(
        "hostname port timeout domain username password width height dpi initial-program",
        "color-depth disable-audio enable-printing printer-name enable-drive drive-name drive-path",
        "create-drive-path disable-download disable-upload console console-audio server-layout",
        "security ignore-cert cert-tofu cert-fingerprints disable-auth remote-app remote-app-dir",
        "remote-app-args static-channels client-name enable-wallpaper enable-theming",
        "enable-font-smoothing enable-full-window-drag enable-desktop-composition",
        "enable-menu-animations disable-bitmap-caching disable-offscreen-caching",
        "disable-glyph-caching disable-gfx preconnection-id preconnection-blob timezone",
        SftpHostParams,
        "recording-path recording-name recording-exclude-output recording-exclude-mouse",
        "recording-exclude-touch recording-include-keys recording-include-clipboard",
        "create-recording-path recording-write-existing",
        "resize-method enable-audio-input enable-touch read-only gateway-hostname gateway-port",
        "gateway-domain gateway-username gateway-password load-balance-info",
        ClipboardParams,
        WakeOnLanParams,
        "force-lossless normalize-clipboard",
        "ca-cert autoretry disable-scaling monitors gateway-ca-cert",
        QualityParams,
    )

    hostname: str = param("", "Name or address of the host.", common=True, required=True, host=True)
    port: int = param(
        0,
        "TCP port; 0 for 3389, or 2179 for vmconnect.",
        common=True,
        minimum=0,
        maximum=65535,
    )
    timeout: int = param(
        10,
        "Seconds within which the host must accept the TCP connection.",
        minimum=1,
        maximum=TIMEOUT_MAX,
    )
    domain: str = param("", "Windows domain of the user.", common=True)
    username: str = param(
        "", "User name; if it is empty and the host wants it, the owner is asked.", common=True
    )
    password: str = param(
        "",
        "Password; if it is empty and the host wants it, the owner is asked.",
        common=True,
        secret=True,
    )
    width: int = param(
        0,
        "Width of the desktop in pixels; 0 for that of the window.",
        common=True,
        minimum=0,
        maximum=SIDE_MAX,
    )
    height: int = param(
        0,
        "Height of the desktop in pixels; 0 for that of the window.",
        common=True,
        minimum=0,
        maximum=SIDE_MAX,
    )
    dpi: int = param(
        0,
        "Resolution of the screen; 0 for that of the client.",
        common=True,
        minimum=0,
        maximum=DPI_MAX,
    )
    initial_program: str = param("", "Program that is run instead of a desktop.", common=True)
    color_depth: str = param(
        "",
        "Bits of a colour; empty or 0 for 32. Other depths disable the graphics pipeline.",
        common=True,
        choices=("", "0", "8", "15", "16", "24", "32"),
    )
    disable_audio: bool = param(False, "Play no sound.", common=True)
    enable_printing: bool = param(
        False, "Offer a printer, whose output the owner receives as PDF.", common=True
    )
    printer_name: str = param("Guacamole Printer", "Name of that printer.")
    enable_drive: bool = param(
        False, "Offer a drive, whose files are on the daemon's machine.", common=True
    )
    drive_name: str = param("Guacamole Filesystem", "Name of that drive.")
    drive_path: str = param(
        "",
        "Directory of its files; clients may name those in `drive_directories`.",
        common=True,
    )
    create_drive_path: bool = param(False, "Create the last level of that directory.", common=True)
    disable_download: bool = param(
        False, "Refuse downloads from the drive, and of files copied on the host."
    )
    disable_upload: bool = param(False, "Refuse uploads to the drive, and to the host's clipboard.")
    console: bool = param(False, "Connect to the host's console session.", common=True)
    console_audio: bool = param(False, "Play the sound at the host.")
    server_layout: str = param(
        "en-us-qwerty",
        "Keyboard layout of the host, such as de-de-qwertz; failsafe to type characters only.",
        common=True,
        suggestions=LAYOUTS,
    )
    security: str = param(
        "any",
        "Security protocol; any: NLA or TLS, and RDP's own only together with ignore-cert.",
        common=True,
        choices=("", *SECURITY),
    )
    ignore_cert: bool = param(False, "Accept any certificate of the host.", common=True)
    cert_tofu: bool = param(
        False,
        "Trust the certificate that a host shows first, and no other later, unless an authority "
        "has signed it.",
    )
    cert_fingerprints: str = param(
        "",
        "SHA-256 fingerprints of certificates, separated by commas; the host must show one of "
        "them.",
    )
    disable_auth: bool = param(
        False,
        "Use no NLA: the host may only ask on its own screen.",
        common=True,
    )
    remote_app: str = param(
        "", "RemoteApp to show instead of a desktop, such as ||notepad.", common=True
    )
    remote_app_dir: str = param("", "Working directory of the RemoteApp.")
    remote_app_args: str = param("", "Arguments of the RemoteApp.")
    static_channels: str = param(
        "", "Names of static channels that are offered as pipes, separated by commas."
    )
    client_name: str = param("Guacamole RDP", "Name of the client for the host.", common=True)
    enable_wallpaper: bool = param(False, "Show the desktop's wallpaper.", common=True)
    enable_theming: bool = param(False, "Show themed windows and controls.", common=True)
    enable_font_smoothing: bool = param(False, "Smooth the edges of text.", common=True)
    enable_full_window_drag: bool = param(False, "Show the content of windows that move.")
    enable_desktop_composition: bool = param(False, "Allow transparent windows and shadows.")
    enable_menu_animations: bool = param(False, "Animate menus.")
    disable_bitmap_caching: bool = param(False, "Do not let the host cache pictures.")
    disable_offscreen_caching: bool = param(
        False, "Accepted; FreeRDP does not cache areas off the screen."
    )
    disable_glyph_caching: bool = param(
        False, "Do not cache glyphs; xrdp's own windows cannot be shown then."
    )
    disable_gfx: bool = param(False, "Do not use the graphics pipeline.", common=True)
    preconnection_id: int = param(
        -1, "Number that is sent before the connection; -1 for none.", minimum=-1, maximum=2**31 - 1
    )
    preconnection_blob: str = param(
        "", "Text that is sent before the connection, such as a virtual machine's id.", common=True
    )
    timezone: str = param(
        "",
        "Time zone, such as Europe/Berlin; empty for that of the client. FreeRDP 2 always sends "
        "that of the daemon's machine.",
        common=True,
    )
    recording_exclude_touch: bool = param(False, "Do not record touches.")
    resize_method: str = param(
        "",
        "How the desktop follows the window: display-update, reconnect, or not at all.",
        common=True,
        choices=("", "display-update", "reconnect"),
    )
    enable_audio_input: bool = param(False, "Let the host record from the microphone.", common=True)
    enable_touch: bool = param(
        False, "Pass touches on as such, if the host accepts them.", common=True
    )
    gateway_hostname: str = param(
        "", "Remote desktop gateway to connect through.", common=True, host=True
    )
    gateway_port: int = param(443, "TCP port of the gateway.", minimum=1, maximum=65535)
    gateway_domain: str = param("", "Windows domain of the gateway's user.")
    gateway_username: str = param(
        "", "User name for the gateway; if it is empty, the owner is asked.", common=True
    )
    gateway_password: str = param(
        "",
        "Password for the gateway; if it is empty, the owner is asked.",
        common=True,
        secret=True,
    )
    load_balance_info: str = param(
        "", "Text for a connection broker that chooses the host.", common=True
    )
    force_lossless: bool = param(False, "Never lose detail, however slow the link.", common=True)
    normalize_clipboard: str = param(
        "",
        "Line ends of copied text: preserve, unix (LF) or windows (CRLF).",
        common=True,
        choices=("", "preserve", "unix", "windows"),
    )
    ca_cert: str = param(
        "",
        "PEM certificates of the authorities that may sign the host's certificate; empty for "
        "the system's.",
        multiline=True,
    )
    autoretry: int = param(
        0,
        "Further attempts, one second apart, if the host cannot be reached or the connection to it "
        "is lost; a refused login is not repeated.",
        minimum=0,
        maximum=RETRIES_MAX,
    )
    disable_scaling: bool = param(
        False, "Do not tell the host the resolution of the screen: text then has its normal size."
    )

    monitors: int = param(
        1,
        "Number of monitors side by side, among which the desktop is divided.",
        minimum=1,
        maximum=MONITORS_MAX,
    )
    gateway_ca_cert: str = param(
        "",
        "PEM certificates of the authorities that may sign the gateway's certificate, or that "
        "certificate; empty for the system's authorities.",
        multiline=True,
    )

    @property
    def quality(self) -> Quality:
        """The quality of the picture."""
        return Quality.LOSSLESS if self.force_lossless else Quality(self.picture_quality)

    @property
    def used_port(self) -> int:
        """The port to connect to."""
        default = VMCONNECT_PORT if self.security == "vmconnect" else PORT
        return self.port or default
