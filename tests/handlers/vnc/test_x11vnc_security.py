"""VeNCrypt of x11vnc. With OpenSSL 3, it requires an RSA key, and its anonymous TLS fails."""

from __future__ import annotations

from pathlib import Path

import pytest

from guacr.daemon import Daemon
from guacr.protocol.status import Status
from tests.handlers.vnc.test_security import is_shown, refusal
from tests.support.certificates import Authority
from tests.support.xvnc import Desktop, password_file, x11vnc


@pytest.mark.parametrize("with_password", [True, False])
async def test_certificates(
    daemon: Daemon, desktop: Desktop, tmp_path: Path, with_password: bool
) -> None:
    authority = Authority()
    pair, path = authority.issue("server", rsa_key=True), tmp_path / "server.pem"
    path.write_text(pair.key + pair.certificate)
    login = ("-rfbauth", str(password_file(tmp_path, "secret12"))) if with_password else ("-nopw",)
    options = ("-ssl", str(path), "-vencrypt", "nodh:only")
    async with x11vnc(desktop, *options, login=login) as parameters:
        parameters |= {"ca-cert": authority.certificate, "password": "secret12"}
        await is_shown(daemon, parameters)
        sentence, _ = await refusal(daemon, parameters | {"ca-cert": Authority().certificate})
        assert "is not trusted" in sentence
        if with_password:
            sentence, status = await refusal(daemon, parameters | {"password": "wrong"})
            assert status == Status.CLIENT_UNAUTHORIZED
            assert "login" in sentence  # its helper for TLS may lose the reason
