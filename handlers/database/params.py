"""The parameters of database connections."""

from __future__ import annotations

from dataclasses import dataclass

from guacr.api import order, param
from handlers.terminal.params import TerminalParams

TLS_MODES = ("disable", "prefer", "require", "verify-ca", "verify-full")


def _port(default: int) -> int:
    return param(default, "TCP port.", common=True, minimum=1, maximum=65535)


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseParams(TerminalParams):
    """The parameters of all databases; a path as `hostname` is a Unix socket."""

    ORDER = order(
        "hostname port username password database timeout tls tls-ca read-only-session max-rows",
        "statement-timeout keep-history disable-download disable-upload",
        TerminalParams,
    )

    hostname: str = param(
        "",
        "Name or address of the server, or the path of its Unix socket.",
        common=True,
        host=True,
    )
    port: int = _port(1)
    username: str = param("", "Name to log in with.", common=True)
    password: str = param(
        "",
        "Password; asked for in the terminal if it is empty and the server requires one.",
        common=True,
        secret=True,
    )
    database: str = param("", "Database to open.", common=True)
    timeout: int = param(
        10, "Seconds within which the server must accept the connection.", minimum=1, maximum=600
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
        "Make the server refuse changes. This guards against accidents; real permissions are set "
        "on the server.",
        common=True,
    )
    max_rows: int = param(0, "Maximum rows of a result; 0 for no limit.", minimum=0)
    statement_timeout: int = param(
        0, "Seconds after which a statement is cancelled; 0 for never.", minimum=0, maximum=86400
    )
    keep_history: bool = param(
        True,
        "Keep the history in the daemon's memory, for later sessions with the same database of "
        "the person whom a token names (sub); without such a token, nothing outlasts the session.",
    )
    disable_download: bool = param(False, "Refuse downloads of results.")
    disable_upload: bool = param(False, "Refuse uploads of scripts.")


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
    """Redis and compatible servers."""

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
    tls_cert: str = param("", "PEM client certificate for the server.", multiline=True)
    tls_key: str = param("", "PEM key of that certificate.", multiline=True, secret=True)
    max_rows: int = param(0, "Maximum lines of a reply; 0 for no limit.", minimum=0)
    raw: bool = param(False, "Show replies without types, numbers and quotes (redis-cli --raw).")
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
        "Declare that the session only reads (ApplicationIntent=ReadOnly), which directs it "
        "to a replica if there is one. It refuses no changes: permissions are set on the server.",
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
        "Accept only SELECT, WITH and ALTER SESSION, each in its own read-only transaction. This "
        "guards against accidents; real permissions are set on the server.",
        common=True,
    )
    statement_timeout: int = param(
        0,
        "Maximum seconds to wait for an answer of the server before the statement is cancelled; "
        "0 for no limit.",
        minimum=0,
        maximum=86400,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class MongodbParams(DatabaseParams):
    """MongoDB."""

    hostname: str = param(
        "", "Name or address of the server.", common=True, required=True, host=True
    )
    port: int = _port(27017)
    username: str = param("", "Name to log in with; empty for no login.", common=True)
    database: str = param("test", "Database to begin with.", common=True)
    auth_source: str = param("admin", "Database that holds the user.")
    tls: str = param(
        "disable",
        "Encryption: disable, require, verify-ca (the certificate must be signed by tls-ca), "
        "verify-full (and be the host's).",
        common=True,
        choices=("disable", "require", "verify-ca", "verify-full"),
    )
    read_only_session: bool = param(
        False,
        "Refuse commands that change data. This guards against accidents; real permissions are "
        "set on the server.",
        common=True,
    )
    max_rows: int = param(0, "Maximum lines of a result; 0 for no limit.", minimum=0)
    statement_timeout: int = param(
        0,
        "Maximum seconds to wait for an answer of the server before the command is cancelled; "
        "0 for no limit.",
        minimum=0,
        maximum=86400,
    )
