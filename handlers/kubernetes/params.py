"""The parameters of Kubernetes connections, in the order and with the meaning of guacd's.

guacd itself mixes up two of them (it reads scrollback as func-keys-and-keypad, and the other way
round); by their names they are right here. The last ones are guacr's own.
"""

from __future__ import annotations

from dataclasses import dataclass

from guacr.session.params import Params, param
from handlers.terminal import params as shared


@dataclass(frozen=True, slots=True, kw_only=True)
class KubernetesParams(Params):
    """What `args` asks for."""

    hostname: str = param("", "Name or address of the API server.", common=True)
    port: int = param(8080, "TCP port of the API server.", common=True, minimum=1, maximum=65535)
    namespace: str = param("default", "Namespace of the pod.", common=True)
    pod: str = param("", "Name of the pod.", common=True, required=True)
    container: str = param("", "Container in the pod; empty for its first.", common=True)
    exec_command: str = param(
        "",
        "Command to run in the container, in words as a shell splits them; $TERM stands for "
        "terminal-type. Empty: attach to what runs there.",
        common=True,
    )
    use_ssl: bool = param(False, "Use TLS.", common=True)
    client_cert: str = param(
        "", "PEM certificate to show the API server.", common=True, multiline=True
    )
    client_key: str = param(
        "", "PEM key of that certificate.", common=True, secret=True, multiline=True
    )
    ca_cert: str = param(
        "",
        "PEM certificates of the authorities that may vouch for the API server; empty for the "
        "system's.",
        common=True,
        multiline=True,
    )
    ignore_cert: bool = param(False, "Take any certificate of the API server's.", common=True)
    font_name: str = shared.font_name()
    font_size: int = shared.font_size()
    color_scheme: str = shared.color_scheme()
    typescript_path: str = shared.typescript_path()
    typescript_name: str = shared.typescript_name()
    create_typescript_path: bool = shared.create_typescript_path()
    typescript_write_existing: bool = shared.typescript_write_existing()
    recording_path: str = shared.recording_path()
    recording_name: str = shared.recording_name()
    recording_exclude_output: bool = shared.recording_exclude_output()
    recording_exclude_mouse: bool = shared.recording_exclude_mouse()
    recording_include_keys: bool = shared.recording_include_keys()
    recording_include_clipboard: bool = shared.recording_include_clipboard()
    create_recording_path: bool = shared.create_recording_path()
    recording_write_existing: bool = shared.recording_write_existing()
    read_only: bool = shared.read_only()
    backspace: int = shared.backspace()
    scrollback: int = shared.scrollback()
    func_keys_and_keypad: str = shared.func_keys_and_keypad()
    clipboard_buffer_size: int = shared.clipboard_buffer_size()
    disable_copy: bool = shared.disable_copy()
    disable_paste: bool = shared.disable_paste()
    terminal_type: str = shared.terminal_type()
    minimum_contrast: int = shared.minimum_contrast()
    allow_clipboard_read: bool = shared.allow_clipboard_read()
    token: str = param("", "Bearer token, such as a service account's.", common=True, secret=True)
    kubeconfig: str = param(
        "",
        "Text of a kubeconfig file, in place of hostname, port, use-ssl, ca-cert, client-cert, "
        "client-key and token.",
        common=True,
        secret=True,
        multiline=True,
    )
    context: str = param(
        "", "Context of the kubeconfig; empty for its current-context.", common=True
    )
    encoding: str = shared.encoding()
