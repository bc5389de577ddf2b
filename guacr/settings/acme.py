"""The settings of certificates by ACME (RFC 8555)."""

import re
from pathlib import Path
from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator

from guacr.settings.section import Section
from guacr.settings.types import Hosts, OptionalPath, Port, Secret, Texts

LETS_ENCRYPT = "https://acme-v02.api.letsencrypt.org/directory"
DOMAINS_MAX = 100
"""Maximum names in a certificate, as with Let's Encrypt."""
CERTIFICATE = "certificate.pem"
"""The file with the certificate, its chain and its key."""

_LABEL = "[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_DOMAIN = re.compile(rf"(?=.{{1,253}}\Z){_LABEL}(?:\.{_LABEL})*\.[a-z][a-z0-9-]*[a-z0-9]")


def _domains(values: tuple[str, ...]) -> tuple[str, ...]:
    names = tuple(dict.fromkeys(value.lower() for value in values))
    for name in names:
        if not _DOMAIN.fullmatch(name):
            raise ValueError(
                "must contain host names such as desk.example, without wildcards, not "
                f"{name[:60]!r}"
            )
    if len(names) > DOMAINS_MAX:
        raise ValueError(f"must contain at most {DOMAINS_MAX} names")
    return names


def _url(value: str) -> str:
    if not re.fullmatch(r"https://[^\s/@]+(/\S*)?", value):
        raise ValueError("must be the URL of an ACME directory, which begins with https://")
    return value


def _base64url(value: str) -> str:
    if not re.fullmatch("[A-Za-z0-9_-]*=*", value):
        raise ValueError("must be base64url, as the ACME server has shown it")
    return value


class AcmeSettings(Section):
    """Certificates by ACME (HTTP-01), such as from Let's Encrypt, for the listeners whose
    tls_certificate is "acme"."""

    domains: Annotated[Texts, AfterValidator(_domains)] = ()
    """Host names in the certificate, which have to resolve to this machine; empty for no ACME. It
    needs guacr[acme]."""
    agree_to_terms: bool = False
    """The operator agrees to the terms of service of the ACME server; required."""
    email: Annotated[str, Field(max_length=254)] = ""
    """Address to which the server may write; empty for none."""
    directory_url: Annotated[str, Field(max_length=1024), AfterValidator(_url)] = LETS_ENCRYPT
    """Directory of the ACME server."""
    ca_file: OptionalPath = None
    """PEM file with the authorities of the ACME server's own certificate, if it is a private one;
    empty for public ones."""
    eab_key_id: Annotated[str, Field(max_length=1024)] = ""
    """Id of an external account, if the server requires one."""
    eab_key: Annotated[Secret, AfterValidator(_base64url)] = ""
    """Its key, in base64url, a secret."""
    state_directory: OptionalPath = Path("/var/lib/guacr/acme")
    """Directory for the account, its key and the certificate, which the daemon creates."""
    http_hosts: Hosts = ("0.0.0.0", "::")  # noqa: S104 - the server has to reach it
    """Names and addresses on which challenges are answered; the ACME server connects to port 80 of
    each domain."""
    http_port: Port = 80
    """TCP port for challenges; other than 80 only if something forwards port 80 to it."""
    https_port: Port = 0
    """Port of the page, to which browsers that come to the port for challenges are redirected; 0
    for websocket.port."""

    @property
    def server_directory(self) -> Path:
        """The directory for what belongs to this ACME server, with another one for each server."""
        assert self.state_directory is not None  # noqa: S101 - checked below
        name = re.sub(r"[^A-Za-z0-9.-]+", "_", self.directory_url.removeprefix("https://"))
        return self.state_directory / name[:200]

    @property
    def certificate(self) -> Path:
        """The file with the certificate, its chain and its key."""
        return self.server_directory / CERTIFICATE

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        if self.domains and not self.agree_to_terms:
            raise ValueError(
                "needs agree_to_terms = true, after reading the terms of service of the ACME server"
            )
        if self.domains and self.state_directory is None:
            raise ValueError("needs a state_directory")
        if bool(self.eab_key_id) != bool(self.eab_key):
            raise ValueError("needs both eab_key_id and eab_key, or neither")
        return self
