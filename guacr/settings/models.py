"""The settings: one frozen model per section, with type, range, default and meaning of each key.

The string below a field is its documentation; config/guacr.toml repeats it. Values come from
`guacr.settings.configuration`, which also turns pydantic's errors into sentences.
"""

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from guacr.settings.access import AccessSettings
from guacr.settings.acme import AcmeSettings
from guacr.settings.control import ControlSettings
from guacr.settings.journal import AuditSettings, JournalSettings
from guacr.settings.limits import NO_LIMITS, LimitsSettings, OwnLimits
from guacr.settings.loopback import LOOPBACK, is_loopback
from guacr.settings.metrics import MetricsSettings
from guacr.settings.recording import RecordingSettings
from guacr.settings.section import Section
from guacr.settings.telemetry import TelemetrySettings
from guacr.settings.types import (
    GuacamoleLiteKey,
    Hosts,
    Mode,
    Networks,
    Number,
    OptionalPath,
    Origins,
    ParameterTexts,
    Paths,
    Port,
    Quality,
    Seconds,
    SecondsOrNone,
    Texts,
    TokenKeys,
    Whole,
    Workers,
)
from guacr.settings.webrtc import WebRtcSettings

ACME = Path("acme")
"""Stands for the certificate of [acme]."""
EVERYTHING = "*"
"""Stands for all names in a list."""


def _check_tls(certificate: Path | None, key: Path | None, client_ca: Path | None) -> None:
    if certificate is None and (key or client_ca):
        raise ValueError("needs tls_certificate when tls_key or tls_client_ca is set")


class ServerSettings(Section):
    """The Guacamole protocol over TCP and a Unix socket, as in guacd."""

    hosts: Hosts = LOOPBACK
    """Names and addresses to listen on; each address of a name is used."""
    port: Port = 4822
    """TCP port; 0 picks a free one."""
    unix_socket: OptionalPath = None
    """Path of a Unix socket to listen on in addition; empty for none."""
    unix_socket_mode: Mode = 0o660
    """Permissions of the Unix socket."""
    backlog: Annotated[Whole, Field(ge=1, le=65535)] = 1024
    """Connections that may wait to be accepted."""
    tls_certificate: OptionalPath = None
    """PEM file with the certificate and its chain, or "acme" for that of [acme]; if set, TCP
    connections must use TLS."""
    tls_key: OptionalPath = None
    """PEM file with the private key; empty if the certificate file contains it."""
    tls_client_ca: OptionalPath = None
    """PEM file with CA certificates; if set, clients must present a certificate signed by one."""
    handshake_timeout: Seconds = 15.0
    """Seconds that a client has for its handshake."""
    client_timeout: Seconds = 15.0
    """Seconds of silence after which a client is dropped; clients send a `nop` every 5."""
    max_connections: Annotated[Whole, Field(ge=0, le=1_000_000)] = 0
    """Simultaneous connections to each port; 0 for as many as the limit of open files
    allows."""
    max_waiting: Annotated[Whole, Field(ge=1, le=1_000_000)] = 2048
    """Connections from one address to each port that have no session yet; at most half of all."""
    protocols: Texts = (EVERYTHING,)
    """Protocols that can be selected, such as ssh; others are not loaded. "*" for all that are
    installed."""
    max_sessions: Annotated[Whole, Field(ge=0, le=1_000_000)] = 0
    """Simultaneous sessions, in all processes of the daemon; 0 for no limit."""
    grace_period: Annotated[Number, Field(ge=0, le=86400)] = 0.0
    """Seconds for which sessions may go on after SIGTERM, while no others are opened. A second
    SIGTERM, or SIGINT, ends them."""
    drain_timeout: SecondsOrNone = 5.0
    """Seconds that sessions have to close when the daemon ends."""

    @model_validator(mode="after")
    def _tls_is_whole(self) -> Self:
        _check_tls(self.tls_certificate, self.tls_key, self.tls_client_ca)
        return self

    @model_validator(mode="after")
    def _protocols_are_usable(self) -> Self:
        if not self.protocols:
            raise ValueError('protocols is empty: name a protocol, or "*" for all')
        return self


