"""Fuzzes session descriptions: each is refused, or written and read again alike."""

from __future__ import annotations

import base64

from guacr.tubes.errors import SdpError
from guacr.tubes.rtc import sdp
from guacr.tubes.rtc.dtls.fingerprint import Fingerprint
from guacr.tubes.rtc.sdp.description import SessionDescription
from tests.fuzz.driver import main
from tests.guacr.tubes.rtc.sdp.descriptions import DESCRIPTIONS

SAMPLES = [text.encode() for text in DESCRIPTIONS.values()] + [
    text.replace("\r\n", "\n").encode() for text in DESCRIPTIONS.values()
]
OWN = SessionDescription(ufrag="u" * 16, password="p" * 32, fingerprints=(Fingerprint.of(b""),))


def one_input(data: bytes) -> None:
    """A peer whose description is `data`; only an `SdpError` may come of it."""
    try:
        text = sdp.decode(base64.b64encode(data).decode())
        offer = sdp.parse(text)
    except SdpError:
        return
    assert sdp.parse(sdp.write(offer)) == offer
    answer = sdp.write(OWN.answering(offer))
    assert answer.count("\nm=") == 1 + len(offer.before) + len(offer.after)
    assert sdp.parse(answer).mid == offer.mid


if __name__ == "__main__":
    main(one_input, SAMPLES)
