from __future__ import annotations

import re
import time
from dataclasses import replace

import pytest

from guacr.tubes.errors import SdpError
from guacr.tubes.rtc import sdp
from guacr.tubes.rtc.dtls.certificate import Certificate
from guacr.tubes.rtc.ice.candidates import parse as parse_candidate
from guacr.tubes.rtc.sdp.description import Refused, SessionDescription, Setup
from guacr.tubes.rtc.sdp.parser import CANDIDATES_MAX, LINES_MAX, MEDIA_MAX
from tests.guacr.tubes.rtc.sdp.descriptions import DESCRIPTIONS, KEEPER

OFFER = DESCRIPTIONS["keeper-trickle-offer"]
FINGERPRINT = Certificate.create().fingerprint
OWN = SessionDescription(
    ufrag="abcdefgh",
    password="p" * 32,
    fingerprints=(FINGERPRINT,),
    keeper_version="2.2.9",
)
OLD = (
    "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\nm=application 9 DTLS/SCTP 5001\r\n"
    f"a=fingerprint:sha-256 {FINGERPRINT.value}\r\na=ice-ufrag:abcd\r\na=ice-pwd:{'p' * 22}\r\n"
    "a=setup:actpass\r\na=mid:data\r\na=sctpmap:5001 webrtc-datachannel 1024\r\n"
)


def changed(pattern: str, line: str, text: str = OFFER) -> str:
    """The description with one line changed, which has to be there."""
    result, count = re.subn(f"^{pattern}.*\r\n", line and f"{line}\r\n", text, flags=re.MULTILINE)
    assert count == 1
    return result


@pytest.mark.parametrize("name", KEEPER)
def test_what_keepers_library_writes_is_written_again_alike(name: str) -> None:
    assert sdp.write(sdp.parse(KEEPER[name])) == KEEPER[name]


@pytest.mark.parametrize("name", DESCRIPTIONS)
def test_descriptions_of_every_library_are_read(name: str) -> None:
    found = sdp.parse(DESCRIPTIONS[name])
    assert found.setup is (Setup.ACTIVE if name.endswith("answer") else Setup.ACTPASS)
    assert found.sctp_port == 5000
    assert f"a=ice-ufrag:{found.ufrag}\r\n" in DESCRIPTIONS[name]
    assert f"a=ice-pwd:{found.password}\r\n" in DESCRIPTIONS[name]
    assert f"sha-256 {found.fingerprints[0].value}\r\n" in DESCRIPTIONS[name]
    assert f"a=max-message-size:{found.max_message_size}\r\n" in DESCRIPTIONS[name]
    assert found.bundled
    assert found.protocol == "UDP/DTLS/SCTP"
    assert found.keeper_version == ("2.2.9" if name in KEEPER else None)


@pytest.mark.parametrize("name", DESCRIPTIONS)
def test_a_description_is_the_same_after_it_was_written_and_read(name: str) -> None:
    found = sdp.parse(DESCRIPTIONS[name])
    assert sdp.parse(sdp.write(found)) == found


def test_what_a_description_says() -> None:
    found = sdp.parse(KEEPER["keeper-offer"])
    assert found.session_id == 1383655901145324225
    assert found.session_version == 789205565
    assert found.mid == "0"
    assert found.max_message_size == 65535
    assert len(found.candidates) == 4
    assert found.candidates[0] == "candidate:2722046357 1 udp 2130706431 fd00::2 58194 typ host"
    assert found.end_of_candidates
    assert not sdp.parse(OFFER).end_of_candidates
    assert sdp.parse(DESCRIPTIONS["chromium-offer"]).ice_options == ("trickle",)
    assert sdp.parse(DESCRIPTIONS["libdatachannel-offer"]).ice_options == ("ice2", "trickle")
    assert [one.algorithm for one in sdp.parse(DESCRIPTIONS["aiortc-offer"]).fingerprints] == [
        "sha-256",
        "sha-384",
        "sha-512",
    ]