class WebSocketSettings(Section):
    """The Guacamole protocol over WebSocket, and the page."""

    enabled: bool = True
    """Listen for WebSocket and HTTP."""
    hosts: Hosts = LOOPBACK
    """Names and addresses to listen on; any that other machines can reach need a key."""
    port: Port = 4823
    """TCP port; 0 picks a free one."""
    tls_certificate: OptionalPath = None
    """PEM file with the certificate and its chain, or "acme" for that of [acme]; if set, the page
    and WebSocket use HTTPS."""
    tls_key: OptionalPath = None
    """PEM file with the private key; empty if the certificate file contains it."""
    tls_client_ca: OptionalPath = None
    """PEM file with CA certificates; if set, browsers must present a certificate signed by one."""
    strict_transport_security: Annotated[Whole, Field(ge=0, le=63_072_000)] = 0
    """Seconds for which browsers shall use nothing but HTTPS for this host name (HSTS), on all of
    its ports; 0 not to ask for it."""
    allowed_origins: Texts = ()
    """Origins, such as https://desk.example, whose pages may connect in addition to guacr's own;
    "*" for all."""
    token_keys: TokenKeys = ()
    """Keys of at least 32 characters that encrypt tokens, each a secret; the first one makes
    tokens, all are accepted."""
    guacamole_lite_key: GuacamoleLiteKey = ""
    """The 32-byte key of guacamole-lite's tokens, a secret; empty to refuse such tokens."""
    trusted_proxies: Networks = ()
    """Addresses and networks, such as 127.0.0.1 or 10.0.0.0/8, of reverse proxies that are trusted
    to report the client's address in a header."""
    proxy_headers: Literal["x-forwarded", "forwarded"] = "x-forwarded"
    """Headers that these proxies set: X-Forwarded-For and X-Forwarded-Proto, or Forwarded."""
    frame_ancestors: Origins = ()
    """Origins, such as https://desk.example, whose pages may embed guacr's page in a frame; "self"
    for its own."""
    allow_query_parameters: Texts = ()
    """Names of parameters that the URL may set for every token and connection; "*" for all. If
    protocol is among them and there is no key, the page has a form for any host."""
    max_message: Annotated[Whole, Field(ge=32768, le=16 * 1024 * 1024)] = 262144
    """Bytes in one message from a client."""

    @property
    def has_key(self) -> bool:
        """True if any token key is set."""
        return bool(self.token_keys or self.guacamole_lite_key)

    @model_validator(mode="after")
    def _tls_is_whole(self) -> Self:
        _check_tls(self.tls_certificate, self.tls_key, self.tls_client_ca)
        return self

    @model_validator(mode="after")
    def _hosts_are_usable(self) -> Self:
        if self.enabled and not self.hosts:
            raise ValueError("hosts is empty: name an address, or set enabled = false")
        open_hosts = [host for host in self.hosts if not is_loopback(host)]
        if self.enabled and open_hosts and not self.has_key:
            raise ValueError(
                f"listens on {open_hosts[0]}, where anyone could connect: set token_keys "
                "(or guacamole_lite_key), or limit hosts to 127.0.0.1 and ::1"
            )
        return self


class DisplaySettings(Section):
    """Images and frames that are sent."""

    image_format: Literal["auto", "jpeg", "png", "webp"] = "auto"
    """Image format; auto picks the cheapest for the content, lossless for text."""
    quality: Quality = 0
    """Quality of lossy images, 1 to 100; 0 (or "auto") depends on content and lag."""
    max_width: Annotated[Whole, Field(ge=64, le=8192)] = 8192
    """Maximum width that a client may request, in pixels."""
    max_height: Annotated[Whole, Field(ge=64, le=8192)] = 8192
    """Maximum height that a client may request, in pixels."""
    frame_rate: Annotated[Whole, Field(ge=1, le=60)] = 60
    """Maximum frames per second; a few frames after a key may follow each other more quickly."""
    encoder_threads: Annotated[Whole, Field(ge=0, le=64)] = 0
    """Threads that encode large images; 0 for one per core."""


PIXEL_BYTES = 4
"""The size of a true-colour pixel."""


