"""`PyCloseConnectionReason`."""

from __future__ import annotations

from typing import ClassVar

from guacr.tubes.reasons import CloseReason


class PyCloseConnectionReason:
    """The reason of a close: an attribute for each name, such as `AdminClosed`.

    `int()` and `value()` return its code. There is one object for each reason.
    """

    Normal: ClassVar[PyCloseConnectionReason]
    Error: ClassVar[PyCloseConnectionReason]
    Timeout: ClassVar[PyCloseConnectionReason]
    ServerRefuse: ClassVar[PyCloseConnectionReason]
    Client: ClassVar[PyCloseConnectionReason]
    Unknown: ClassVar[PyCloseConnectionReason]
    InvalidInstruction: ClassVar[PyCloseConnectionReason]
    GuacdRefuse: ClassVar[PyCloseConnectionReason]
    ConnectionLost: ClassVar[PyCloseConnectionReason]
    ConnectionFailed: ClassVar[PyCloseConnectionReason]
    TunnelClosed: ClassVar[PyCloseConnectionReason]
    AdminClosed: ClassVar[PyCloseConnectionReason]
    ErrorRecording: ClassVar[PyCloseConnectionReason]
    GuacdError: ClassVar[PyCloseConnectionReason]
    AIClosed: ClassVar[PyCloseConnectionReason]
    AddressResolutionFailed: ClassVar[PyCloseConnectionReason]
    DecryptionFailed: ClassVar[PyCloseConnectionReason]
    ConfigurationError: ClassVar[PyCloseConnectionReason]
    ProtocolError: ClassVar[PyCloseConnectionReason]
    UpstreamClosed: ClassVar[PyCloseConnectionReason]
    ProxyError: ClassVar[PyCloseConnectionReason]
    HandlerError: ClassVar[PyCloseConnectionReason]
    SecurityThreat: ClassVar[PyCloseConnectionReason]

    _all: ClassVar[dict[CloseReason, PyCloseConnectionReason]] = {}
    _reason: CloseReason

    def __init__(self) -> None:
        raise TypeError("cannot create 'PyCloseConnectionReason' instances")

    @staticmethod
    def from_code(code: int) -> PyCloseConnectionReason:
        """Return the reason of a code; unknown codes are Unknown."""
        return PyCloseConnectionReason._all[CloseReason.from_code(code)]

    def value(self) -> int:
        """Return its code."""
        return int(self._reason)

    def __int__(self) -> int:
        return int(self._reason)

    def __repr__(self) -> str:
        return f"PyCloseConnectionReason.{self._reason.label}"


def _add(reason: CloseReason) -> None:
    new = object.__new__(PyCloseConnectionReason)
    new._reason = reason
    PyCloseConnectionReason._all[reason] = new
    setattr(PyCloseConnectionReason, reason.label, new)


for _reason in CloseReason:
    _add(_reason)


def close_reason(code: object, default: CloseReason) -> CloseReason:
    """The reason for an argument: a code, an enum, a `PyCloseConnectionReason`, None for `default`.

    Raises:
        TypeError: it is none of these.
    """
    if code is None:
        return default
    if isinstance(code, PyCloseConnectionReason):
        return code._reason
    if not isinstance(code, int):
        raise TypeError(f"'{type(code).__name__}' object cannot be interpreted as an integer")
    return CloseReason.from_code(int(code))
