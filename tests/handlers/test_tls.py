"""Certificates and keys as people give them."""

from __future__ import annotations

import asyncio
import subprocess
from pathlib import Path

import pytest

from guacr.errors import BadRequestError
from handlers.tls import TlsTerms, context
from tests.support.certificates import Authority


async def test_text_around_a_certificate_does_no_harm() -> None:
    own = Authority().issue("host")
    await context(TlsTerms(authorities=f"\ufeff{own.certificate}Schlüssel des Hosts"))


@pytest.mark.parametrize("junk", ["junk", "Schlüssel", "\ud800", "\0", " "])
async def test_junk_is_named(junk: str) -> None:
    own = Authority().issue("host")
    with pytest.raises(BadRequestError, match="ca-cert contains no PEM certificate"):
        await context(TlsTerms(authorities=junk))
    for terms in (
        TlsTerms(certificate=junk, key=own.key),
        TlsTerms(certificate=own.certificate, key=junk),
        TlsTerms(key=own.key),
    ):
        with pytest.raises(BadRequestError, match="client-cert and client-key must be"):
            await context(terms)


async def test_an_encrypted_key_is_refused_and_not_tried(tmp_path: Path) -> None:
    own = Authority().issue("host")
    plain, encrypted = tmp_path / "plain.pem", tmp_path / "encrypted.pem"
    plain.write_text(own.key)
    # the empty passphrase, so that it would open if it were tried
    command: list[str | Path] = [
        "openssl",
        "pkcs8",
        "-topk8",
        "-in",
        plain,
        "-out",
        encrypted,
        "-passout",
        "pass:",
    ]
    await asyncio.to_thread(lambda: subprocess.run(command, check=True))
    with pytest.raises(BadRequestError, match="not encrypted"):
        await context(TlsTerms(certificate=own.certificate, key=encrypted.read_text()))
