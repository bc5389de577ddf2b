"""A test of what tubes need of the network: names, ports, STUN and TURN.

The names of the tests are those of keeper-pam-webrtc-rs, with two more. Its test of servers of AWS
is skipped.
"""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from typing import Any, TypeAlias

from guacr.addresses import place
from guacr.errors import GuacrError, shorten
from guacr.tubes.compat.ice import stun_url
from guacr.tubes.errors import TubeSettingsError
from guacr.tubes.rtc.ice.settings import IceServer, IceSettings
from guacr.tubes.rtc.peer import PeerConnection, PeerSettings

TIMEOUT, TIMEOUT_MAX = 10.0, 300.0
"""Seconds for each test."""
SERVER_WAIT_MIN, SERVER_WAIT_MAX = 0.1, 5.0
"""Seconds for the candidates of the server."""

Result: TypeAlias = dict[str, Any]
SKIPPED = "aws_connectivity"
_LINE = "=" * 80
_ADVICE = {
    "dns_resolution": "Let this machine resolve the name of the server.",
    "tcp_connectivity": "Allow TCP to the port of the server, if TURN over TCP is wanted.",
    "udp_binding": "Allow UDP sockets on this machine.",
    "stun_binding": "Allow UDP to the port of the server, and its answers.",
    "turn_allocation": "Check the credentials for TURN, and that the server's relay is reachable.",
}


