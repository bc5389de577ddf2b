"""Decides whether a server's certificate is accepted."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Mapping
from datetime import UTC, datetime
from ipaddress import ip_address

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import verification

from guacr.api import BadRequestError, UpstreamError
from handlers import pins
from handlers.rdp import failures
from handlers.rdp.known_hosts import KnownHosts
from handlers.rdp.params import RdpParams

WHAT_TO_DO = (
    "set ca-cert to its authority's certificate or to the certificate itself, cert-fingerprints to "
    "its fingerprint, cert-tofu to trust it from now on, or ignore-cert"
)


def check_params(params: RdpParams) -> None:
    """Check the parameters that certificates are compared with.

    Raises:
        BadRequestError: one is invalid.
    """
    pins.parse_pins(params.cert_fingerprints)
    _authorities(params)


async def check(params: RdpParams, pem: bytes, known: KnownHosts, told: bytes = b"") -> None:
    """Check what a server shows: its certificate in PEM, and perhaps others after it. `known`
    contains those that were trusted before (`cert-tofu`); `told` is the certificate, in PEM, that a
    verified server has redirected to.

    Raises:
        UpstreamError: it is not accepted.
        GuacrError: those that are known cannot be read or written.
    """
    try:
        shown = x509.load_pem_x509_certificates(pem)
    except ValueError:
        raise UpstreamError(f"{failures.named(params)} shows no valid certificate") from None
    if shown[0] in _told(told):
        return
    accepted = pins.parse_pins(params.cert_fingerprints)
    fingerprint = pins.fingerprint(shown[0].public_bytes(Encoding.DER))
    if accepted:
        pins.check(accepted, fingerprint, params.hostname)
    elif not params.ignore_cert:
        await asyncio.to_thread(_verify, params, shown, fingerprint, known)


def _told(pem: bytes) -> list[x509.Certificate]:
    try:
        return x509.load_pem_x509_certificates(pem) if pem else []
    except ValueError:  # it vouches for nothing
        return []


def _verify(
    params: RdpParams, shown: list[x509.Certificate], fingerprint: str, known: KnownHosts
) -> None:
    try:
        _verify_chain(params, shown, fingerprint)
    except UpstreamError:
        if not params.cert_tofu:
            raise
        name = params.hostname
        if params.gateway_hostname:  # where the same name may be another host's
            name = f"{name} behind {params.gateway_hostname}"
        trusted = known.trust(name, params.used_port, fingerprint)
        if trusted != fingerprint:
            raise failures.changed_certificate(params, fingerprint, trusted, known.place) from None


def _verify_chain(params: RdpParams, shown: list[x509.Certificate], fingerprint: str) -> None:
    leaf, others = shown[0], shown[1:]
    trusted = _authorities(params)
    if leaf in trusted:
        return
    try:
        store = verification.Store(trusted or _of_the_system())
        policy = verification.PolicyBuilder().store(store).time(datetime.now(UTC))
        # Names and purposes are those of RDP: Windows' certificates may have one of their own.
        policy = policy.extension_policies(
            ca_policy=_authority_policy(), ee_policy=verification.ExtensionPolicy.permit_all()
        )
        policy.build_client_verifier().verify(leaf, others)
    except (verification.VerificationError, ValueError) as error:
        raise UpstreamError(
            f"the certificate of {failures.named(params)} is not trusted ({_flaw(leaf)}; its "
            f"fingerprint is {fingerprint}): {WHAT_TO_DO}"
        ) from error
    if not _is_named(leaf, params.hostname):
        raise UpstreamError(
            f"the certificate that {failures.named(params)} shows is that of another host (its "
            f"fingerprint is {fingerprint}): check hostname, or {WHAT_TO_DO}"
        )


def _flaw(leaf: x509.Certificate) -> str:
    """Return why a certificate cannot be verified, as far as it shows."""
    now = datetime.now(UTC)
    if now < leaf.not_valid_before_utc:
        return f"it is not valid before {leaf.not_valid_before_utc:%Y-%m-%d}"
    if now > leaf.not_valid_after_utc:
        return f"it expired on {leaf.not_valid_after_utc:%Y-%m-%d}"
    if leaf.issuer == leaf.subject:
        return "it is signed by itself"
    return "no trusted authority has signed it"


def _authority_policy() -> verification.ExtensionPolicy:
    """The extensions of authorities, as OpenSSL wants them: those of companies have not all that
    the web wants."""
    return (
        verification.ExtensionPolicy.permit_all()
        .require_present(x509.BasicConstraints, verification.Criticality.AGNOSTIC, _may_sign)
        .may_be_present(x509.KeyUsage, verification.Criticality.AGNOSTIC, _may_sign)
    )


def _may_sign(
    _policy: verification.Policy,
    _certificate: x509.Certificate,
    extension: x509.ExtensionType | None,
) -> None:
    """Check an extension of an authority.

    Raises:
        ValueError: it must not sign certificates.
    """
    match extension:
        case x509.BasicConstraints(ca=False):
            raise ValueError("the signer is not an authority")
        case x509.KeyUsage(key_cert_sign=False):
            raise ValueError("the signer must not sign certificates")


def _authorities(params: RdpParams) -> list[x509.Certificate]:
    if not params.ca_cert:
        return []
    try:
        return x509.load_pem_x509_certificates(params.ca_cert.strip("\ufeff").encode())
    except ValueError:
        raise BadRequestError(
            "parameter ca-cert contains no PEM certificate: give the whole text of its file"
        ) from None


def _of_the_system() -> list[x509.Certificate]:
    context = ssl.create_default_context()
    both = zip(context.get_ca_certs(), context.get_ca_certs(binary_form=True), strict=True)
    return [x509.load_der_x509_certificate(der) for shown, der in both if _is_valid(shown)]


def _is_valid(shown: Mapping[str, object]) -> bool:
    """Return whether a certificate has a positive serial number: `cryptography` refuses others."""
    return int(str(shown["serialNumber"]), 16) > 0


def _is_named(certificate: x509.Certificate, host: str) -> bool:
    """Return whether a certificate is one of a host, by a name or an address (RFC 6125)."""
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (x509.ExtensionNotFound, ValueError):
        common = certificate.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
        return any(_matches(str(name.value), host) for name in common)
    try:
        return ip_address(host.strip("[]")) in names.get_values_for_type(x509.IPAddress)
    except ValueError:
        return any(_matches(name, host) for name in names.get_values_for_type(x509.DNSName))


def _matches(pattern: str, host: str) -> bool:
    pattern, host = pattern.lower().rstrip("."), host.lower().rstrip(".")
    if pattern.startswith("*."):
        return "." in pattern[2:] and host.partition(".")[2] == pattern[2:]
    return pattern == host
