"""The parameter `kubeconfig`: the server and credentials in kubectl's format.

Only the text itself is used: a kubeconfig that runs a program or names a file is refused, and so is
everything else that would be ignored silently.
"""

from __future__ import annotations

import binascii
from base64 import b64decode
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlsplit

import yaml

from guacr.api import BadRequestError, shorten
from handlers.kubernetes.params import KubernetesParams

TEXT_MAX = 128 * 1024
"""Maximum characters of a kubeconfig."""
DEFAULT_PORTS = {"https": 443, "http": 80}

_CLUSTER_FILES = {"certificate-authority": "certificate-authority-data"}
_USER_FILES = {
    "client-certificate": "client-certificate-data",
    "client-key": "client-key-data",
    "tokenFile": "token",
}
_UNSUPPORTED = {
    "proxy-url": "a proxy",
    "exec": "a program to run for credentials",
    "auth-provider": "an authentication provider",
    "username": "a user name and password, which Kubernetes no longer accepts",
    "password": "a user name and password, which Kubernetes no longer accepts",
    "as": "another user to act as",
    "as-uid": "another user to act as",
    "as-groups": "another user to act as",
    "as-user-extra": "another user to act as",
}
_CONFLICTS = ("hostname", "client_cert", "client_key", "ca_cert", "token")

Section = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Place:
    """The properties of the API server's address for which there are no parameters."""

    path: str = ""
    """The path before `/api`, as used by gateways to several clusters."""
    server_name: str = ""
    """Name in the server's certificate; empty for the host's."""


def applied(params: KubernetesParams) -> tuple[KubernetesParams, Place]:
    """Apply a kubeconfig to the parameters; without one, return them unchanged.

    Raises:
        BadRequestError: the kubeconfig is invalid, or needs an unsupported feature.
    """
    if not params.kubeconfig.strip():
        return params, Place()
    for field in _CONFLICTS:
        if getattr(params, field):
            name = field.replace("_", "-")
            raise BadRequestError(
                f"parameter kubeconfig sets what {name} sets, too: leave one empty"
            )
    config = _parsed(params.kubeconfig)
    context = _context(config, params.context)
    cluster = _named(config, "clusters", "cluster", _text(context, "cluster"))
    user_name = _text(context, "user")
    user = _named(config, "users", "user", user_name) if user_name else {}
    _check(cluster, _CLUSTER_FILES)
    _check(user, _USER_FILES)
    scheme, host, port, path = _server(_text(cluster, "server"))
    namespace = _text(context, "namespace") if params.namespace == "default" else ""
    resolved = replace(
        params,
        hostname=host,
        port=port,
        use_ssl=scheme == "https",
        namespace=namespace or params.namespace,
        ca_cert=_pem(cluster, "certificate-authority-data"),
        ignore_cert=params.ignore_cert or _text(cluster, "insecure-skip-tls-verify") == "true",
        client_cert=_pem(user, "client-certificate-data"),
        client_key=_pem(user, "client-key-data"),
        token=_text(user, "token"),
    )
    return resolved, Place(path, _text(cluster, "tls-server-name"))


def _parsed(text: str) -> Section:
    if len(text) > TEXT_MAX:
        raise BadRequestError(f"parameter kubeconfig is longer than {TEXT_MAX} characters")
    try:
        # only texts: no types and no merging, so that nothing grows beyond its source
        config = yaml.load(text, Loader=yaml.BaseLoader)  # noqa: S506 - it creates no objects
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise BadRequestError(f"parameter kubeconfig is not YAML: see line {line}") from None
    except (yaml.YAMLError, ValueError, OverflowError, RecursionError):  # "\UFFFFFFFF", %YAML 9…
        raise BadRequestError("parameter kubeconfig is not YAML") from None
    if not isinstance(config, dict) or config.get("kind", "Config") != "Config":
        raise BadRequestError("parameter kubeconfig is not a kubeconfig: give the text of the file")
    return config


def _context(config: Section, wanted: str) -> Section:
    name = wanted or _text(config, "current-context")
    if not name:
        raise BadRequestError("parameter kubeconfig has no current-context: set parameter context")
    return _named(config, "contexts", "context", name)


def _named(config: Section, listing: str, kind: str, name: str) -> Section:
    """The entry of a list with a name."""
    entries = config.get(listing)
    for entry in entries if isinstance(entries, list) else ():
        if isinstance(entry, dict) and entry.get("name") == name:
            value = entry.get(kind)
            if isinstance(value, dict):
                return value
    raise BadRequestError(f"parameter kubeconfig has no {kind} {shorten(name)}")


def _text(section: Section, name: str) -> str:
    value = section.get(name, "")
    if not isinstance(value, str):
        raise BadRequestError(f"parameter kubeconfig: {name} must be a text")
    return "" if value in ("null", "~") else value


def _check(section: Section, files: Mapping[str, str]) -> None:
    """Refuse unsupported keys, instead of ignoring them."""
    for name, instead in files.items():
        if section.get(name):
            raise BadRequestError(
                f"parameter kubeconfig names a file in {name}, which is not available: put its "
                f"contents into {instead} (kubectl config view --flatten does)"
            )
    for name, what in _UNSUPPORTED.items():
        if section.get(name):
            raise BadRequestError(
                f"parameter kubeconfig requests {what} in {name}: use a token or a client "
                "certificate"
            )


def _server(address: str) -> tuple[str, str, int, str]:
    """The scheme, host, port and path of an API server."""
    try:
        parts = urlsplit(address)
        port = parts.port
    except ValueError:
        parts, port = urlsplit(""), None
    if parts.scheme not in DEFAULT_PORTS or not parts.hostname or parts.username or parts.query:
        raise BadRequestError(
            f"parameter kubeconfig: server must be like https://HOST:PORT, not {_shown(address)}"
        )
    path = parts.path.rstrip("/")
    return parts.scheme, parts.hostname, port or DEFAULT_PORTS[parts.scheme], path


def _shown(address: str) -> str:
    """An address without a possible password."""
    return shorten(address.rpartition("@")[2])


def _pem(section: Section, name: str) -> str:
    encoded = "".join(_text(section, name).split())
    try:
        return b64decode(encoded, validate=True).decode("ascii")
    except (binascii.Error, ValueError):
        raise BadRequestError(
            f"parameter kubeconfig: {name} must be a PEM text in base64"
        ) from None
