"""A server that sends its clients to another one."""

from __future__ import annotations

from typing import Any

import pytest
from pytds.tds_socket import _TdsSocket

from guacr.api import ForbiddenError, Network
from guacr.policy.client import NOBODY
from guacr.policy.policy import Policy
from guacr.policy.rule import Request
from guacr.settings.access import AccessSettings
from handlers.database.params import SqlserverParams
from handlers.database.sqlserver.adapter import SqlserverAdapter
from tests.support.certificates import Authority
from tests.support.sql_servers import PASSWORD
from tests.support.tds_server import tds_server


async def connected(monkeypatch: pytest.MonkeyPatch, route: str, *targets: str) -> str:
    """Connect to a server whose first answer is a route; return its greeting."""
    log_in, first = _TdsSocket.login, True

    def redirect(self: Any) -> Any:
        nonlocal first
        if not first:
            return log_in(self)
        first = False
        return {"server": route, "port": int(server["port"])}

    monkeypatch.setattr(_TdsSocket, "login", redirect)
    policy = Policy(AccessSettings.model_validate({"rules": [{"targets": targets}]}))
    network = Network(lambda: policy, Request(NOBODY, "sqlserver"), lambda *_: None)
    with tds_server(Authority()) as server:
        params = SqlserverParams.parse({**server, "tls": "require", "timeout": "5"})
        adapter = SqlserverAdapter(params, network=network)
        try:
            return await adapter.connect(PASSWORD)
        finally:
            await adapter.close()


async def test_a_route_that_the_rules_allow(monkeypatch: pytest.MonkeyPatch) -> None:
    assert (await connected(monkeypatch, "localhost", "127.0.0.1")).startswith("SQL Server")


async def test_a_route_that_they_do_not_allow(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ForbiddenError, match=r"host '127.0.0.2'"):
        await connected(monkeypatch, "127.0.0.2", "127.0.0.1")
