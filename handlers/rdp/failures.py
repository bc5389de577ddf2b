"""The errors of an RDP connection, from the names that FreeRDP gives them."""

from __future__ import annotations

from guacr.api import (
    ForbiddenError,
    GuacrError,
    NotFoundError,
    SessionClosedError,
    SessionConflictError,
    SessionTimeoutError,
    UnauthorizedError,
    UnsupportedError,
    UpstreamError,
    UpstreamTimeoutError,
    UpstreamUnavailableError,
    shorten,
)
from handlers.rdp import negotiation
from handlers.rdp.channel.messages import NOT_OFFERED, Ended
from handlers.rdp.params import PORT, RdpParams

HYBRID = 0x0A
"""The security protocols with network level authentication (MS-RDPBCGR 2.2.1.2.1)."""
LOST = ("ERRCONNECT_CONNECT_TRANSPORT_FAILED", "ERRCONNECT_CONNECT_FAILED")
"""The connection was lost; the second is FreeRDP's own further attempt, for which it has no
socket."""
DISAGREED = "ERRCONNECT_SECURITY_NEGO_CONNECT_FAILED"
LOGGED_OFF = ("ERRINFO_LOGOFF_BY_USER", "ERRINFO_RPC_INITIATED_LOGOFF")

_LOGON = "check user name, password and domain"
_ACCOUNT = "ask the administrator of the host"
_CRASH = "has ended the session, as a part of its system has crashed: connect again"
_DRIVER = "has ended the session, as the driver of its display has failed: connect again"
_NO_REMOTE_APP = "does not offer RemoteApps: clear the parameter remote-app"
_GRAPHICS = "cannot use the graphics pipeline: set disable-gfx"
_REASONS: dict[str, tuple[type[GuacrError], str]] = {
    "ERRCONNECT_AUTHENTICATION_FAILED": (UnauthorizedError, f"refused the login: {_LOGON}"),
    "ERRCONNECT_LOGON_FAILURE": (UnauthorizedError, f"refused the login: {_LOGON}"),
    "ERRCONNECT_WRONG_PASSWORD": (UnauthorizedError, "refused the password: check it"),
    "ERRCONNECT_NO_OR_MISSING_CREDENTIALS": (
        UnauthorizedError, "wants a user name and a password: set them",
    ),
    "ERRCONNECT_INSUFFICIENT_PRIVILEGES": (
        ForbiddenError, f"does not let this user log on remotely: {_ACCOUNT}",
    ),
    "ERRCONNECT_ACCESS_DENIED": (ForbiddenError, f"denies access to this user: {_ACCOUNT}"),
    "ERRCONNECT_ACCOUNT_DISABLED": (ForbiddenError, f"has disabled this account: {_ACCOUNT}"),
    "ERRCONNECT_ACCOUNT_LOCKED_OUT": (
        ForbiddenError, f"has locked this account after failed logins: wait, or {_ACCOUNT}",
    ),
    "ERRCONNECT_ACCOUNT_EXPIRED": (
        ForbiddenError, f"says that this account has expired: {_ACCOUNT}",
    ),
    "ERRCONNECT_ACCOUNT_RESTRICTION": (
        ForbiddenError, "restricts this account, such as to certain hours or machines, or forbids "
        f"empty passwords: {_ACCOUNT}",
    ),
    "ERRCONNECT_LOGON_TYPE_NOT_GRANTED": (
        ForbiddenError, f"does not grant this user remote logins: {_ACCOUNT}",
    ),
    "ERRCONNECT_PASSWORD_EXPIRED": (
        ForbiddenError, "says that the password has expired: change it on the host",
    ),
    "ERRCONNECT_PASSWORD_CERTAINLY_EXPIRED": (
        ForbiddenError, "says that the password has expired: change it on the host",
    ),
    "ERRCONNECT_PASSWORD_MUST_CHANGE": (
        ForbiddenError, "wants the password to be changed: change it on the host",
    ),
    "ERRCONNECT_CLIENT_REVOKED": (ForbiddenError, f"has revoked this account: {_ACCOUNT}"),
    "ERRCONNECT_SECURITY_NEGO_CONNECT_FAILED": (
        UpstreamError, "accepts none of the security protocols: check the parameter security",
    ),
    "ERRCONNECT_TLS_CONNECT_FAILED": (
        UpstreamError, "and guacr cannot agree on TLS: the host needs TLS 1.2 or newer",
    ),
    "ERRCONNECT_MCS_CONNECT_INITIAL_ERROR": (
        UpstreamError, "refused the settings of the connection",
    ),
    "ERRCONNECT_ACTIVATION_TIMEOUT": (
        UpstreamTimeoutError, "has not shown a desktop in time: it may be overloaded",
    ),
    "ERRINFO_RPC_INITIATED_DISCONNECT": (
        SessionClosedError, "has disconnected this session on behalf of an administrator",
    ),
    "ERRINFO_RPC_INITIATED_LOGOFF": (
        SessionClosedError, "has logged this user off on behalf of an administrator",
    ),
    "ERRINFO_IDLE_TIMEOUT": (SessionTimeoutError, "has ended the session: it was idle too long"),
    "ERRINFO_LOGON_TIMEOUT": (
        SessionTimeoutError, "has ended the session: its time was over",
    ),
    "ERRINFO_DISCONNECTED_BY_OTHER_CONNECTION": (
        SessionConflictError, "has given this session to another connection",
    ),
    "ERRINFO_OUT_OF_MEMORY": (UpstreamError, "is out of memory"),
    "ERRINFO_SERVER_DENIED_CONNECTION": (
        ForbiddenError, f"denied the connection: {_ACCOUNT}",
    ),
    "ERRINFO_SERVER_INSUFFICIENT_PRIVILEGES": (
        ForbiddenError, f"does not let this user log on remotely: {_ACCOUNT}",
    ),
    "ERRINFO_SERVER_FRESH_CREDENTIALS_REQUIRED": (
        UnauthorizedError, "does not accept stored credentials: enter them anew",
    ),
    "ERRINFO_RPC_INITIATED_DISCONNECT_BY_USER": (
        SessionClosedError, "has ended the session: the user disconnected it",
    ),
    "ERRINFO_LICENSE_NO_LICENSE_SERVER": (
        UpstreamUnavailableError, f"finds no licence server: {_ACCOUNT}",
    ),
    "ERRINFO_LICENSE_NO_LICENSE": (
        UpstreamUnavailableError, f"has no licence left: {_ACCOUNT}",
    ),
    "ERRINFO_CB_DESTINATION_NOT_FOUND": (UpstreamError, "finds no host for this session"),
    "ERRCONNECT_KDC_UNREACHABLE": (
        UpstreamError, "wants a Kerberos login, and no server for that can be reached",
    ),
    "ERRINFO_SERVER_SHUTDOWN": (
        UpstreamUnavailableError, "shuts down: connect again once it runs",
    ),
    "ERRINFO_SERVER_REBOOT": (UpstreamUnavailableError, "restarts: connect again in a minute"),
    "ERRINFO_CLOSE_STACK_ON_DRIVER_NOT_READY": (UpstreamError, _DRIVER),
    "ERRINFO_CLOSE_STACK_ON_DRIVER_FAILURE": (UpstreamError, _DRIVER),
    "ERRINFO_CLOSE_STACK_ON_DRIVER_IFACE_FAILURE": (UpstreamError, _DRIVER),
    "ERRINFO_SERVER_DWM_CRASH": (UpstreamError, _CRASH),
    "ERRINFO_SERVER_WINLOGON_CRASH": (UpstreamError, _CRASH),
    "ERRINFO_SERVER_CSRSS_CRASH": (UpstreamError, _CRASH),
    "ERRINFO_REMOTEAPP_NOT_ENABLED": (UpstreamError, _NO_REMOTE_APP),
    "ERRINFO_GRAPHICS_MODE_NOT_SUPPORTED": (UpstreamError, _GRAPHICS),
    "ERRINFO_GRAPHICS_SUBSYSTEM_RESET_FAILED": (UpstreamError, _GRAPHICS),
    "ERRINFO_GRAPHICS_SUBSYSTEM_FAILED": (UpstreamError, _GRAPHICS),
    "ERRINFO_VIRTUALDESKTOPTOOLARGE": (
        UpstreamError, "has no desktop of this size: set width and height to less",
    ),
    "ERRINFO_CB_CONNECTION_CANCELLED": (SessionClosedError, "has cancelled the connection"),
    "ERRINFO_CB_SESSION_ONLINE_VM_WAKE": (UpstreamTimeoutError, "cannot wake its machine"),
    "ENGINE_INVALID_DATA": (
        UpstreamError, "has sent what is not valid in RDP: connect again, and if it happens "
        "repeatedly, use the engine FreeRDP (see docs/rdp.md)",
    ),
    "ENGINE_COLOR_DEPTH": (
        UpstreamError, "sends pictures of a color depth that the engine aardwolf does not decode: "
        "set color-depth to 16",
    ),
    "ENGINE_ENCRYPTION": (
        UpstreamError, "does not offer RDP's own encryption with keys of 128 bits, the only one "
        "that the engine aardwolf has",
    ),
}  # fmt: skip


