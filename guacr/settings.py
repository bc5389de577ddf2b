"""What can be set: frozen models, one a section, with type, range, default and meaning of each key.

The text below a field is its documentation; config/guacr.toml repeats it. Values come from
`guacr.configuration`, which also turns what pydantic finds into sentences.
"""

from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from guacr.setting_types import (
    GuacamoleLiteKey,
    Mode,
    Networks,
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
)

LOOPBACK = ("127.0.0.1", "::1")


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach `host`; of names, only `localhost` counts."""
    try:
        return ip_address(host.strip("[]").partition("%")[0]).is_loopback
    except ValueError:
        return host.lower() == "localhost"


class Section(BaseModel):
    """What the sections have in common."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", use_attribute_docstrings=True, allow_inf_nan=False
    )


class ServerSettings(Section):
    """The Guacamole protocol over TCP and a Unix socket, as guacd has it."""

    hosts: Texts = LOOPBACK
    """Names and addresses to listen on; each address of a name is used."""
    port: Port = 4822
    """TCP port; 0 takes a free one."""
    unix_socket: OptionalPath = None
    """Path of a Unix socket to listen on as well; empty for none."""
    unix_socket_mode: Mode = 0o660
    """Permissions of the Unix socket."""
    backlog: Annotated[Whole, Field(ge=1, le=65535)] = 1024
    """Connections that may wait to be accepted."""
    tls_certificate: OptionalPath = None
    """PEM file with the certificate and its chain; with it, TCP connections must use TLS."""
    tls_key: OptionalPath = None
    """PEM file with the key of the certificate; empty if the certificate's file holds it."""
    tls_client_ca: OptionalPath = None
    """PEM file with authorities; with it, clients must show a certificate signed by one."""
    handshake_timeout: Seconds = 15.0
    """Seconds that a client may take for its handshake."""
    client_timeout: Seconds = 15.0
    """Seconds of silence after which a client is dropped; clients send a `nop` every 5."""
    max_connections: Annotated[Whole, Field(ge=0, le=1_000_000)] = 0
    """Connections to each port at the same time; 0 for as many as the limit of open files
    allows."""
    max_waiting: Annotated[Whole, Field(ge=1, le=1_000_000)] = 2048
    """Connections from one address, to each port, that have no session yet; at most half of all."""
    max_sessions: Annotated[Whole, Field(ge=0, le=1_000_000)] = 0
    """Sessions at the same time; 0 for no limit."""
    drain_timeout: SecondsOrNone = 5.0
    """Seconds that sessions have to close after SIGTERM."""

    @model_validator(mode="after")
    def _tls_is_whole(self) -> Self:
        if self.tls_certificate is None and (self.tls_key or self.tls_client_ca):
            raise ValueError("needs tls_certificate when tls_key or tls_client_ca is set")
        return self


class WebSocketSettings(Section):
    """The Guacamole protocol over WebSocket, and the page."""

    enabled: bool = True
    """Whether to listen for WebSocket and HTTP."""
    hosts: Texts = LOOPBACK
    """Names and addresses to listen on; others than this machine's own need a key."""
    port: Port = 4823
    """TCP port; 0 takes a free one."""
    allowed_origins: Texts = ()
    """Origins, such as https://desk.example, whose pages may connect besides the page's own; "*"
    for all."""
    token_keys: TokenKeys = ()
    """Keys of at least 32 characters that tokens are encrypted with, each a text or file:PATH;
    the first one makes tokens, all are accepted."""
    guacamole_lite_key: GuacamoleLiteKey = ""
    """The 32 bytes that guacamole-lite's tokens are encrypted with, a text or file:PATH; empty
    to refuse such tokens."""
    trusted_proxies: Networks = ()
    """Addresses and networks, such as 127.0.0.1 or 10.0.0.0/8, of reverse proxies whose headers say
    who has connected to them."""
    proxy_headers: Literal["x-forwarded", "forwarded"] = "x-forwarded"
    """Which headers they set: X-Forwarded-For and X-Forwarded-Proto, or Forwarded."""
    frame_ancestors: Origins = ()
    """Origins, such as https://desk.example, whose pages may show guacr's page in a frame; "self"
    for its own."""
    allow_query_parameters: Texts = ()
    """Names of parameters that the address may set for every token and connection; "*" for all.
    With protocol among them, and without a key, the page has a form for any host."""
    max_message: Annotated[Whole, Field(ge=32768, le=16 * 1024 * 1024)] = 262144
    """Bytes in one message of a client."""

    @property
    def has_key(self) -> bool:
        """Whether there is a key that tokens can be made with."""
        return bool(self.token_keys or self.guacamole_lite_key)

    @model_validator(mode="after")
    def _needs_key_beyond_loopback(self) -> Self:
        open_hosts = [host for host in self.hosts if not is_loopback(host)]
        if self.enabled and open_hosts and not self.has_key:
            raise ValueError(
                f"listens on {open_hosts[0]}, where anyone could connect: set token_keys "
                "(or guacamole_lite_key), or keep hosts to 127.0.0.1 and ::1"
            )
        return self


