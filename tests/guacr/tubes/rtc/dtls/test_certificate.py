from __future__ import annotations

from datetime import UTC, datetime

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from guacr.tubes.rtc.dtls.certificate import Certificate
from guacr.tubes.rtc.dtls.fingerprint import matches


def test_a_certificate_signs_itself() -> None:
    made = Certificate.create()
    made.certificate.verify_directly_issued_by(made.certificate)
    assert isinstance(made.key.curve, ec.SECP256R1)
    assert made.certificate.public_key() == made.key.public_key()
    assert made.certificate.not_valid_before_utc < datetime.now(UTC)
    assert made.certificate.not_valid_after_utc > datetime.now(UTC)


def test_its_fingerprint_names_it() -> None:
    made = Certificate.create()
    assert matches(made.certificate.public_bytes(Encoding.DER), [made.fingerprint])


def test_two_have_nothing_in_common() -> None:
    one, other = Certificate.create(), Certificate.create()
    assert one.fingerprint != other.fingerprint
    assert one.certificate.subject != other.certificate.subject
    assert one.certificate.serial_number != other.certificate.serial_number