_KINDS: dict[str, tuple[type[GuacrError], str]] = {
    "ERRINFO_LICENSE_": (UpstreamUnavailableError, f"cannot license this client: {_ACCOUNT}"),
    "ERRINFO_CB_": (UpstreamError, f"cannot find a host for this session: {_ACCOUNT}"),
}
"""The same for other names that begin so."""
_WANTED = {
    negotiation.NLA: (
        "requires network level authentication (NLA)", "set the parameter security to nla or any",
    ),
    negotiation.TLS: ("wants TLS without NLA", "set the parameter security to tls or any"),
    negotiation.RDP: (
        "has only RDP's own encryption (it verifies no certificate)",
        "set the parameter security to rdp if the network can be trusted",
    ),
}  # fmt: skip
"""The demands of a server, and what to do."""


_REMOTE_APP: dict[int, tuple[type[GuacrError], str]] = {
    NOT_OFFERED: (UpstreamError, _NO_REMOTE_APP),
    2: (UpstreamError, "cannot read the arguments of the RemoteApp {}: check remote-app-args"),
    3: (ForbiddenError, "does not allow the RemoteApp {}: ask its administrator to publish it"),
    5: (NotFoundError, "does not find the RemoteApp {}: check the parameter remote-app"),
    7: (
        UpstreamError,
        "has locked this session, and cannot start the RemoteApp {}: unlock it on its desktop, "
        "without remote-app",
    ),
}
"""Why a RemoteApp was not started (MS-RDPERP 2.2.2.3.2)."""


