"""The parameters are guacd's, by name and order; guacr's own follow."""

from __future__ import annotations

import pytest

from guacr.daemon import Daemon
from guacr.display.encoder import Quality
from guacr.session.configured import problems
from guacr.session.protocols import Protocols
from guacr.settings.models import Connection, Settings
from guacr.testing.client import GuacClient
from guacr.testing.daemon import address
from handlers.rdp.params import RdpParams
from tests.support.waiting import free_port

NAMES = """
hostname port timeout domain username password width height dpi initial-program color-depth
disable-audio enable-printing printer-name enable-drive drive-name drive-path create-drive-path
disable-download disable-upload console console-audio server-layout security ignore-cert cert-tofu
cert-fingerprints disable-auth remote-app remote-app-dir remote-app-args static-channels
client-name enable-wallpaper enable-theming enable-font-smoothing enable-full-window-drag
enable-desktop-composition enable-menu-animations disable-bitmap-caching disable-offscreen-caching
disable-glyph-caching disable-gfx preconnection-id preconnection-blob timezone enable-sftp
sftp-hostname sftp-host-key sftp-port sftp-timeout sftp-username sftp-password sftp-private-key
sftp-passphrase sftp-public-key sftp-directory sftp-root-directory sftp-server-alive-interval
sftp-disable-download sftp-disable-upload recording-path recording-name recording-exclude-output
recording-exclude-mouse recording-exclude-touch recording-include-keys recording-include-clipboard
create-recording-path recording-write-existing resize-method enable-audio-input enable-touch
read-only gateway-hostname gateway-port gateway-domain gateway-username gateway-password
load-balance-info clipboard-buffer-size disable-copy disable-paste wol-send-packet wol-mac-addr
wol-broadcast-addr wol-udp-port wol-wait-time force-lossless normalize-clipboard
""".split()  # noqa: SIM905 - a list of 90 strings is no easier to read


def test_names_and_their_order_are_guacds() -> None:
    names = [param.name for param in RdpParams.declared()]
    assert names[: len(NAMES)] == NAMES
    own = "ca-cert autoretry disable-scaling monitors gateway-ca-cert picture-quality"
    assert names[len(NAMES) :] == own.split()


def test_the_port_depends_on_the_security_protocol() -> None:
    assert RdpParams().used_port == 3389
    assert RdpParams.parse({"security": "vmconnect"}).used_port == 2179
    assert RdpParams.parse({"security": "vmconnect", "port": "99"}).used_port == 99


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({}, "hostname is empty"),
        ({"hostname": "h", "cert-fingerprints": "12"}, "not a SHA-256 fingerprint"),
        ({"hostname": "h", "ca-cert": "junk"}, "ca-cert contains no PEM certificate"),
        ({"hostname": "h", "wol-send-packet": "true"}, "wol-mac-addr is empty"),
        ({"hostname": "h", "gateway-hostname": "https://g/rdp"}, "without https:// and path"),
        ({"hostname": "h", "gateway-ca-cert": "junk"}, "gateway-ca-cert contains no PEM"),
        ({"hostname": "h", "static-channels": "a,toolongname"}, "names of up to 7 ASCII"),
        ({"hostname": "h", "remote-app": "x" * 261}, "remote-app is too long"),
        ({"hostname": "h", "load-balance-info": "x" * 239}, "RDP has room for 238 bytes"),
        ({"hostname": "h", "enable-drive": "true"}, "drive-path is empty"),
        ({"hostname": "h", "enable-drive": "true", "drive-path": "a"}, "an absolute path"),
        ({"hostname": "h", "enable-drive": "true", "drive-path": "/nowhere"}, "create it, or set"),
        (
            {
                "hostname": "h",
                "enable-drive": "true",
                "drive-path": "/nowhere/new",
                "create-drive-path": "true",
            },
            "is in does not exist",
        ),
        ({"hostname": "h", "server-layout": "de-xx"}, "unknown layout 'de-xx': use de-ch-qwertz, "),
    ],
)
def test_what_cannot_work_is_refused_before_anything_is_connected(
    values: dict[str, str], sentence: str
) -> None:
    (problem,) = problems(Protocols(), Settings(), Connection(protocol="rdp", parameters=values))
    assert sentence in problem


@pytest.mark.parametrize(
    ("values", "quality"),
    [
        ({}, Quality.AUTOMATIC),
        ({"picture-quality": "low"}, Quality.LOW),
        ({"picture-quality": "low", "force-lossless": "true"}, Quality.LOSSLESS),
    ],
)
def test_quality(values: dict[str, str], quality: Quality) -> None:
    assert RdpParams.parse(values).quality == quality


async def test_the_log_names_the_port_and_the_user_with_the_domain(
    daemon: Daemon, caplog: pytest.LogCaptureFixture
) -> None:
    port = str(free_port())
    values = {"hostname": "127.0.0.1", "port": port, "username": "ann", "domain": "CORP"}
    async with await GuacClient.connect(address(daemon), "rdp", values) as client:
        await client.wait_closed()
    assert f"session ended: CORP\\ann at 127.0.0.1:{port}" in caplog.text
