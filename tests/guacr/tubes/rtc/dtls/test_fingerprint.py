from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from guacr.tubes.rtc.dtls.certificate import Certificate
from guacr.tubes.rtc.dtls.fingerprint import ALGORITHMS, Fingerprint, matches

CERTIFICATE = Certificate.create()
DER = CERTIFICATE.certificate.public_bytes(Encoding.DER)
OTHER = Certificate.create().certificate.public_bytes(Encoding.DER)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_fingerprint_is_what_openssl_prints(algorithm: str, tmp_path: Path) -> None:
    file = tmp_path / "certificate.der"
    file.write_bytes(DER)
    digest = algorithm.replace("-", "")
    command = ["openssl", "x509", "-inform", "DER", "-noout", "-fingerprint", f"-{digest}", "-in"]
    printed = subprocess.run([*command, file], check=True, capture_output=True, text=True).stdout
    assert printed.strip().rpartition("=")[2] == Fingerprint.of(DER, algorithm).value


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_the_certificate_that_is_named(algorithm: str) -> None:
    assert matches(DER, [Fingerprint.of(DER, algorithm)])
    assert not matches(OTHER, [Fingerprint.of(DER, algorithm)])


def test_one_of_several() -> None:
    both = [Fingerprint.of(OTHER), Fingerprint.of(DER)]
    assert matches(DER, both)
    assert matches(OTHER, both)


def test_the_strongest_algorithm_decides() -> None:
    mixed = [Fingerprint.of(DER, "sha-256"), Fingerprint.of(OTHER, "sha-512")]
    assert not matches(DER, mixed)
    assert matches(OTHER, mixed)


def test_no_fingerprint_names_no_certificate() -> None:
    assert not matches(DER, [])


@pytest.mark.parametrize(
    ("algorithm", "value"),
    [
        ("sha-1", "00:" * 19 + "00"),
        ("sha-256", "00:" * 31 + "0g"),
        ("sha-256", "00:" * 31 + "ab"),
        ("sha-256", "00:" * 30 + "00"),
        ("sha-256", "00:" * 31 + "00\n"),
        ("sha-384", "00:" * 31 + "00"),
    ],
)
def test_invalid_fingerprints(algorithm: str, value: str) -> None:
    with pytest.raises(ValueError, match=r"the algorithm is none of|the value is not"):
        Fingerprint(algorithm, value)
