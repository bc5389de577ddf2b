"""The parameters are guacd's, by name and order; guacr's own follow."""

from __future__ import annotations

import ssl

import pytest

from guacr.session.configured import problems
from guacr.session.protocols import Protocols
from guacr.settings.models import Connection, Settings
from handlers.vnc.options import encodings_of
from handlers.vnc.params import VncParams
from handlers.vnc.rfb import numbers

NAMES = """
hostname port read-only disable-display-resize encodings username password swap-red-blue
color-depth cursor autoretry clipboard-encoding dest-host dest-port enable-audio
audio-servername reverse-connect listen-timeout enable-sftp sftp-hostname sftp-host-key
sftp-port sftp-timeout sftp-username sftp-password sftp-private-key sftp-passphrase
sftp-public-key sftp-directory sftp-root-directory sftp-server-alive-interval
sftp-disable-download sftp-disable-upload recording-path recording-name recording-exclude-output
recording-exclude-mouse recording-include-keys recording-include-clipboard create-recording-path
recording-write-existing clipboard-buffer-size disable-copy disable-paste disable-server-input
wol-send-packet wol-mac-addr wol-broadcast-addr wol-udp-port wol-wait-time force-lossless
compress-level quality-level
""".split()  # noqa: SIM905 - a list of 53 strings is no easier to read


def problems_of(values: dict[str, str]) -> list[str]:
    """What is wrong with a connection that has these parameters."""
    return problems(Protocols(), Settings(), Connection(protocol="vnc", parameters=values))


def test_names_and_their_order_are_guacds() -> None:
    names = [param.name for param in VncParams.declared()]
    assert names[: len(NAMES)] == NAMES
    own = "timeout ca-cert ignore-cert cert-fingerprints server-alive-interval picture-quality"
    assert names[len(NAMES) :] == own.split()


def test_encodings_are_asked_for_in_order() -> None:
    wanted = encodings_of(VncParams.parse({"encodings": "ZRLE ultra raw"}))
    assert wanted[:2] == [numbers.ZRLE, numbers.RAW]
    assert numbers.COPY_RECT in wanted
    assert numbers.QUALITY_0 + 5 in wanted
    assert numbers.COMPRESSION_0 + 2 in wanted


def test_no_jpeg_is_asked_for_where_nothing_may_be_lost() -> None:
    wanted = encodings_of(VncParams.parse({"force-lossless": "true", "quality-level": "9"}))
    assert not [number for number in wanted if -32 <= number <= -23]


def test_the_pointer_is_the_hosts_where_that_is_wanted() -> None:
    assert numbers.CURSOR in encodings_of(VncParams())
    assert numbers.CURSOR not in encodings_of(VncParams.parse({"cursor": "remote"}))


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"hostname": "h", "encodings": "zrle magic"}, "unknown encoding 'magic'"),
        ({"hostname": "h", "clipboard-encoding": "klingon"}, "unknown encoding 'klingon'"),
        ({"hostname": "h", "clipboard-encoding": "hex"}, "unknown encoding 'hex'"),
        ({"hostname": "h", "clipboard-encoding": "idna"}, "unknown encoding 'idna'"),
        ({"hostname": "h", "clipboard-encoding": "utf-8\0"}, "unknown encoding"),
        ({"hostname": "h", "ca-cert": "PEM"}, "ca-cert contains no PEM certificate"),
        ({}, "hostname is empty"),
    ],
)
def test_what_cannot_be_used_is_told(values: dict[str, str], sentence: str) -> None:
    (problem,) = problems_of(values)
    assert sentence in problem


def test_all_problems_are_told() -> None:
    values = {
        "port": "0",
        "encodings": "tight zrrle",
        "clipboard-encoding": "klingon",
        "dest-host": "..",
        "ca-cert": "PEM",
        "audio-servername": "unix:/run/pulse/native",
    }
    found = problems_of(values)
    for name in (*values, "hostname"):
        assert [f"parameter {name} " in problem for problem in found].count(True) == 1, found


def test_a_check_loads_no_certificates_of_the_system(monkeypatch: pytest.MonkeyPatch) -> None:
    loaded: list[object] = []
    monkeypatch.setattr(ssl.SSLContext, "load_default_certs", loaded.append)
    assert not problems_of({"hostname": "h"})
    assert not loaded