class SessionSettings(Section):
    """Limits of each session."""

    send_high_water: Annotated[Whole, Field(ge=16384, le=1 << 30)] = 256 * 1024
    """Unsent bytes at which a viewer skips frames."""
    send_limit: Annotated[Whole, Field(ge=65536, le=1 << 30)] = 16 * 1024 * 1024
    """Unsent bytes at which a viewer is dropped; max_memory does not include them."""
    stuck_timeout: Seconds = 15.0
    """Seconds without any progress in sending after which a viewer is dropped."""
    max_users: Annotated[Whole, Field(ge=1, le=10_000)] = 64
    """Maximum users in one session."""
    max_clipboard: Annotated[Whole, Field(ge=1024, le=50 * 1024 * 1024)] = 1048576
    """Maximum bytes of a clipboard; a connection's clipboard-buffer-size may raise it."""
    max_memory: Annotated[Whole, Field(ge=16_777_216, le=1 << 40)] = 536_870_912
    """Bytes for the pictures of a session: twelve per pixel of a remote desktop (the picture, what
    viewers have, and what is being encoded), four per pixel of a picture in a terminal. Encoded
    frames that wait to be sent are extra: up to send_limit for each user. Windows may have a pixel
    for every sixteen bytes."""
    max_user_memory: Annotated[Whole, Field(ge=1_048_576, le=1 << 40)] = 67_108_864
    """Bytes received in unfinished streams of one user, such as clipboards."""

    @model_validator(mode="after")
    def _limit_is_above_high_water(self) -> Self:
        if self.send_limit <= self.send_high_water:
            raise ValueError("needs a send_limit that is larger than send_high_water")
        return self


class TerminalSettings(Section):
    """Defaults of terminals; the parameters of a connection take precedence."""

    engine: Literal["auto", "ghostty", "pyte"] = "auto"
    """Terminal emulator; auto uses ghostty where it is installed."""
    font_name: Annotated[str, Field(min_length=1, max_length=200)] = "monospace"
    """Font family, as known to fontconfig."""
    font_size: Annotated[Whole, Field(ge=4, le=144)] = 12
    """Font size in points."""
    color_scheme: Annotated[str, Field(max_length=4096)] = ""
    """Colour scheme, in the format of the parameter color-scheme; empty for gray-black."""
    scrollback: Annotated[Whole, Field(ge=0, le=100_000)] = 1000
    """Rows kept above the screen."""
    font_dirs: Paths = ()
    """Directories with additional fonts."""
    image_bytes: Annotated[Whole, Field(ge=0, le=268_435_456)] = 16_777_216
    """Bytes of images (Kitty graphics) that a terminal keeps on each of its two screens, four per
    pixel; 0 for none."""
    screen_reports: bool = False
    """Let hosts read back the screen and the title (DECRQCRA, XTWINOPS 20 and 21). Only for
    terminal tests: anyone who controls what a program prints could have such a report typed."""


class SshSettings(Section):
    """SSH connections."""

    known_hosts: OptionalPath = Path("/etc/guacamole/ssh_known_hosts")
    """File of known host keys, used if it exists; a host's key must then be in it or in the
    parameter host-key."""
    handshake_timeout: Seconds = 15.0
    """Seconds that a host has for the key exchange."""
    login_timeout: Seconds = 120.0
    """Seconds that a login may take, including the time to answer prompts."""
    kerberos_cache: Annotated[str, Field(max_length=1024)] = ""
    """Credential cache, such as FILE:/run/guacr/tickets, for connections with gss-auth; empty to
    disable Kerberos logins."""
    algorithms: Literal["modern", "legacy"] = "modern"
    """Algorithms that are offered; legacy adds those of old devices, all of them weak
    (diffie-hellman-group1-sha1, hmac-md5, 3des-cbc, ssh-dss and others), as in guacd."""
    kex_algorithms: Texts = ()
    """Key exchange algorithms in order of preference; empty for the default list. In this list and
    the next three, a + before the first name appends to the default list, ^ prepends to it, and
    - removes from it."""
    host_key_algorithms: Texts = ()
    """Algorithms of host keys in order of preference; empty for those of OpenSSH's client."""
    ciphers: Texts = ()
    """Ciphers in order of preference; empty for the fastest first, as measured with guacr."""
    macs: Texts = ()
    """Message authentication codes in order of preference; empty for the default list."""


