"""A client of ACME servers (RFC 8555, by Certbot's library): an account, an order, a certificate.

Its functions block, and are called in a thread.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Sequence
from contextlib import closing
from datetime import datetime, timedelta
from typing import Any

import requests
from acme import challenges, crypto_util, errors, messages
from acme.client import ClientNetwork, ClientV2
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from josepy.errors import Error as JoseError
from josepy.jwa import ES256
from josepy.jwk import JWKEC

from guacr import __version__
from guacr.acme.store import ACCOUNT, ACCOUNT_KEY, Store
from guacr.errors import UpstreamError, shorten
from guacr.settings.acme import AcmeSettings

REQUEST_TIMEOUT = 30
"""Seconds for each answer of the server."""
ORDER_TIMEOUT = 120
"""Seconds for the validation of all names, and for the certificate."""

SERVER_ERROR = 500
"""The lowest HTTP status of an answer for which the request is not to blame."""

log = logging.getLogger("guacr.acme")

Publish = Callable[[str, str], None]
"""Answers a challenge: called with its token and the text that the server expects at its URL."""


class AcmeError(UpstreamError):
    """There is no certificate. The message says why, in the server's words if it did."""

    def __init__(self, message: str, *, rate_limited: bool = False) -> None:
        super().__init__(message)
        self.rate_limited = rate_limited


def obtain(settings: AcmeSettings, store: Store, publish: Publish) -> bytes:
    """Obtain a certificate for the domains of the settings, with a new key; an account is created
    with the first one.

    Returns:
        The key, the certificate and its chain, as PEM.

    Raises:
        AcmeError: the server cannot be reached, or refuses; or it cannot reach the domains.
    """
    try:
        network = _network(settings, store)
        with closing(network.session):
            return _order(_client(network, settings, store), settings.domains, publish)
    except messages.Error as error:
        if error.code == "accountDoesNotExist":  # it was removed: the next attempt makes another
            store.write(ACCOUNT, b"{}")
        raise AcmeError(_said(error), rate_limited=error.code == "rateLimited") from error
    except errors.ValidationError as error:
        raise AcmeError(_invalid(error)) from error
    except errors.IssuanceError as error:
        raise AcmeError(_said(error.error)) from error
    except errors.TimeoutError as error:
        raise AcmeError(f"the server was not ready within {ORDER_TIMEOUT} seconds") from error
    except (errors.Error, JoseError, AttributeError, KeyError, ValueError) as error:
        status = _status(error)
        said = f"status {status}" if status else shorten(str(error), 200)
        raise AcmeError(f"the server's answer is not that of an ACME server: {said}") from error
    except requests.RequestException as error:
        raise AcmeError(f"the server cannot be reached: {_reason(error)}") from error
    except OSError as error:  # of the store, or of ca_file
        raise AcmeError(str(error)) from error


def _order(client: ClientV2, domains: Sequence[str], publish: Publish) -> bytes:
    key = _pem(ec.generate_private_key(ec.SECP256R1()))
    order = client.new_order(crypto_util.make_csr(key, list(domains)))
    for authorization in order.authorizations:
        if authorization.body.status != messages.STATUS_VALID:
            _answer(client, authorization.body, publish)
    deadline = datetime.now() + timedelta(seconds=ORDER_TIMEOUT)  # noqa: DTZ005 - the library's
    return key + client.poll_and_finalize(order, deadline).fullchain_pem.encode()


def _network(settings: AcmeSettings, store: Store) -> ClientNetwork:
    """Return connections that sign requests with the account's key."""
    key = JWKEC(key=_account_key(store))
    agent = f"guacr/{__version__}"
    network = ClientNetwork(key, alg=ES256, user_agent=agent, timeout=REQUEST_TIMEOUT)
    if settings.ca_file is not None:
        network.verify_ssl = str(settings.ca_file)  # type: ignore[assignment]  # requests accepts it
    return network


def _client(network: ClientNetwork, settings: AcmeSettings, store: Store) -> ClientV2:
    """Return a client that is logged in with the account of the store."""
    client = ClientV2(_directory(settings.directory_url, network), network)
    uri = _account(store)
    if uri is None:
        uri = _register(client, settings)
        store.write(ACCOUNT, json.dumps({"uri": uri}).encode())
    network.account = messages.RegistrationResource(uri=uri, body=messages.Registration())
    return client