PION = """v=0
o=- 7193157174393298413 1629788541 IN IP4 0.0.0.0
s=-
t=0 0
a=fingerprint:sha-256 {fingerprint}
a=extmap-allow-mixed
a=group:BUNDLE 0
m=application 9 {protocol}
c=IN IP4 0.0.0.0
a=setup:{setup}
a=mid:0
a=sendrecv
a={port}
a=ice-ufrag:sbBEWiGbXqtQgVqR
a=ice-pwd:CrGQsVbYCPEJyRmIFVzYtexDVtSBQrQh
a=candidate:2722046357 1 udp 2130706431 fd00::2 40391 typ host
a=candidate:2722046357 2 udp 2130706431 fd00::2 40391 typ host
a=candidate:233762139 1 udp 2130706431 192.0.2.2 52020 typ host generation 0
a=candidate:233762139 2 udp 2130706431 192.0.2.2 52020 typ host generation 0
a=end-of-candidates
"""
"""In the form of pion, of version 3 and later, and of 2."""


@pytest.mark.parametrize("setup", ["actpass", "active"])
@pytest.mark.parametrize(
    ("protocol", "port"),
    [
        ("UDP/DTLS/SCTP webrtc-datachannel", "sctp-port:5000"),
        ("DTLS/SCTP 5000", "sctpmap:5000 webrtc-datachannel 1024"),
    ],
)
def test_pion(protocol: str, port: str, setup: str) -> None:
    """It says no limit of messages, and tells each candidate for two components."""
    value = OWN.fingerprints[0].value
    text = PION.format(protocol=protocol, port=port, setup=setup, fingerprint=value)
    found = sdp.parse(text.replace("\n", "\r\n"))
    assert found.fingerprints == OWN.fingerprints
    assert (found.ufrag, found.setup) == ("sbBEWiGbXqtQgVqR", setup)
    assert (found.sctp_port, found.max_message_size) == (5000, 65536)
    assert (found.bundled, found.mid, found.end_of_candidates) == (True, "0", True)
    usable = [one for one in map(parse_candidate, found.candidates) if one is not None]
    assert [(one.candidate.host, one.candidate.port) for one in usable] == [
        ("fd00::2", 40391),
        ("192.0.2.2", 52020),
    ]
    if setup == "actpass":
        answer = sdp.write(OWN.answering(found))
        assert f"m=application 9 {protocol}\r\n" in answer
        assert "a=setup:active\r\n" in answer


def test_the_password_is_not_shown() -> None:
    assert OWN.password not in repr(OWN)


def test_lines_may_end_in_lf() -> None:
    assert sdp.parse(OFFER.replace("\r\n", "\n")) == sdp.parse(OFFER)


def test_unknown_lines_are_passed_over() -> None:
    odd = "b=AS:30\r\na=x-unknown:\xff\u2028\r\nno line at all\r\n\r\nz=\r\na\r\na=\r\na=:\r\n"
    assert sdp.parse(OFFER + odd) == sdp.parse(OFFER)
    assert sdp.parse(changed("t=", f"t=0 0\r\n{odd}")) == sdp.parse(OFFER)


def test_an_origin_that_cannot_be_read_does_not_matter() -> None:
    found = sdp.parse(changed("o=", "o=nobody"))
    assert (found.session_id, found.session_version) == (0, 0)


def test_the_media_description_comes_before_the_session() -> None:
    own = f"a=fingerprint:sha-256 {FINGERPRINT.value}\r\na=setup:actpass"
    found = sdp.parse(changed("a=setup", own))
    assert found.fingerprints == (FINGERPRINT,)


def test_attributes_of_the_session_hold_for_the_media_description() -> None:
    text = OFFER
    for name in ("ice-ufrag", "ice-pwd", "setup"):
        line = re.findall(f"^a={name}:.*\r\n", text, re.MULTILINE)[0]
        text = text.replace(line, "").replace("t=0 0\r\n", f"t=0 0\r\n{line}")
    assert sdp.parse(text) == sdp.parse(OFFER)


