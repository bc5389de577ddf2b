"""The parameters of Telnet connections, in the order and with the meaning that guacd gives them.

The last ones are guacr's own.
"""

from __future__ import annotations

from dataclasses import dataclass

from guacr.session.params import Params, param
from handlers.terminal import params as shared

TIMEOUT_MAX = 600
"""Seconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TelnetParams(Params):
    """What `args` asks for."""

    hostname: str = param("", "Name or address of the host.", common=True, required=True)
    port: int = param(23, "TCP port; 992 stands for TLS.", common=True, minimum=1, maximum=65535)
    timeout: int = param(
        10,
        "Seconds in which the host must take the TCP connection.",
        minimum=1,
        maximum=TIMEOUT_MAX,
    )
    username: str = param(
        "", "Name that is typed at the host's login prompt; empty: a person types it.", common=True
    )
    username_regex: str = param(
        "[Ll]ogin:", "Regular expression (POSIX extended) of the login prompt.", common=True
    )
    password: str = param(
        "",
        "Password that is typed at the host's password prompt; empty: a person types it.",
        common=True,
        secret=True,
    )
    password_regex: str = param(
        "[Pp]assword:", "Regular expression (POSIX extended) of the password prompt.", common=True
    )
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
    func_keys_and_keypad: str = shared.func_keys_and_keypad()
    terminal_type: str = shared.terminal_type()
    scrollback: int = shared.scrollback()
    login_success_regex: str = param(
        "",
        "Regular expression of what the host prints after a login; until then, what people type "
        "is held back.",
        common=True,
    )
    login_failure_regex: str = param(
        "",
        "Regular expression of what the host prints when it refuses a login: the session ends "
        "with status 769.",
        common=True,
    )
    clipboard_buffer_size: int = shared.clipboard_buffer_size()
    disable_copy: bool = shared.disable_copy()
    disable_paste: bool = shared.disable_paste()
    wol_send_packet: bool = shared.wol_send_packet()
    wol_mac_addr: str = shared.wol_mac_addr()
    wol_broadcast_addr: str = shared.wol_broadcast_addr()
    wol_udp_port: int = shared.wol_udp_port()
    wol_wait_time: int = shared.wol_wait_time()
    minimum_contrast: int = shared.minimum_contrast()
    allow_clipboard_read: bool = shared.allow_clipboard_read()
    use_ssl: bool = param(False, "Use TLS from the first byte, as port 992 always does.")
    ca_cert: str = param(
        "",
        "PEM certificates of the authorities that may vouch for the host under TLS; empty for "
        "the system's.",
        multiline=True,
    )
    ignore_cert: bool = param(False, "Take any certificate of the host's.")
    encoding: str = shared.encoding()
