"""The settings of the interfaces for operators."""

from typing import Annotated, Self

from pydantic import Field, model_validator

from guacr.settings.loopback import LOOPBACK, is_loopback
from guacr.settings.section import Section
from guacr.settings.types import Hosts, Mode, OptionalPath, Port, Texts, TokenKeys, Whole


class ControlSettings(Section):
    """The interfaces for operators, who see all sessions, watch and end them (docs/control.md)."""

    unix_socket: OptionalPath = None
    """Path of a Unix socket for HTTP; empty for none. Whoever may open it may do everything."""
    unix_socket_mode: Mode = 0o600
    """Permissions of the Unix socket."""
    http: bool = False
    """Listen for HTTP."""
    grpc: bool = False
    """Listen for gRPC (needs guacr[grpc])."""
    hosts: Hosts = LOOPBACK
    """Names and addresses to listen on; any that other machines can reach need TLS."""
    port: Port = 4824
    """TCP port for HTTP; 0 picks a free one."""
    grpc_port: Port = 50051
    """TCP port for gRPC; 0 picks a free one."""
    token_keys: TokenKeys = ()
    """Keys of at least 32 characters that encrypt operators' tokens, each a secret; the first one
    makes tokens, all are accepted. They must not be those of [websocket]."""
    page: bool = False
    """Serve a page for operators with tokens, /admin on the port of [websocket]. It needs
    token_keys."""
    tls_certificate: OptionalPath = None
    """PEM file with the certificate and its chain; if set, TCP connections must use TLS."""
    tls_key: OptionalPath = None
    """PEM file with the private key; empty if the certificate file contains it."""
    tls_client_ca: OptionalPath = None
    """PEM file with CA certificates; operators may present a certificate signed by one instead of a
    token. Without token_keys, they must."""
    readers: Texts = ()
    """Names in these certificates (subject alternative names, or else the common name) whose owners
    may see what there is; "*" for every certificate."""
    watchers: Texts = ()
    """Names of those who may watch sessions as well."""
    actors: Texts = ()
    """Names of those who may see what there is, end sessions, drain and reload."""
    announce_watchers: bool = True
    """Tell the owner of a session when an operator begins and stops watching it."""
    max_connections: Annotated[Whole, Field(ge=1, le=10_000)] = 64
    """Simultaneous connections to the Unix socket, and to each port."""
    max_streams: Annotated[Whole, Field(ge=1, le=10_000)] = 16
    """Simultaneous streams of events; at most half of them for one operator."""

    @property
    def listens_on_tcp(self) -> bool:
        """True if there is a TCP port."""
        return self.http or self.grpc

    @model_validator(mode="after")
    def _tls_is_whole(self) -> Self:
        if self.tls_certificate is None and (self.tls_key or self.tls_client_ca):
            raise ValueError("needs tls_certificate when tls_key or tls_client_ca is set")
        if self.tls_client_ca is None and (self.readers or self.watchers or self.actors):
            raise ValueError("needs tls_client_ca when readers, watchers or actors are set")
        return self

    @model_validator(mode="after")
    def _page_is_usable(self) -> Self:
        if self.page and not self.token_keys:
            raise ValueError("has a page that nobody may use: set token_keys, or page = false")
        return self

    @model_validator(mode="after")
    def _somebody_can_log_in(self) -> Self:
        if not self.listens_on_tcp:
            return self
        if not self.hosts:
            raise ValueError("hosts is empty: name an address, or set http and grpc to false")
        if not self.token_keys and not (self.readers or self.watchers or self.actors):
            raise ValueError(
                "has a port that nobody may use: set token_keys, or tls_client_ca and readers, "
                "watchers or actors"
            )
        remote = [host for host in self.hosts if not is_loopback(host)]
        if remote and self.tls_certificate is None:
            raise ValueError(
                f"listens on {remote[0]}, where tokens could be read on the way: set "
                "tls_certificate, or limit hosts to 127.0.0.1 and ::1"
            )
        return self
