"""TLS of x11vnc. With OpenSSL 3, it requires an RSA key, and a lower security level for anonymous
TLS."""

from __future__ import annotations

from pathlib import Path

import pytest

from guacr.daemon import Daemon
from guacr.protocol.status import Status
from tests.handlers.vnc.test_security import is_shown, refusal
from tests.support.certificates import Authority
from tests.support.xvnc import Desktop, password_file, x11vnc

ANY_LEVEL = """\
openssl_conf = defaults
[defaults]
ssl_conf = ssl
[ssl]
system_default = any_level
[any_level]
CipherString = DEFAULT:@SECLEVEL=0
"""


async def test_certificates(daemon: Daemon, desktop: Desktop, tmp_path: Path) -> None:
    authority = Authority()
    pair, path = authority.issue("server", rsa_key=True), tmp_path / "server.pem"
    path.write_text(pair.key + pair.certificate)
    login = ("-rfbauth", str(password_file(tmp_path, "secret12")))
    options = ("-ssl", str(path), "-vencrypt", "nodh:only")
    async with x11vnc(desktop, *options, login=login) as parameters:
        parameters |= {"ca-cert": authority.certificate, "password": "secret12"}
        await is_shown(daemon, parameters)
        sentence, _ = await refusal(daemon, parameters | {"ca-cert": Authority().certificate})
        assert "is not trusted" in sentence
        sentence, status = await refusal(daemon, parameters | {"password": "wrong"})
        assert status == Status.CLIENT_UNAUTHORIZED
        assert "login" in sentence  # its helper for TLS may lose the reason


@pytest.mark.parametrize(("mode", "with_password"), [("-vencrypt", False), ("-anontls", True)])
async def test_anonymous_tls(
    daemon: Daemon, desktop: Desktop, tmp_path: Path, mode: str, with_password: bool
) -> None:
    """As a VeNCrypt type, and as the security type 18."""
    pair, path = Authority().issue("server", rsa_key=True), tmp_path / "server.pem"
    path.write_text(pair.key + pair.certificate)
    level = tmp_path / "openssl.cnf"
    level.write_text(ANY_LEVEL)
    login = ("-rfbauth", str(password_file(tmp_path, "secret12"))) if with_password else ("-nopw",)
    kind = {"-vencrypt": "nox509:only", "-anontls": "only"}[mode]
    options = ("-ssl", str(path), mode, kind)
    async with x11vnc(desktop, *options, login=login, openssl=str(level)) as parameters:
        await is_shown(daemon, parameters | {"password": "secret12"})
        if with_password:
            _, status = await refusal(daemon, parameters | {"password": "wrong"})
            assert status == Status.CLIENT_UNAUTHORIZED
        pinned = parameters | {"cert-fingerprints": "00" * 32}
        sentence, status = await refusal(daemon, pinned)
        assert status == Status.UNSUPPORTED
        offered = 18 if with_password else 257
        assert f"only security types without a key of its own ({offered})" in sentence
