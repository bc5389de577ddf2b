"""The names of FreeRDP's errors."""

from __future__ import annotations

import pytest

from guacr.errors import GuacrError
from guacr.protocol.status import Status
from handlers.rdp import failures
from handlers.rdp.aardwolf import errors
from handlers.rdp.channel.messages import NOT_OFFERED, Ended
from handlers.rdp.freerdp.client import NEWER_REASONS
from handlers.rdp.freerdp.library import Library, LibraryError
from handlers.rdp.params import RdpParams
from tests.support.require import missing

INFO, CONNECT = range(1, 0x1200), range(0x20000, 0x20040)
"""Codes: of MS-RDPBCGR 2.2.5.1.1, and of FreeRDP itself."""
NEWER = {"ERRCONNECT_ACTIVATION_TIMEOUT", *NEWER_REASONS.values()}
"""Names of FreeRDP 3, and those that FreeRDP does not have."""


def error_of(name: str, *, shown: bool = False, tls: bool = True, protocol: int = 1) -> GuacrError:
    params = RdpParams.parse({"hostname": "host.example"})
    return failures.of(params, Ended(name, tls, protocol), shown=shown)


def test_the_names_are_those_of_freerdp() -> None:
    try:
        library = Library()
    except LibraryError as error:
        missing(str(error))
    names = {library.freerdp_get_error_info_name(code) for code in INFO}
    names |= {library.freerdp_get_last_error_name(code) for code in CONNECT}
    known = {name.decode() for name in names if name} | NEWER
    mine = {*failures._REASONS, *failures.LOST, *failures.LOGGED_OFF, failures.DISAGREED}
    of_aardwolf = {name for name in vars(errors).values() if str(name).startswith("ENGINE_")}
    assert mine - known - of_aardwolf == set()
    for prefix in failures._KINDS:
        assert any(name.startswith(prefix) for name in known)


@pytest.mark.parametrize(
    ("name", "status", "words"),
    [
        ("ERRCONNECT_LOGON_FAILURE", Status.CLIENT_UNAUTHORIZED, "refused the login: check"),
        ("ERRCONNECT_ACCOUNT_LOCKED_OUT", Status.CLIENT_FORBIDDEN, "has locked this account"),
        ("ERRINFO_IDLE_TIMEOUT", Status.SESSION_TIMEOUT, "it was idle too long"),
        ("ERRINFO_DISCONNECTED_BY_OTHER_CONNECTION", Status.SESSION_CONFLICT, "another connection"),
        ("ERRINFO_RPC_INITIATED_LOGOFF", Status.SESSION_CLOSED, "an administrator"),
        ("ERRINFO_LICENSE_NO_LICENSE", Status.UPSTREAM_UNAVAILABLE, "has no licence left: ask"),
        ("ERRINFO_LICENSE_INTERNAL", Status.UPSTREAM_UNAVAILABLE, "(ERRINFO_LICENSE_INTERNAL)"),
        ("ERRINFO_CB_LOADING_DESTINATION", Status.UPSTREAM_ERROR, "cannot find a host"),
        ("ERRINFO_DECRYPT_FAILED", Status.UPSTREAM_ERROR, "(ERRINFO_DECRYPT_FAILED)"),
    ],
)
@pytest.mark.parametrize("shown", [True, False])
def test_reasons(name: str, status: Status, words: str, shown: bool) -> None:
    error = error_of(name, shown=shown)
    assert str(error).startswith("host 'host.example' ")
    assert words in str(error)
    assert error.status == status


@pytest.mark.parametrize("name", failures.LOST)
def test_lost_connections(name: str) -> None:
    assert "refused the login" in str(error_of(name, protocol=2))
    assert "closed the connection before showing a desktop" in str(error_of(name))
    assert "closed the connection before" in str(error_of(name, tls=False, protocol=2))
    assert str(error_of(name, shown=True)).endswith("has closed the connection: connect again")


@pytest.mark.parametrize(
    ("result", "status", "words"),
    [
        (NOT_OFFERED, Status.UPSTREAM_ERROR, "does not offer RemoteApps: clear the parameter"),
        (3, Status.CLIENT_FORBIDDEN, "does not allow the RemoteApp '||pad': ask"),
        (5, Status.RESOURCE_NOT_FOUND, "does not find the RemoteApp '||pad': check"),
        (6, Status.UPSTREAM_ERROR, "start the RemoteApp '||pad' (error 6): connect again, or ask"),
        (0xFFFF, Status.UPSTREAM_ERROR, "(error 65535)"),
    ],
)
def test_refused_programs(result: int, status: Status, words: str) -> None:
    params = RdpParams.parse({"hostname": "host.example", "remote-app": "||pad"})
    error = failures.remote_app(params, result)
    assert str(error).startswith("host 'host.example' ")
    assert words in str(error)
    assert error.status == status