class DisplaySettings(Section):
    """What pictures are sent."""

    image_format: Literal["auto", "jpeg", "png", "webp"] = "auto"
    """Format of images; auto takes the cheapest for the content, without loss for text."""
    quality: Quality = 0
    """Quality of images with loss, 1 to 100; 0 (or "auto") goes by content and lag."""
    max_width: Annotated[Whole, Field(ge=64, le=8192)] = 8192
    """Pixels in width that a client may ask for."""
    max_height: Annotated[Whole, Field(ge=64, le=8192)] = 8192
    """Pixels in height that a client may ask for."""
    frame_rate: Annotated[Whole, Field(ge=1, le=60)] = 60
    """Frames a second at most."""
    encoder_threads: Annotated[Whole, Field(ge=0, le=64)] = 0
    """Threads that encode large images; 0 for one a core."""


class SessionSettings(Section):
    """Limits of each session."""

    send_high_water: Annotated[Whole, Field(ge=16384, le=1 << 30)] = 256 * 1024
    """Bytes unsent at which a viewer misses frames."""
    send_limit: Annotated[Whole, Field(ge=65536, le=1 << 30)] = 16 * 1024 * 1024
    """Bytes unsent at which a viewer is dropped."""
    stuck_timeout: Seconds = 15.0
    """Seconds without any progress in sending after which a viewer is dropped."""
    max_users: Annotated[Whole, Field(ge=1, le=10_000)] = 64
    """Users in one session."""
    max_clipboard: Annotated[Whole, Field(ge=1024, le=50 * 1024 * 1024)] = 1048576
    """Bytes of a clipboard; a connection's clipboard-buffer-size may raise it."""

    @model_validator(mode="after")
    def _limit_is_above_high_water(self) -> Self:
        if self.send_limit <= self.send_high_water:
            raise ValueError("needs a send_limit that is larger than send_high_water")
        return self


class TerminalSettings(Section):
    """Defaults of terminals; a connection's own parameters go first."""

    engine: Literal["auto", "ghostty", "pyte"] = "auto"
    """Terminal emulator; auto takes ghostty where it is installed."""
    font_name: Annotated[str, Field(min_length=1, max_length=200)] = "monospace"
    """Font family, as fontconfig knows it."""
    font_size: Annotated[Whole, Field(ge=4, le=144)] = 12
    """Font size in points."""
    color_scheme: Annotated[str, Field(max_length=4096)] = ""
    """Colour scheme, as the parameter color-scheme takes it; empty for gray-black."""
    scrollback: Annotated[Whole, Field(ge=0, le=100_000)] = 1000
    """Rows kept above the screen."""
    font_dirs: Paths = ()
    """Directories that hold more fonts."""
    image_bytes: Annotated[Whole, Field(ge=0, le=268_435_456)] = 16_777_216
    """Bytes of images (Kitty graphics) that a terminal keeps on each of its two screens, four a
    pixel; 0 for none."""
    screen_reports: bool = False
    """Whether hosts may read the screen and the title back (DECRQCRA, XTWINOPS 20 and 21), for
    tests of terminals: who controls what a program prints could have such a report typed."""


