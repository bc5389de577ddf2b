"""The parameters of database connections."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from guacr.session.params import Params, param
from handlers.terminal import params as shared

TLS_MODES = ("disable", "prefer", "require", "verify-ca", "verify-full")


def _port(default: int) -> Any:
    return param(default, "TCP port.", common=True, minimum=1, maximum=65535)


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseParams(Params):
    """What all databases share; a path as `hostname` stands for a Unix socket."""

    hostname: str = param(
        "", "Name or address of the server, or the path of its Unix socket.", common=True
    )
    port: int = _port(1)
    username: str = param("", "Name to log in with.", common=True)
    password: str = param(
        "",
        "Password; asked for in the terminal if it is empty and the server wants one.",
        common=True,
        secret=True,
    )
    database: str = param("", "Database to open.", common=True)
    timeout: int = param(
        10, "Seconds in which the server must take the connection.", minimum=1, maximum=600
    )
    tls: str = param(
        "prefer",
        "Encryption: disable, prefer, require, verify-ca (the certificate must be signed by "
        "tls-ca), verify-full (and be the host's).",
        common=True,
        choices=TLS_MODES,
    )
    tls_ca: str = param(
        "", "Certificates (PEM) of the authorities to trust, instead of the system's.",
        multiline=True,
    )  # fmt: skip
    read_only_session: bool = param(
        False,
        "Have the server refuse changes. It guards against accidents; rights are the server's.",
        common=True,
    )
    max_rows: int = param(0, "Rows after which a result is ended; 0 for all.", minimum=0)
    statement_timeout: int = param(
        0, "Seconds after which a statement is ended; 0 for never.", minimum=0, maximum=86400
    )
    keep_history: bool = param(
        True,
        "Keep what is typed, in the daemon's memory, for later sessions with the same database of "
        "the person whom a token names (sub); without such a token nothing outlasts the session.",
    )
    disable_download: bool = param(False, "Refuse downloads of results.")
    disable_upload: bool = param(False, "Refuse uploads of scripts.")
    font_name: str = shared.font_name()
    font_size: int = shared.font_size()
    color_scheme: str = shared.color_scheme()
    terminal_type: str = shared.terminal_type()
    func_keys_and_keypad: str = shared.func_keys_and_keypad()
    backspace: int = shared.backspace()
    scrollback: int = shared.scrollback()
    clipboard_buffer_size: int = shared.clipboard_buffer_size()
    disable_copy: bool = shared.disable_copy()
    disable_paste: bool = shared.disable_paste()
    read_only: bool = shared.read_only()
    typescript_path: str = shared.typescript_path()
    typescript_name: str = shared.typescript_name()
    create_typescript_path: bool = shared.create_typescript_path()
    typescript_write_existing: bool = shared.typescript_write_existing()
    recording_path: str = shared.recording_path()
    recording_name: str = shared.recording_name()
    recording_exclude_output: bool = shared.recording_exclude_output()
    recording_exclude_mouse: bool = shared.recording_exclude_mouse()
    recording_include_keys: bool = shared.recording_include_keys()
    recording_include_clipboard: bool = shared.recording_include_clipboard()
    create_recording_path: bool = shared.create_recording_path()
    recording_write_existing: bool = shared.recording_write_existing()


@dataclass(frozen=True, slots=True, kw_only=True)
class PostgresqlParams(DatabaseParams):
    """PostgreSQL."""

    port: int = _port(5432)


@dataclass(frozen=True, slots=True, kw_only=True)
class MysqlParams(DatabaseParams):
    """MySQL and MariaDB."""

    port: int = _port(3306)


@dataclass(frozen=True, slots=True, kw_only=True)
class SqliteParams(DatabaseParams):
    """SQLite: of the connection's parameters, only `database` matters."""

    database: str = param(
        "",
        "Absolute path of the file on the daemon's machine, which must exist and lie in one of "
        "databases.directories, unless an operator has set it; ':sample:' for a sample, empty for "
        "a database in memory.",
        common=True,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class RedisParams(DatabaseParams):
    """Redis and what speaks its protocol."""

    port: int = _port(6379)
    username: str = param("", "Name to log in with; empty for the default user.", common=True)
    database: str = param("0", "Number of the database.", common=True)
    tls: str = param(
        "disable",
        "Encryption: disable or prefer (none), require, verify-ca (the certificate must be signed "
        "by tls-ca), verify-full (and be the host's).",
        common=True,
        choices=TLS_MODES,
    )
    tls_cert: str = param("", "PEM certificate to show the server.", multiline=True)
    tls_key: str = param("", "PEM key of that certificate.", multiline=True, secret=True)
    max_rows: int = param(0, "Lines after which an answer is ended; 0 for all.", minimum=0)
    raw: bool = param(False, "Show replies without types, numbers and quotes, as redis-cli --raw.")
    cluster: bool = param(
        False,
        "Follow the redirections of a cluster (MOVED and ASK), with the same user and password, to "
        "any node that the server names.",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class SqlserverParams(DatabaseParams):
    """SQL Server."""

    port: int = _port(1433)
    tls: str = param(
        "verify-full",
        "Encryption: disable, require (with any certificate, unless tls-ca is given), verify-ca "
        "(the certificate must be signed by tls-ca, or be it), verify-full (and be the host's).",
        common=True,
        choices=("disable", "require", "verify-ca", "verify-full"),
    )
    read_only_session: bool = param(
        False,
        "Tell the server that the session only reads (ApplicationIntent=ReadOnly), which sends it "
        "to a replica where there is one. It refuses no changes: rights are the server's.",
        common=True,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class OracleParams(DatabaseParams):
    """Oracle Database."""

    port: int = _port(1521)
    username: str = param(
        "", "Name to log in with; 'NAME as sysdba' for that privilege.", common=True
    )
    database: str = param("", "Name of the service, such as FREEPDB1.", common=True)
    tls: str = param(
        "disable",
        "Encryption (TCPS): disable, require, verify-ca (the certificate must be signed by "
        "tls-ca), verify-full (and be the host's).",
        common=True,
        choices=("disable", "require", "verify-ca", "verify-full"),
    )
    read_only_session: bool = param(
        False,
        "Take SELECT, WITH and ALTER SESSION alone, each in a read-only transaction of its own. It "
        "guards against accidents; rights are the server's.",
        common=True,
    )
    statement_timeout: int = param(
        0,
        "Seconds after which an answer of the server is no longer waited for, and the statement "
        "ended; 0 for never.",
        minimum=0,
        maximum=86400,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class MongodbParams(DatabaseParams):
    """MongoDB."""

    hostname: str = param("", "Name or address of the server.", common=True, required=True)
    port: int = _port(27017)
    username: str = param("", "Name to log in with; empty for no login.", common=True)
    database: str = param("test", "Database to begin with.", common=True)
    auth_source: str = param("admin", "Database that knows the user.")
    tls: str = param(
        "disable",
        "Encryption: disable, require, verify-ca (the certificate must be signed by tls-ca), "
        "verify-full (and be the host's).",
        common=True,
        choices=("disable", "require", "verify-ca", "verify-full"),
    )
    read_only_session: bool = param(
        False,
        "Refuse commands that change something. It guards against accidents; rights are the "
        "server's.",
        common=True,
    )
    max_rows: int = param(0, "Lines after which a result is ended; 0 for all.", minimum=0)
    statement_timeout: int = param(
        0,
        "Seconds after which an answer of the server is no longer waited for, and the command "
        "ended; 0 for never.",
        minimum=0,
        maximum=86400,
    )
