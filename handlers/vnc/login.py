"""The parts of a login that are outside the protocol: a person's answers, and TLS."""

from __future__ import annotations

import asyncio
import ssl

from guacr.api import SessionContext, shorten
from handlers import pins
from handlers.tls import context
from handlers.vnc.connection import VncConnection
from handlers.vnc.options import tls_name, tls_terms
from handlers.vnc.params import VncParams
from handlers.vnc.rfb.events import CredentialsWanted, KeyShown, TlsWanted


async def ask(session: SessionContext, wanted: CredentialsWanted) -> dict[str, str]:
    """Ask the owner for credentials, and return the answers by name.

    Raises:
        GuacrError: there is no answer.
    """
    wants = (("username", wanted.username), ("password", wanted.password))
    return await session.ask(*[name for name, wants_it in wants if wants_it])


async def ask_for(
    connection: VncConnection, session: SessionContext, wanted: CredentialsWanted
) -> dict[str, str] | None:
    """Like `ask`, while the server waits; return None if it closes the connection first.

    Raises:
        GuacrError: there is no answer.
        OSError: the connection is lost.
    """
    question = asyncio.create_task(ask(session, wanted), name="question")
    closed = asyncio.create_task(connection.until_closed(), name="server during a question")
    try:
        await asyncio.wait((question, closed), return_when=asyncio.FIRST_COMPLETED)
        return question.result() if question.done() else closed.result()
    finally:
        question.cancel()
        closed.cancel()
        await asyncio.gather(question, closed, return_exceptions=True)


async def start_tls(wanted: TlsWanted, params: VncParams, connection: VncConnection) -> None:
    """Encrypt the connection, and verify the host's certificate if it has one.

    Raises:
        ssl.SSLError: the certificate is not trusted, or TLS fails otherwise.
        GuacrError: it is not one of those that are expected, or TLS would not protect everything.
    """
    tls = _anonymous() if wanted.anonymous else await context(tls_terms(params))
    certificate = await connection.start_tls(tls, tls_name(params, connection.address))
    accepted = pins.parse_pins(params.cert_fingerprints)
    if accepted:
        pins.check(accepted, pins.fingerprint(certificate), params.hostname)


def check_key(event: KeyShown, params: VncParams, session: SessionContext) -> None:
    """Verify the host's RSA key; without a fingerprint to compare it with, the log shows it.

    Raises:
        UpstreamError: it is not one of those that are expected.
    """
    accepted = pins.parse_pins(params.cert_fingerprints)
    if accepted:
        pins.check(accepted, event.fingerprint, params.hostname)
    else:
        host, shown = shorten(params.hostname), event.fingerprint
        session.log.warning("host %s is not verified; its RSA key is %s", host, shown)


def _anonymous() -> ssl.SSLContext:
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    made.check_hostname = False
    made.verify_mode = ssl.CERT_NONE
    made.maximum_version = ssl.TLSVersion.TLSv1_2
    made.set_ciphers("aNULL:@SECLEVEL=0")  # nobody is authenticated, so any cipher will do
    return made