class ConnectivityTest:
    """Tests one server.

    Args:
        server: its name or address, with a port or without.
        settings: `use_turn`, `turn_only`, and `test_filter`, a list of the tests to run, all by
            default.
        timeout: seconds for each test.
        credentials: username and password for TURN; empty without.

    Raises:
        TubeSettingsError: the server is no name and no address, or there is no such test.
    """

    def __init__(
        self,
        server: str,
        settings: Mapping[str, Any],
        timeout: float,
        credentials: tuple[str, str],
    ) -> None:
        self._server = server
        self._stun = stun = IceServer(stun_url(server))
        self._host, self._port = stun.host, stun.port
        self._place = place(stun.host, stun.port)
        self._settings = settings
        self._timeout = min(timeout, TIMEOUT_MAX)
        self._credentials = credentials if settings.get("use_turn", True) else ("", "")
        self._candidates: tuple[str, ...] | None = None
        self._results: dict[str, Result] = {}
        self._tests = self._wanted()

    async def run(self) -> Result:
        """Run all tests, one after the other, and return the results by name."""
        started, begin = datetime.now(UTC), time.monotonic()
        for name, test in self._tests.items():
            await self._test(name, test)
        failed = [name for name, result in self._results.items() if not result["success"]]
        duration = _milliseconds(begin)
        ending = f"with {len(failed)} failures in {duration}ms"
        return {
            "server": self._server,
            "test_started_at": started.isoformat(),
            "timeout_seconds": self._timeout,
            "settings": dict(self._settings),
            **self._results,
            "test_results": [
                {"test_name": name, **result} for name, result in self._results.items()
            ],
            "overall_result": {
                "success": not failed,
                "message": f"Connectivity test completed {ending}",
                "tests_run": len(self._results),
                "total_duration_ms": duration,
            },
            "advanced_diagnostics": {},
            "recommendations": [_ADVICE[name] for name in failed if name in _ADVICE]
            or ["Everything that tubes need works."],
            "suggested_cli_tests": [
                f"ping {self._host}",
                f"turnutils_stunclient -p {self._port} {self._host}",
            ],
        }

    def _wanted(self) -> dict[str, Callable[[], Awaitable[str]]]:
        tests: dict[str, Callable[[], Awaitable[str]]] = {
            "dns_resolution": self._resolve,
            "tcp_connectivity": self._connect,
            "udp_binding": self._bind,
            "ice_configuration": self._configure,
            "webrtc_peer_connection": self._gather,
            "stun_binding": self._find_reflexive,
        }
        if any(self._credentials):
            tests["turn_allocation"] = self._find_relayed
        wanted = set(self._settings.get("test_filter") or tests)
        if unknown := wanted - {*tests, SKIPPED}:
            raise TubeSettingsError(
                f"there is no test {shorten(min(unknown))}: choose of {', '.join(tests)}"
            )
        found = {name: test for name, test in tests.items() if name in wanted}
        return found | ({SKIPPED: self._skip} if SKIPPED in wanted else {})

    async def _test(self, name: str, test: Callable[[], Awaitable[str]]) -> None:
        begin = time.monotonic()
        try:
            async with asyncio.timeout(self._timeout):
                message = await test()
        except (OSError, GuacrError) as error:  # a TimeoutError is an OSError
            text = str(error) or f"no answer within {self._timeout:g} s"
            self._results[name] = {"success": False, "message": text, "error": text}
        else:
            self._results[name] = {"success": True, "message": message}
        self._results[name]["duration_ms"] = _milliseconds(begin)

    async def _resolve(self) -> str:
        loop = asyncio.get_running_loop()
        found = await loop.getaddrinfo(self._host, self._port, type=socket.SOCK_DGRAM)
        return f"Successfully resolved {self._host} to {len(found)} IP addresses"

    async def _connect(self) -> str:
        _, writer = await asyncio.open_connection(self._host, self._port)
        writer.close()
        return f"TCP connection to {self._place} successful"

    async def _bind(self) -> str:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
            one.bind(("", 0))
        return "Successfully bound a UDP socket"

    async def _skip(self) -> str:
        return "skipped: guacr does not ask servers of AWS"

    def _servers(self) -> tuple[IceServer, ...]:
        if not any(self._credentials):
            return (self._stun,)
        return self._stun, IceServer(f"turn:{self._place}", *self._credentials)

    async def _configure(self) -> str:
        return f"Generated ICE configuration with {len(self._servers())} servers"

    async def _gather(self) -> str:
        ice = IceSettings(
            servers=self._servers(),
            relay_only=self._settings.get("turn_only") is True,
            description_wait=max(SERVER_WAIT_MIN, min(self._timeout / 2, SERVER_WAIT_MAX)),
        )
        peer = PeerConnection(PeerSettings(ice=ice, trickle=False), offers=True)
        try:
            await peer.create_offer()
            self._candidates = found = peer.local_candidates
        finally:
            await peer.close()
        return f"{len(found)} ICE candidates gathered"

    async def _find_reflexive(self) -> str:
        return await self._found("srflx", "STUN")

    async def _find_relayed(self) -> str:
        return await self._found("relay", "TURN")

    async def _found(self, kind: str, what: str) -> str:
        if self._candidates is None:
            await self._gather()
        found = [one for one in self._candidates or () if f" typ {kind}" in one]
        if not found:
            raise OSError(f"no candidate by {what} from {self._place}")
        return f"{len(found)} candidates by {what}"


def formatted(results: Mapping[str, Any], *, detailed: bool) -> str:
    """Return results as a text for people.

    Args:
        results: of `ConnectivityTest.run`.
        detailed: with the errors and the settings.
    """
    lines = [_LINE, "WebRTC Connectivity Test Results", _LINE]
    lines += [
        f"Server: {results.get('server')}",
        f"Test Time: {results.get('test_started_at')}",
        f"Timeout: {results.get('timeout_seconds')}s",
        "",
    ]
    if detailed:
        settings = results.get("settings") or {}
        lines += [f"  {key}: {value}" for key, value in settings.items()]
    for one in results.get("test_results") or []:
        verdict = "PASS" if one.get("success") else "FAIL"
        title = str(one.get("test_name")).replace("_", " ").title()
        lines += [
            f"{verdict} {title:25} ({one.get('duration_ms')}ms)",
            f"     {one.get('message')}",
        ]
    overall = results.get("overall_result") or {}
    lines += ["", "ALL TESTS PASSED" if overall.get("success") else "TESTS FAILED", ""]
    lines += [f"{n}. {text}" for n, text in enumerate(results.get("recommendations") or [], 1)]
    return "\n".join([*lines, _LINE])


def _milliseconds(begin: float) -> int:
    return round((time.monotonic() - begin) * 1000)