class VncSettings(Section):
    """VNC connections."""

    reverse_hosts: Hosts = ()
    """Names and addresses on which a session with reverse-connect waits for a VNC server; empty to
    refuse such sessions. Any client can start one, and whoever connects first shows it a desktop
    and receives what it types, unless the connection names the host."""
    reverse_port_min: Port = 5500
    """First port for reverse connections; clients choose one."""
    reverse_port_max: Port = 5599
    """Last port for reverse connections."""

    @model_validator(mode="after")
    def _ports_are_a_range(self) -> Self:
        if not 0 < self.reverse_port_min <= self.reverse_port_max:
            raise ValueError("needs a reverse_port_min from 1 to reverse_port_max")
        return self


class RdpSettings(Section):
    """RDP connections."""

    engine: Literal["auto", "freerdp", "aardwolf"] = "auto"
    """The client for RDP hosts. auto: FreeRDP where the system has a supported version, otherwise
    aardwolf, a Python library that can do less (see docs/rdp.md)."""
    known_hosts: OptionalPath = None
    """File of the certificates that connections with cert-tofu have trusted; the daemon creates and
    changes it. Empty: they are forgotten when the daemon ends."""
    max_clipboard_files: Annotated[Whole, Field(ge=0, le=1 << 40)] = 268_435_456
    """Bytes of the files that the users of a session have put on its clipboard, on disk."""
    drive_directories: Paths = ()
    """Directories that clients may name as drive-path, with those in them; empty for none.
    Connections defined here and tokens made with one of token_keys may name any."""
    max_drive_file: Annotated[Whole, Field(ge=0, le=1 << 50)] = 68_719_476_736
    """Maximum bytes of a file that hosts and users write to a drive."""
    min_drive_free: Annotated[Whole, Field(ge=0, le=1 << 50)] = 1_073_741_824
    """Bytes of the disk that stay free: what hosts and users write to a drive beyond is refused, as
    if the disk were full."""
    max_print_jobs: Annotated[Whole, Field(ge=0, le=1 << 40)] = 268_435_456
    """Bytes of the documents that the host of a session prints at a time, on disk, and of a PDF
    that is made of one."""


class DatabaseSettings(Section):
    """Database consoles."""

    directories: Paths = ()
    """Directories whose SQLite files clients may open; empty for none. Connections defined here and
    tokens made with one of token_keys may open any file."""
    unix_sockets: Paths = ()
    """Unix sockets of database servers, or directories that contain them, that clients may connect
    to; as above."""
    max_threads: Annotated[Whole, Field(ge=1, le=4096)] = 64
    """Simultaneous SQLite and SQL Server sessions; each has its own thread."""
    max_value: Annotated[Whole, Field(ge=65_536, le=1 << 30)] = 16_777_216
    """Maximum bytes of one value in a result; with PostgreSQL and MySQL, of a row or a notice."""
    sqlite_memory: Annotated[Whole, Field(ge=16_777_216, le=1 << 40)] = 268_435_456
    """Bytes of memory that SQLite may use for all sessions together, three quarters of it for their
    pages. :sample: may grow to a quarter of this number, in a temporary file. A change needs a
    restart."""
    sqlite_cache: Annotated[Whole, Field(ge=65_536, le=1 << 30)] = 2_097_152
    """Bytes of pages that a SQLite session keeps in memory for its database, and again for its
    temporary tables; fewer if max_threads such sessions would exceed sqlite_memory."""
    min_free_disk: Annotated[Whole, Field(ge=0, le=1 << 50)] = 268_435_456
    """Bytes that must stay free on the disk of SQLite's temporary files; a statement that leaves
    less is cancelled."""
    max_undo: Annotated[Whole, Field(ge=0, le=1 << 30)] = 1_048_576
    """Characters that undo at a console's prompt keeps, over all steps."""


class LogSettings(Section):
    """The log, on standard error."""

    level: Literal["trace", "debug", "info", "warning", "error"] = "info"
    """Lowest level that is logged."""
    format: Literal["text", "json"] = "text"
    """Lines for people, or one JSON object per line."""


