"""Encryption as requested by `tls` and `tls-ca`, with libpq's rules for every database."""

from __future__ import annotations

import ssl

from guacr.api import BadRequestError
from handlers.database.params import DatabaseParams, RedisParams
from handlers.tls import TlsTerms, context


def verifies(params: DatabaseParams) -> bool:
    """Return whether the server's certificate must be signed by a trusted authority: if `tls-ca`
    lists authorities, and with `verify-full`, which otherwise trusts the system's.

    Raises:
        BadRequestError: verify-ca without authorities, which would be no verification.
    """
    if params.tls == "verify-ca" and not params.tls_ca:
        raise BadRequestError(
            "tls=verify-ca needs parameter tls-ca: give the authorities to trust, or use "
            "verify-full"
        )
    return params.tls == "verify-full" or (params.tls != "disable" and bool(params.tls_ca))


def terms_of(params: DatabaseParams) -> TlsTerms:
    """The options in `tls`, `tls-ca` and, if there are such parameters, `tls-cert` and `tls-key`.

    Raises:
        BadRequestError: the parameters contradict each other.
    """
    certificate = key = ""
    if isinstance(params, RedisParams):
        certificate, key = params.tls_cert, params.tls_key
    return TlsTerms(
        authorities=params.tls_ca,
        ignore=not verifies(params),
        any_name=params.tls != "verify-full",
        certificate=certificate,
        key=key,
        names=("tls-ca", "tls-cert", "tls-key"),
    )


async def tls_context(params: DatabaseParams) -> ssl.SSLContext:
    """Create a client context.

    Raises:
        BadRequestError: the parameters contradict each other, or a text is not a certificate or
            key.
    """
    return await context(terms_of(params))