@pytest.mark.parametrize(
    ("line", "size"),
    [("", 65536), ("a=max-message-size:0", 0), ("a=max-message-size:1073741823", 1073741823)],
)
def test_the_longest_message(line: str, size: int) -> None:
    assert sdp.parse(changed("a=max-message-size", line)).max_message_size == size


def test_the_port_of_sctp_is_5000_unless_it_is_given() -> None:
    assert sdp.parse(changed("a=sctp-port", "")).sctp_port == 5000
    assert sdp.parse(changed("a=sctp-port", "a=sctp-port:5001")).sctp_port == 5001


def test_descriptions_before_rfc_8841() -> None:
    found = sdp.parse(OLD)
    assert (found.sctp_port, found.max_message_size, found.sctpmap) == (5001, 65536, True)
    assert (found.mid, found.bundled, found.protocol) == ("data", False, "DTLS/SCTP")
    answer = sdp.write(OWN.answering(found))
    assert "m=application 9 DTLS/SCTP 5000\r\n" in answer
    assert "a=sctpmap:5000 webrtc-datachannel 65535\r\n" in answer
    assert "BUNDLE" not in answer
    assert sdp.parse(answer).mid == "data"


@pytest.mark.parametrize("form", ["x", "²", "webrtc-datachannel2"])
def test_what_a_sctpmap_names_has_to_be_a_port(form: str) -> None:
    text = OLD.replace("DTLS/SCTP 5001", f"DTLS/SCTP {form}").replace("p:5001", f"p:{form}")
    with pytest.raises(SdpError):
        sdp.parse(text)


def test_an_answer_without_mid() -> None:
    text = changed("a=mid", "", changed("a=group", ""))
    answer = sdp.write(OWN.answering(sdp.parse(text)))
    assert "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\n" in answer
    assert "a=mid" not in answer
    assert "a=group" not in answer


@pytest.mark.parametrize(
    ("offered", "answered"),
    [("actpass", Setup.ACTIVE), ("passive", Setup.ACTIVE), ("active", Setup.PASSIVE)],
)
def test_the_part_in_the_handshake(offered: str, answered: Setup) -> None:
    answer = OWN.answering(sdp.parse(changed("a=setup", f"a=setup:{offered}")))
    assert answer.setup is answered
    assert answer.answerer_is_client is (answered is Setup.ACTIVE)


def test_an_answer_has_to_choose_its_part() -> None:
    with pytest.raises(SdpError, match="a=setup:active or a=setup:passive"):
        _ = sdp.parse(changed("a=setup", "")).answerer_is_client


def test_the_answer_to_an_offer_with_sound_refuses_the_sound() -> None:
    offer = sdp.parse(DESCRIPTIONS["chromium-sound-offer"])
    assert offer.before == (Refused("audio", "UDP/TLS/RTP/SAVPF", "111", "0"),)
    assert (offer.mid, offer.after) == ("1", ())
    lines = sdp.write(OWN.answering(offer)).splitlines()
    assert [line for line in lines if line.startswith("m=")] == [
        "m=audio 0 UDP/TLS/RTP/SAVPF 111",
        "m=application 9 UDP/DTLS/SCTP webrtc-datachannel",
    ]
    assert "a=group:BUNDLE 1" in lines
    assert lines[-1] == "a=keeper-webrtc:2.2.9"


def test_second_data_channels_and_all_that_follows_are_refused() -> None:
    more = (
        "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\na=mid:1\r\nm=video 9/2 RTP/AVP 96\r\n"
    )
    offer = sdp.parse(OFFER + more)
    assert offer.mid == "0"
    assert offer.after == (
        Refused("application", "UDP/DTLS/SCTP", "webrtc-datachannel", "1"),
        Refused("video", "RTP/AVP", "96"),
    )
    answer = sdp.write(OWN.answering(offer))
    assert "m=video 0 RTP/AVP 96\r\n" in answer
    assert answer.endswith("a=keeper-webrtc:2.2.9\r\n")
    assert sdp.parse(answer).after == offer.after


