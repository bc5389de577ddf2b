from __future__ import annotations

import json

import pytest

from guacr.tubes.rtc import sdp
from guacr.tubes.rtc.dtls.certificate import Certificate
from guacr.tubes.rtc.sdp.description import SessionDescription, Setup
from tests.support.browser import Page

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

RELAYED = "{iceTransportPolicy: 'relay'}"
"""Without it, Chromium would announce its addresses to the network, by multicast DNS."""
OWN = SessionDescription(
    ufrag="abcdefghABCDEFGH",
    password="p" * 32,
    fingerprints=(Certificate.create().fingerprint,),
    candidates=("candidate:1 1 udp 2130706431 192.0.2.1 9 typ host",),
    end_of_candidates=True,
    keeper_version="2.2.9",
)


@pytest.mark.parametrize("sound", [False, True])
async def test_chromium_accepts_the_answer_to_its_offer(page: Page, sound: bool) -> None:
    offer = sdp.parse(
        await page.run(
            f"(async () => {{ window.peer = new RTCPeerConnection({RELAYED});"
            f"if ({json.dumps(sound)}) peer.addTransceiver('audio');"
            "peer.createDataChannel('x'); await peer.setLocalDescription();"
            "return peer.localDescription.sdp })()"
        )
    )
    assert offer.setup is Setup.ACTPASS
    assert len(offer.before) == sound
    answer = sdp.write(OWN.answering(offer))
    assert await page.run(
        f"peer.setRemoteDescription({{type: 'answer', sdp: {json.dumps(answer)}}})"
        ".then(() => [peer.signalingState, peer.sctp.maxMessageSize])"
    ) == ["stable", 65535]
    await page.run("peer.close()")


async def test_chromium_answers_our_offer(page: Page) -> None:
    text = json.dumps(sdp.write(OWN))
    answer = sdp.parse(
        await page.run(
            f"(async () => {{ const peer = new RTCPeerConnection({RELAYED});"
            f"await peer.setRemoteDescription({{type: 'offer', sdp: {text}}});"
            "await peer.setLocalDescription(); const text = peer.localDescription.sdp;"
            "peer.close(); return text })()"
        )
    )
    assert answer.answerer_is_client
    assert answer.mid == "0"
    assert answer.max_message_size == 65535  # the smaller one, which is ours