def _directory(url: str, network: ClientNetwork) -> messages.Directory:
    """Return the URLs of the server's resources.

    Raises:
        AcmeError: there are none at this URL.
        messages.Error: the server refuses.
        errors.ClientError: the server has an error.
    """
    try:
        directory = ClientV2.get_directory(url, network)
        if isinstance(directory["newAccount"], str) and isinstance(directory["newOrder"], str):
            return directory
        reason = ""
    except messages.Error as error:
        if error.code is not None:
            raise
        reason = shorten(error.detail, 200) if error.detail else ""
    except (errors.ClientError, JoseError, AttributeError, LookupError, TypeError) as error:
        status = _status(error)
        if status >= SERVER_ERROR:
            raise
        reason = f"status {status}" if status else ""
    except requests.JSONDecodeError:
        reason = ""
    said = f" ({reason})" if reason else ""
    raise AcmeError(f"{url} is not the directory of an ACME server{said}: check acme.directory_url")


def _account(store: Store) -> str | None:
    """Return the URL of the account; None if it is unknown. The server knows it by its key."""
    data = store.read(ACCOUNT)
    if data is None:
        return None
    try:
        uri = json.loads(data).get("uri")
    except (ValueError, AttributeError):
        uri = ""
    if uri is None or (isinstance(uri, str) and uri.startswith("https://")):
        return uri
    log.warning("%s is damaged: the server is asked for the account", store.path(ACCOUNT))
    return None


def _account_key(store: Store) -> ec.EllipticCurvePrivateKey:
    """Return the key of the account, or of a new one."""
    pem = store.read(ACCOUNT_KEY)
    if pem is not None:
        try:
            key = serialization.load_pem_private_key(pem, None)
        except (ValueError, TypeError, UnsupportedAlgorithm):
            key = None
        if isinstance(key, ec.EllipticCurvePrivateKey) and isinstance(key.curve, ec.SECP256R1):
            return key
        kept = store.set_aside(ACCOUNT_KEY)
        log.warning(
            "%s is not a key for ES256 without a passphrase: there will be a new account; the file "
            "is kept as %s",
            store.path(ACCOUNT_KEY),
            kept.name,
        )
    store.write(ACCOUNT, b"{}")  # first: an account belongs to its key
    key = ec.generate_private_key(ec.SECP256R1())
    store.write(ACCOUNT_KEY, _pem(key))
    return key


def _register(client: ClientV2, settings: AcmeSettings) -> str:
    binding: dict[str, Any] | None = None
    if settings.eab_key_id:
        assert client.net.key is not None  # noqa: S101 - it is given
        binding = messages.ExternalAccountBinding.from_data(
            client.net.key.public_key(), settings.eab_key_id, settings.eab_key, client.directory
        )
    registration = messages.NewRegistration.from_data(
        email=settings.email or None,
        external_account_binding=binding,
        terms_of_service_agreed=True,
    )
    try:
        return str(client.new_account(registration).uri)
    except errors.ConflictError as known:  # the key has an account
        return known.location


def _answer(client: ClientV2, authorization: messages.Authorization, publish: Publish) -> None:
    for challenge in authorization.challenges:
        if isinstance(challenge.chall, challenges.HTTP01):
            response, text = challenge.response_and_validation(client.net.key)
            publish(challenge.chall.encode("token"), text)
            client.answer_challenge(challenge, response)
            return
    name = authorization.identifier.value
    raise AcmeError(f"the server does not offer HTTP-01 for {name}")


def _pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def _said(error: messages.Error) -> str:
    details = [one.detail for one in (error, *(error.subproblems or ())) if one.detail]
    return f"the server refuses: {shorten('; '.join(details) or str(error.typ), 500)}"


def _status(error: Exception) -> int:
    """Return the status of the answer that is the reason of an error; 0 if there is none."""
    response = error.args[0] if error.args else None
    return response.status_code if isinstance(response, requests.Response) else 0


def _invalid(error: errors.ValidationError) -> str:
    reasons = [
        f"{one.body.identifier.value}: {challenge.error.detail}"
        for one in error.failed_authzrs
        for challenge in one.body.challenges
        if challenge.error is not None
    ]
    return (
        f"the server did not find the answer to its challenge: {shorten('; '.join(reasons), 500)}"
    )


def _reason(error: requests.RequestException) -> str:
    """Return the innermost reason of an error of the connection."""
    inner: BaseException = error
    while (next_one := inner.__cause__ or inner.__context__) is not None:
        inner = next_one
    return shorten(str(inner) or type(inner).__name__, 200)