def test_a_bundled_description_has_the_transport_of_the_first() -> None:
    text = DESCRIPTIONS["chromium-sound-offer"]
    at = text.index("m=application")
    data = "".join(
        line
        for line in text[at:].splitlines(keepends=True)
        if not line.startswith(("a=ice", "a=fingerprint", "a=candidate", "a=setup"))
    ).replace("m=application 9", "m=application 0")
    found = sdp.parse(f"{text[:at]}{data}a=bundle-only\r\n")
    whole = sdp.parse(text)
    assert found.ufrag == whole.ufrag
    assert found.fingerprints == whole.fingerprints
    assert len(found.candidates) == 2


def test_data_channels_that_the_peer_has_refused() -> None:
    with pytest.raises(SdpError, match="has refused the data channels"):
        sdp.parse(OFFER.replace("m=application 9", "m=application 0"))


@pytest.mark.parametrize(
    ("pattern", "line", "sentence"),
    [
        ("v=", "", "a description begins with v=0, not with 'o=- 83"),
        ("v=", "v=1", "a description begins with v=0, not with 'v=1'"),
        ("m=", "m=audio 9 RTP/AVP 0", "has no data channel: create one before the offer"),
        ("m=", "m=application 9 UDP/DTLS/SCTP other", "has no data channel"),
        ("m=", "m=application 9 RTP/AVP webrtc-datachannel", "has no data channel"),
        ("m=", "m=application nine UDP/DTLS/SCTP x", "the media description is invalid"),
        ("m=", "", "has no data channel"),
        ("a=ice-ufrag", "", "the description has no a=ice-ufrag"),
        ("a=ice-ufrag", "a=ice-ufrag:abc", "a=ice-ufrag has an invalid value"),
        ("a=ice-ufrag", "a=ice-ufrag:ab:cd", "a=ice-ufrag has an invalid value"),
        ("a=ice-ufrag", f"a=ice-ufrag:{'x' * 257}", "a=ice-ufrag has an invalid value"),
        ("a=ice-pwd", "", "the description has no a=ice-pwd"),
        ("a=ice-pwd", f"a=ice-pwd:{'s' * 21}", "a=ice-pwd has an invalid value$"),
        ("a=fingerprint", "", "no fingerprint by one of sha-256, sha-384, sha-512"),
        ("a=fingerprint", "a=fingerprint:sha-1 00:11", "no fingerprint by one of sha-256"),
        ("a=fingerprint", "a=fingerprint:sha-256 00:11", "the value is not 32 bytes"),
        ("a=fingerprint", f"a=fingerprint:sha-256 {'0 ' * 47}0", "the value is not 32 bytes"),
        ("a=setup", "a=setup:holdconn", "a=setup:'holdconn' is not supported"),
        ("a=mid", "a=mid:a b", "a=mid has an invalid value: 'a b'"),
        ("a=mid", "a=mid:x\ra=y", "a=mid has an invalid value"),
        ("a=sctp-port", "a=sctp-port:0", "the port of SCTP is 0: it has to be from 1 to 65535"),
        ("a=sctp-port", "a=sctp-port:65536", "the port of SCTP is 65536"),
        ("a=sctp-port", "a=sctp-port:-1", "a=sctp-port is not a number: '-1'"),
        ("a=max-message-size", "a=max-message-size:", "a=max-message-size is not a number: ''"),
        ("a=max-message-size", f"a=max-message-size:{'9' * 20}", "is not a number"),
        ("a=max-message-size", f"a=max-message-size:{'9' * 5000}", "is not a number"),
    ],
)
def test_errors_are_sentences(pattern: str, line: str, sentence: str) -> None:
    with pytest.raises(SdpError, match=sentence) as raised:
        sdp.parse(changed(pattern, line))
    assert len(str(raised.value)) < 200


