"""Each fuzz target for a moment, with inputs that are the same every time."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.fuzz import (
    conversation,
    driver,
    dtls,
    guacd,
    handshake,
    images,
    journal,
    parser,
    rdp_channel,
    rdp_clipboard,
    rdp_devices,
    rdp_gateway,
    rfb,
    rfb_rects,
    sctp,
    sdp,
    sftp,
    telnet,
    tubes,
)

try:
    from tests.fuzz import rdp_server
except ModuleNotFoundError:  # aardwolf is optional
    SERVER = []
else:
    SERVER = [pytest.param(rdp_server.one_input, rdp_server.SAMPLES, 500, id="rdp_server")]

TARGETS = [
    pytest.param(parser.one_input, parser.SAMPLES, 2000, id="parser"),
    pytest.param(handshake.one_input, handshake.SAMPLES, 2000, id="handshake"),
    pytest.param(guacd.one_input, guacd.SAMPLES, 2000, id="guacd"),
    pytest.param(telnet.one_input, telnet.SAMPLES, 2000, id="telnet"),
    pytest.param(images.one_input, images.SAMPLES, 2000, id="images"),
    pytest.param(journal.one_input, journal.SAMPLES, 2000, id="journal"),
    pytest.param(rdp_channel.one_input, rdp_channel.SAMPLES, 1000, id="rdp_channel"),
    pytest.param(rdp_clipboard.one_input, rdp_clipboard.SAMPLES, 300, id="rdp_clipboard"),
    pytest.param(rdp_devices.one_input, rdp_devices.SAMPLES, 300, id="rdp_devices"),
    pytest.param(rdp_gateway.one_input, rdp_gateway.SAMPLES, 1000, id="rdp_gateway"),
    pytest.param(tubes.one_input, tubes.SAMPLES, 2000, id="tubes"),
    pytest.param(conversation.one_input, conversation.SAMPLES, 500, id="conversation"),
    *SERVER,
    pytest.param(rfb.one_input, rfb.SAMPLES, 200, id="rfb"),
    pytest.param(sctp.one_input, sctp.SAMPLES, 500, id="sctp"),
    pytest.param(rfb_rects.one_input, rfb_rects.SAMPLES, 500, id="rfb_rects"),
    pytest.param(dtls.one_input, dtls.SAMPLES, 200, id="dtls"),
    pytest.param(sdp.one_input, sdp.SAMPLES, 1000, id="sdp"),
    pytest.param(sftp.one_input, sftp.SAMPLES, 2000, id="sftp"),
]


@pytest.mark.parametrize(("target", "samples", "count"), TARGETS)
def test_a_short_run(target: driver.Target, samples: list[bytes], count: int) -> None:
    driver.run(target, samples, count=count)


def test_a_failing_input_is_shown() -> None:
    def picky(data: bytes) -> None:
        assert b"bad" not in data

    with pytest.raises(AssertionError) as raised:
        driver.run(picky, [b"good", b"bad"], count=1)
    assert raised.value.__notes__ == ["with the input b'bad'"]


def test_the_command() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.fuzz.parser", "--seconds", "0.1", "--seed", "7"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.startswith("seed 7\n")
    assert "no failure" in done.stdout