DISCONNECT_REFUSED, NO_PERMISSION = 0xFFFFFFF9, 0xFFFFFFFA
"""Types of notifications about logons that say why nobody is logged on."""
_LOGON_TYPES: dict[int, tuple[type[GuacrError], str]] = {
    DISCONNECT_REFUSED: (
        SessionConflictError, "has a session of another user, which may not be disconnected",
    ),
    NO_PERMISSION: (ForbiddenError, f"does not let this user into the session: {_ACCOUNT}"),
}  # fmt: skip
_LOGONS: dict[int, tuple[type[GuacrError], str]] = {
    0: (UnauthorizedError, f"refused the login: {_LOGON}"),
    1: (ForbiddenError, "wants the password to be changed: change it on the host"),
    2: (UnauthorizedError, "refused the login, and shows the reason on its own screen"),
}
"""Why a logon has failed (MS-RDPBCGR 2.2.10.1.1.4.1.1)."""


def named(params: RdpParams) -> str:
    """Return the host, as the subject of a sentence."""
    return f"host {shorten(params.hostname)}"


def place(params: RdpParams) -> str:
    """Return the port of the host, as the subject of a sentence."""
    return f"port {params.used_port} of {named(params)}"


def is_logoff(ended: Ended) -> bool:
    """Return whether the user has logged off: the session has ended as intended."""
    return ended.error in LOGGED_OFF[:1]


def is_loss(ended: Ended) -> bool:
    """Return whether the server closed the connection without a reason."""
    return ended.error in ("", *LOST)


def is_disagreement(ended: Ended) -> bool:
    """Return whether there was no connection beyond the choice of a security protocol; FreeRDP
    gives the same names if the server closes the connection before."""
    return not ended.tls and ended.error in (DISAGREED, *LOST)


def of(params: RdpParams, ended: Ended, *, shown: bool) -> GuacrError:
    """Return the reason of an end; `shown` is True if the desktop had been shown."""
    name = ended.error
    if not shown and ended.tls and name in LOST:
        if ended.protocol & HYBRID:  # FreeRDP's servers hang up, where Windows sends a reason
            return UnauthorizedError(f"{named(params)} refused the login: {_LOGON}")
        return closed_early(params)
    if not shown and name in LOST:
        return closed_early(params)
    if name in _REASONS:
        kind, reason = _REASONS[name]
        return kind(f"{named(params)} {reason}")
    for prefix, (kind, reason) in _KINDS.items():
        if name.startswith(prefix):
            return kind(f"{named(params)} {reason} ({name})")
    if shown:
        return ended_by_host(params, name)
    return UpstreamError(
        f"{named(params)} ended the connection before showing a desktop ({name or 'no reason'})"
    )


def remote_app(params: RdpParams, result: int) -> GuacrError:
    """The server has not started a RemoteApp."""
    other = f"failed to start the RemoteApp {{}} (error {result}): connect again, or {_ACCOUNT}"
    kind, reason = _REMOTE_APP.get(result, (UpstreamError, other))
    return kind(f"{named(params)} {reason.format(shorten(params.remote_app))}")


