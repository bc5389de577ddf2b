"""Encryption as `tls` and `tls-ca` ask for it, by libpq's rules for each database."""

from __future__ import annotations

import ssl

from guacr.errors import BadRequestError
from handlers.database.params import DatabaseParams
from handlers.tls import TlsTerms, context


def verifies(params: DatabaseParams) -> bool:
    """Whether somebody trusted must have signed the server's certificate: whenever `tls-ca` names
    whom to trust, and with `verify-full`, which otherwise trusts the system's authorities.

    Raises:
        BadRequestError: verify-ca without authorities, which would be no verification.
    """
    if params.tls == "verify-ca" and not params.tls_ca:
        raise BadRequestError(
            "tls=verify-ca needs parameter tls-ca: give the authorities to trust, or take "
            "verify-full"
        )
    return params.tls == "verify-full" or (params.tls != "disable" and bool(params.tls_ca))


async def tls_context(
    params: DatabaseParams, certificate: str = "", key: str = ""
) -> ssl.SSLContext:
    """A context for a client; `certificate` and `key` are what it shows the server, if anything.

    Raises:
        BadRequestError: the parameters do not go together, or their texts are none of theirs.
    """
    terms = TlsTerms(
        authorities=params.tls_ca,
        ignore=not verifies(params),
        any_name=params.tls != "verify-full",
        certificate=certificate,
        key=key,
        names=("tls-ca", "tls-cert", "tls-key"),
    )
    return await context(terms)