class DaemonSettings(Section):
    """The process."""

    pid_file: OptionalPath = None
    """File to write the process id to; empty for none."""
    workers: Workers = 1
    """Processes that run sessions: 1 for a single process, 0 (or "auto") for one per processor.
    Several have a further process that accepts clients; threads and memory that the settings allow
    for the daemon as a whole are divided among them. A change from 1 needs a restart; after
    a change to 1, the process that accepts clients remains until then."""


class Connection(Section):
    """A connection that clients may request by name; its parameters stay on the server."""

    protocol: Annotated[str, Field(min_length=1, max_length=64)]
    """Protocol, such as ssh."""
    title: Annotated[str, Field(max_length=200)] = ""
    """Title on the page; empty for the name."""
    parameters: ParameterTexts = Field(default_factory=dict)
    """Parameters of the protocol: texts, numbers, true or false, and secrets, except
    "file:PATH"."""
    allow_query_parameters: Texts = ()
    """Names of parameters that the URL may set; "*" for all."""
    limits: OwnLimits = NO_LIMITS
    """Limits in addition to those in [limits]: sessions, users (in one session), connects, bytes,
    session_length and idle_time; 0 for none. The strictest counts."""


class Settings(Section):
    """All settings; `Settings()` has the defaults."""

    server: ServerSettings = ServerSettings()
    websocket: WebSocketSettings = WebSocketSettings()
    access: AccessSettings = AccessSettings()
    webrtc: WebRtcSettings = WebRtcSettings()
    display: DisplaySettings = DisplaySettings()
    session: SessionSettings = SessionSettings()
    limits: LimitsSettings = LimitsSettings()
    terminal: TerminalSettings = TerminalSettings()
    ssh: SshSettings = SshSettings()
    vnc: VncSettings = VncSettings()
    rdp: RdpSettings = RdpSettings()
    databases: DatabaseSettings = DatabaseSettings()
    recording: RecordingSettings = RecordingSettings()
    journal: JournalSettings = JournalSettings()
    audit: AuditSettings = AuditSettings()
    control: ControlSettings = ControlSettings()
    metrics: MetricsSettings = MetricsSettings()
    telemetry: TelemetrySettings = TelemetrySettings()
    log: LogSettings = LogSettings()
    daemon: DaemonSettings = DaemonSettings()
    acme: AcmeSettings = AcmeSettings()
    connections: dict[str, Connection] = Field(default_factory=dict)
    """Connections by name."""

    @model_validator(mode="after")
    def _acme_is_whole(self) -> Self:
        for name in ("server", "websocket"):
            if getattr(self, name).tls_certificate == ACME and not self.acme.domains:
                raise ValueError(f'{name}.tls_certificate is "acme": set domains under [acme]')
        if self.control.tls_certificate == ACME:
            raise ValueError('control.tls_certificate cannot be "acme": name a file')
        return self

    @model_validator(mode="after")
    def _operators_page_has_a_port(self) -> Self:
        if self.control.page and not self.websocket.enabled:
            raise ValueError("control.page needs the port of [websocket]: set websocket.enabled")
        return self

    @model_validator(mode="after")
    def _journal_is_there(self) -> Self:
        for name, needs_it in (
            ("recording.journal", self.recording.journal),
            ("audit.strict", self.audit.strict),
        ):
            if needs_it and self.journal.directory is None:
                raise ValueError(f"{name} needs a journal: set journal.directory")
        return self

    def largest_window(self, width: int, height: int) -> tuple[int, int]:
        """Return the allowed window size nearest to `width` by `height` pixels.

        It is within the limits of [display], and its picture fits into the session's memory with
        room to spare: with what viewers have and what is being encoded, it needs three times its
        size.
        """
        width, height = min(width, self.display.max_width), min(height, self.display.max_height)
        most = self.session.max_memory // (4 * PIXEL_BYTES)
        if width * height > most:
            scale = (most / (width * height)) ** 0.5
            width, height = max(1, int(width * scale)), max(1, int(height * scale))
        return width, height