def logon(params: RdpParams, kind: int, data: int) -> GuacrError | None:
    """Return why the server has refused a logon, by the type and the data of its notification;
    None if it has not, as in a warning."""
    found = _LOGON_TYPES.get(kind) or _LOGONS.get(data)
    return None if found is None else found[0](f"{named(params)} {found[1]}")


def wants(params: RdpParams, protocol: str) -> GuacrError:
    """The server wants another security protocol."""
    reason, remedy = _WANTED[protocol]
    excluded = f"security={params.security or 'any'}"
    if params.disable_auth and protocol == negotiation.NLA:
        excluded, remedy = "disable-auth", "do not set disable-auth"
    return UpstreamError(f"{named(params)} {reason}, which {excluded} excludes: {remedy}")


def changed_certificate(params: RdpParams, shown: str, trusted: str, place: str) -> GuacrError:
    """The server shows another certificate than when it was first trusted."""
    return UpstreamError(
        f"the certificate of {named(params)} has changed: its fingerprint is {shown}, and the one "
        f"that was trusted first is {trusted}; if it was renewed, remove its line from {place}, "
        "otherwise do not trust it"
    )


def closed_early(params: RdpParams) -> GuacrError:
    """The server closed the connection before its desktop was shown."""
    return UpstreamError(
        f"{place(params)} closed the connection before showing a desktop: check that an RDP "
        "server listens there, and the parameter security"
    )


def not_rdp(params: RdpParams, protocol: str) -> GuacrError:
    """The server speaks another protocol, whose name may be empty."""
    other = f"belongs to a server for {protocol}, not for RDP" if protocol else "does not speak RDP"
    return UpstreamError(
        f"{place(params)} {other}: check the parameters hostname and port (RDP's is {PORT})"
    )


def closed_after_login(params: RdpParams) -> GuacrError:
    """The server closed the connection soon after its desktop was shown, and had not said that
    somebody is logged on: it may be xrdp, which shows its log after a refused login."""
    return SessionClosedError(
        f"{named(params)} closed the connection shortly after the login: {_LOGON}, or connect again"
    )


def needs_rdstls(params: RdpParams) -> GuacrError:
    """The server redirects with an encrypted password, which FreeRDP 2 cannot use."""
    return UnsupportedError(
        f"{named(params)} redirects to a session with an encrypted password (RDSTLS), which needs "
        "FreeRDP 3 on the daemon's machine"
    )


def too_many_redirections(params: RdpParams, count: int) -> GuacrError:
    """Servers send the client from one to the other."""
    return UpstreamError(
        f"{named(params)} redirects again, after {count} of them without a desktop: check the "
        "settings of its connection broker"
    )


def too_long_token(params: RdpParams) -> GuacrError:
    """The server redirects with more than a connection request or a login has room for."""
    return UpstreamError(
        f"{named(params)} redirects with a token that is too long: check the settings of its "
        "connection broker"
    )


def wrong_redirection(params: RdpParams) -> GuacrError:
    """The server redirects with credentials for which RDP has no room."""
    return UpstreamError(
        f"{named(params)} redirects with a user name or a password that is too long: check the "
        "settings of its connection broker"
    )


def ended_by_host(params: RdpParams, name: str) -> GuacrError:
    """The server closed the connection while the desktop was shown."""
    reason = f" ({name})" if name and name not in LOST else ""
    return UpstreamError(f"{named(params)} has closed the connection{reason}: connect again")


def silent(params: RdpParams, seconds: float) -> GuacrError:
    """The server accepted the connection, but does not continue."""
    return UpstreamTimeoutError(
        f"{place(params)} has not shown a desktop within {seconds:g} s: check host and port, and "
        "whether the host is overloaded"
    )


def vanished(params: RdpParams, seconds: float) -> GuacrError:
    """The host has acknowledged nothing for so long that the connection has ended."""
    return UpstreamTimeoutError(
        f"{named(params)} has not answered for {seconds:.0f} s: check whether it is switched on "
        "and can be reached, and connect again"
    )


def engine_lost(params: RdpParams) -> GuacrError:
    """The worker process has crashed or was killed."""
    return UpstreamError(
        f"the process that showed {named(params)} has ended unexpectedly: connect again, and "
        "report it with the daemon's log if it happens repeatedly"
    )


def engine_hung(params: RdpParams, seconds: float) -> GuacrError:
    """The worker process has stopped working."""
    return UpstreamError(
        f"the process that showed {named(params)} has not worked for {seconds:g} s and was ended: "
        "connect again"
    )