def test_secrets_are_not_in_errors() -> None:
    with pytest.raises(SdpError) as raised:
        sdp.parse(changed("a=ice-pwd", "a=ice-pwd:hunter2"))
    assert "hunter2" not in str(raised.value)


def test_an_empty_text_is_no_description() -> None:
    with pytest.raises(SdpError, match="begins with v=0, not with ''"):
        sdp.parse("")


def test_candidates_that_nobody_could_have_written_are_left_out() -> None:
    odd = "a=candidate:\r\na=candidate:a\x00b\r\na=candidate:" + "x" * 600 + "\r\n"
    assert sdp.parse(OFFER + odd).candidates == ()


def test_the_number_of_candidates_is_limited() -> None:
    candidates = "a=candidate:1 1 udp 1 10.0.0.1 9 typ host\r\n" * CANDIDATES_MAX
    assert len(sdp.parse(OFFER + candidates).candidates) == CANDIDATES_MAX
    with pytest.raises(SdpError, match=f"more than {CANDIDATES_MAX} candidates"):
        sdp.parse(OFFER + candidates + candidates[:43])


def test_the_length_is_limited() -> None:
    rest = 64 * 1024 - len(OFFER) - 4
    sdp.parse(f"{OFFER}i={'x' * rest}\r\n")
    for more in ("x" * (rest + 1), "é" * (rest // 2 + 1), "x" * 10**6):
        with pytest.raises(SdpError, match="longer than 65536 bytes"):
            sdp.parse(f"{OFFER}i={more}\r\n")


def test_the_number_of_lines_is_limited() -> None:
    rest = LINES_MAX - OFFER.count("\n") - 1
    sdp.parse(OFFER + "\n" * rest)
    with pytest.raises(SdpError, match=f"more than {LINES_MAX} lines"):
        sdp.parse(OFFER + "\n" * (rest + 1))


def test_the_number_of_media_descriptions_is_limited() -> None:
    more = "m=audio 9 RTP/AVP 0\r\n"
    sdp.parse(OFFER + more * (MEDIA_MAX - 1))
    with pytest.raises(SdpError, match=f"more than {MEDIA_MAX} media descriptions"):
        sdp.parse(OFFER + more * MEDIA_MAX)


@pytest.mark.parametrize(
    "line",
    [
        "m=" + "a" * 60_000,
        "m=a 9 " + "a" * 60_000,
        "m=a 9 " + "a/" * 30_000,
        "a=group:" + "BUNDLE " * 8000,
        "o=" * 30_000,
    ],
)
def test_long_lines_take_no_time(line: str) -> None:
    begin = time.process_time()
    with pytest.raises(SdpError):
        sdp.parse(f"v=0\n{line}\n")
    assert time.process_time() - begin < 0.5


def test_base64_and_back() -> None:
    assert sdp.decode(sdp.encode(OFFER)) == OFFER


@pytest.mark.parametrize(
    "bad", ["dj0w\n", "dj0", "QR==", "dj0wDQ", "/w==", "=", "dj 0w", "dj0wé", "-_-_"]
)
def test_what_is_not_base64_of_utf_8(bad: str) -> None:
    with pytest.raises(SdpError, match="not base64 of UTF-8"):
        sdp.decode(bad)


def test_the_length_of_base64_is_limited() -> None:
    assert len(sdp.decode(sdp.encode("x" * 65536))) == 65536
    with pytest.raises(SdpError, match="longer than 65536 bytes"):
        sdp.decode(sdp.encode("x" * 70_000))


def test_a_restart_has_other_credentials_and_the_next_version() -> None:
    again = replace(OWN, ufrag="other123", session_version=2, keeper_version=None)
    text = sdp.write(again)
    assert "keeper" not in text
    assert f"o=- {OWN.session_id} 2 IN IP4 0.0.0.0\r\n" in text