class SshSettings(Section):
    """SSH connections."""

    known_hosts: OptionalPath = Path("/etc/guacamole/ssh_known_hosts")
    """File of known host keys, used if it exists; a host's key must then be in it, or in the
    parameter host-key."""
    handshake_timeout: Seconds = 15.0
    """Seconds that a host may take for the key exchange."""
    login_timeout: Seconds = 120.0
    """Seconds that a login may take, with the time that a person needs to answer prompts."""
    kerberos_cache: Annotated[str, Field(max_length=1024)] = ""
    """Credential cache, such as FILE:/run/guacr/tickets, for connections with gss-auth; empty for
    no logins by Kerberos."""
    algorithms: Literal["modern", "legacy"] = "modern"
    """Algorithms that are offered; legacy adds those of old devices, all of them weak
    (diffie-hellman-group1-sha1, hmac-md5, 3des-cbc, ssh-dss and others), as guacd has them."""
    kex_algorithms: Texts = ()
    """Key exchange algorithms in order of preference; empty for the usual ones. In this list and
    the next three, + before the first name adds to the usual ones, ^ puts before them, - leaves
    out."""
    host_key_algorithms: Texts = ()
    """Algorithms of host keys in order of preference; empty for those of OpenSSH's client."""
    ciphers: Texts = ()
    """Ciphers in order of preference; empty for the fastest first, as guacr has measured them."""
    macs: Texts = ()
    """Message authentication codes in order of preference; empty for the usual ones."""


class DatabaseSettings(Section):
    """Consoles for databases."""

    directories: Paths = ()
    """Directories whose SQLite files clients may name; none unless they are listed. Connections of
    the configuration and tokens made with a key of token_keys name any."""
    unix_sockets: Paths = ()
    """Unix sockets of database servers, or directories that hold them, that clients may name; as
    above."""
    max_threads: Annotated[Whole, Field(ge=1, le=4096)] = 64
    """Sessions of SQLite and SQL Server at the same time; each has a thread of its own."""
    max_value: Annotated[Whole, Field(ge=65_536, le=1 << 30)] = 16_777_216
    """Bytes of one value in a result; of a row or a notice, with PostgreSQL and MySQL."""
    sqlite_memory: Annotated[Whole, Field(ge=16_777_216, le=1 << 40)] = 268_435_456
    """Bytes of memory that SQLite may use, for all sessions together; a database in memory may have
    a quarter of it. A change needs a restart."""
    sqlite_cache: Annotated[Whole, Field(ge=65_536, le=1 << 30)] = 2_097_152
    """Bytes of pages that each SQLite session keeps in memory."""
    min_free_disk: Annotated[Whole, Field(ge=0, le=1 << 50)] = 268_435_456
    """Bytes that have to stay free on the disk of SQLite's temporary files; a statement that leaves
    less is ended."""
    max_undo: Annotated[Whole, Field(ge=0, le=1 << 30)] = 1_048_576
    """Characters that the undo of a console's prompt remembers, over all its steps."""


class LogSettings(Section):
    """The log, on standard error."""

    level: Literal["trace", "debug", "info", "warning", "error"] = "info"
    """Least level that is logged."""
    format: Literal["text", "json"] = "text"
    """Lines for people, or one JSON object a line."""


class DaemonSettings(Section):
    """The process."""

    pid_file: OptionalPath = None
    """File to write the process id to; empty for none."""


class Connection(Section):
    """A connection that clients may ask for by its name; what it holds stays on the server."""

    protocol: Annotated[str, Field(min_length=1, max_length=64)]
    """Protocol, such as ssh."""
    title: Annotated[str, Field(max_length=200)] = ""
    """What the page shows; empty for the name."""
    parameters: ParameterTexts = Field(default_factory=dict)
    """Parameters of the protocol: texts, numbers, true or false; { file = PATH } reads a file."""
    allow_query_parameters: Texts = ()
    """Names of parameters that the address may set; "*" for all."""


class Settings(Section):
    """Everything that is set; `Settings()` has the defaults."""

    server: ServerSettings = ServerSettings()
    websocket: WebSocketSettings = WebSocketSettings()
    display: DisplaySettings = DisplaySettings()
    session: SessionSettings = SessionSettings()
    terminal: TerminalSettings = TerminalSettings()
    ssh: SshSettings = SshSettings()
    databases: DatabaseSettings = DatabaseSettings()
    log: LogSettings = LogSettings()
    daemon: DaemonSettings = DaemonSettings()
    connections: dict[str, Connection] = Field(default_factory=dict)
    """Connections by name."""
