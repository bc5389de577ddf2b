"""The parameters of Kubernetes connections, in the order and with the meaning of guacd's.

guacd swaps two of them (scrollback and func-keys-and-keypad); guacr reads them by their names. The
last ones are specific to guacr.
"""

from __future__ import annotations

from dataclasses import dataclass

from guacr.api import ClipboardParams, RecordingParams, order, param
from handlers.terminal.params import HostTerminalParams, TypescriptParams


@dataclass(frozen=True, slots=True, kw_only=True)
class KubernetesParams(HostTerminalParams):
    """The parameters of a Kubernetes connection."""

    ORDER = order(
        "hostname port namespace pod container exec-command use-ssl client-cert client-key ca-cert",
        "ignore-cert font-name font-size color-scheme",
        TypescriptParams,
        RecordingParams,
        "read-only backspace scrollback func-keys-and-keypad",
        ClipboardParams,
        "terminal-type minimum-contrast allow-clipboard-read token kubeconfig context encoding",
        "enable-files files-root-directory disable-download disable-upload",
    )

    hostname: str = param("", "Name or address of the API server.", common=True, host=True)
    port: int = param(8080, "TCP port of the API server.", common=True, minimum=1, maximum=65535)
    namespace: str = param("default", "Namespace of the pod.", common=True)
    pod: str = param("", "Name of the pod.", common=True, required=True)
    container: str = param("", "Container in the pod; empty for the first one.", common=True)
    exec_command: str = param(
        "",
        "Command to run in the container, split into words like in a shell; $TERM stands for "
        "terminal-type. Empty: attach to the running program.",
        common=True,
    )
    use_ssl: bool = param(False, "Use TLS.", common=True)
    client_cert: str = param(
        "", "PEM client certificate for the API server.", common=True, multiline=True
    )
    client_key: str = param(
        "", "PEM key of that certificate.", common=True, secret=True, multiline=True
    )
    ca_cert: str = param(
        "",
        "PEM certificates of the authorities to trust; empty for the system's.",
        common=True,
        multiline=True,
    )
    ignore_cert: bool = param(False, "Accept any certificate of the API server.", common=True)
    token: str = param("", "Bearer token, such as a service account's.", common=True, secret=True)
    kubeconfig: str = param(
        "",
        "Text of a kubeconfig file, instead of hostname, port, use-ssl, ca-cert, client-cert, "
        "client-key and token.",
        common=True,
        secret=True,
        multiline=True,
    )
    context: str = param(
        "", "Context of the kubeconfig; empty for its current-context.", common=True
    )
    enable_files: bool = param(
        False,
        "Offer the container's files for browsing, upload and download. The container needs a "
        "shell.",
        common=True,
    )
    files_root_directory: str = param(
        "/",
        "Directory of the container that is offered; links that lead out of it are not followed. "
        "One that is not absolute is in the container's working directory.",
        common=True,
    )
    disable_download: bool = param(False, "Refuse downloads.")
    disable_upload: bool = param(False, "Refuse uploads, and everything else that changes files.")
