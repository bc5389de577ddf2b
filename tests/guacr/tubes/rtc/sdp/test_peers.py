"""Other libraries read what is written here."""

from __future__ import annotations

import pytest

from guacr.tubes.rtc import sdp
from guacr.tubes.rtc.dtls.certificate import Certificate
from guacr.tubes.rtc.sdp.description import SessionDescription

aiortc = pytest.importorskip("aiortc", reason="aiortc is not installed")

WITHOUT_SERVERS = aiortc.RTCConfiguration(iceServers=[])  # by default it asks one on the internet
OWN = SessionDescription(
    ufrag="abcdefghABCDEFGH",
    password="p" * 32,
    fingerprints=(Certificate.create().fingerprint,),
    keeper_version="2.2.9",
)


async def test_aiortc_answers_an_offer() -> None:
    peer = aiortc.RTCPeerConnection(WITHOUT_SERVERS)
    offer = aiortc.RTCSessionDescription(sdp=sdp.write(OWN), type="offer")
    await peer.setRemoteDescription(offer)
    await peer.setLocalDescription(await peer.createAnswer())
    answer = sdp.parse(peer.localDescription.sdp)
    await peer.close()
    assert answer.answerer_is_client
    assert answer.end_of_candidates
    assert len(answer.fingerprints) == 3


async def test_aiortc_accepts_the_answer_to_its_offer() -> None:
    peer = aiortc.RTCPeerConnection(WITHOUT_SERVERS)
    peer.createDataChannel("x")
    await peer.setLocalDescription(await peer.createOffer())
    answer = sdp.write(OWN.answering(sdp.parse(peer.localDescription.sdp)))
    await peer.setRemoteDescription(aiortc.RTCSessionDescription(sdp=answer, type="answer"))
    assert peer.signalingState == "stable"
    await peer.close()
