"""Reasons for closing: the codes, names and kinds of keeper-pam-webrtc-rs."""

from __future__ import annotations

import pytest

from guacr.tubes.errors import TubeError, WireError
from guacr.tubes.reasons import CloseReason

PUBLISHED = {
    0: "Normal", 1: "Error", 2: "Timeout", 4: "ServerRefuse", 5: "Client", 6: "Unknown",
    7: "InvalidInstruction", 8: "GuacdRefuse", 9: "ConnectionLost", 10: "ConnectionFailed",
    11: "TunnelClosed", 12: "AdminClosed", 13: "ErrorRecording", 14: "GuacdError",
    15: "AIClosed", 16: "AddressResolutionFailed", 17: "DecryptionFailed",
    18: "ConfigurationError", 19: "ProtocolError", 20: "UpstreamClosed",
    21: "ProxyError", 22: "HandlerError", 23: "SecurityThreat",
}  # fmt: skip


def test_codes_and_names_are_the_published_ones() -> None:
    assert {int(reason): reason.label for reason in CloseReason} == PUBLISHED


@pytest.mark.parametrize("code", PUBLISHED)
def test_a_code_is_its_reason(code: int) -> None:
    assert CloseReason.from_code(code) == code
    assert CloseReason(code) is CloseReason.from_code(code)


@pytest.mark.parametrize("code", [3, 24, 255, 65535, -1])
def test_other_codes_are_unknown(code: int) -> None:
    assert CloseReason.from_code(code) is CloseReason.UNKNOWN


def test_kinds() -> None:
    assert {reason for reason in CloseReason if reason.is_critical} == {1, 13, 14, 17, 18, 19, 21}
    assert {reason for reason in CloseReason if reason.is_retryable} == {2, 4, 9, 10, 16}


def test_errors_have_reasons() -> None:
    assert TubeError("x").reason is CloseReason.ERROR
    assert WireError("x").reason is CloseReason.PROTOCOL_ERROR
