"""The parameters of SSH connections: guacd's, in its order and with its meaning, then guacr's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from guacr.session.params import Params, param
from handlers.ssh import jump_params as jump
from handlers.terminal import params as shared

JUMPS = ("ssh_jump", "ssh_jump_2", "ssh_jump_3")
"""What the fields of the jump hosts begin with, in the order in which they are passed."""
TIMEOUT_MAX = 600
"""Seconds."""


def _algorithms(what: str) -> Any:
    return param(
        "",
        f"{what} in order of preference, separated by commas, in place of the usual ones; behind "
        "+ they are added, behind ^ they go first, behind - they are left out.",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class SshParams(Params):
    """What `args` asks for."""

    hostname: str = param("", "Name or address of the host.", common=True, required=True)
    host_key: str = param(
        "",
        "The host's key: one or more lines of known_hosts, or a type and a key (ssh-ed25519 "
        "AAAA…). Any other key is refused. Empty: the daemon's file of known hosts, if it has one.",
        common=True,
        multiline=True,
    )
    port: int = param(22, "TCP port.", common=True, minimum=1, maximum=65535)
    timeout: int = param(
        10,
        "Seconds in which the host must take the TCP connection, and then greet.",
        minimum=1,
        maximum=TIMEOUT_MAX,
    )
    username: str = param(
        "", "Name to log in with; asked for in the terminal if empty.", common=True
    )
    password: str = param(
        "",
        "Password; asked for in the terminal if it is empty and the host wants one.",
        common=True,
        secret=True,
    )
    font_name: str = shared.font_name()
    font_size: int = shared.font_size()
    enable_sftp: bool = param(
        False, "Offer the host's files for browsing, upload and download.", common=True, later=True
    )
    sftp_root_directory: str = param(
        "/", "Directory that is offered as the root.", common=True, later=True
    )
    sftp_disable_download: bool = param(False, "Refuse downloads.", later=True)
    sftp_disable_upload: bool = param(False, "Refuse uploads.", later=True)
    private_key: str = param(
        "",
        "Private key to log in with, in OpenSSH or PEM format: the whole text of its file.",
        common=True,
        secret=True,
        multiline=True,
    )
    passphrase: str = param(
        "",
        "Passphrase of the private key; asked for in the terminal if the key needs one.",
        common=True,
        secret=True,
    )
    public_key: str = param(
        "",
        "OpenSSH certificate of the private key. A mere public key is taken, but not needed.",
        multiline=True,
    )
    enable_agent: bool = param(
        False, "Let the remote host use the private key through a forwarded agent."
    )
    color_scheme: str = shared.color_scheme()
    command: str = param("", "Command to run instead of a shell.", common=True)
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
    server_alive_interval: int = param(
        0,
        "Seconds between keep-alive requests, at least 2; 0 for none. After three without an "
        "answer the session ends.",
        common=True,
        minimum=0,
        maximum=86400,
    )
    backspace: int = shared.backspace()
    func_keys_and_keypad: str = shared.func_keys_and_keypad()
    terminal_type: str = shared.terminal_type()
    scrollback: int = shared.scrollback()
    locale: str = param(
        "", "Sent as LANG, such as en_GB.UTF-8; the host may ignore it.", common=True
    )
    timezone: str = param(
        "",
        "Sent as TZ, such as Europe/Zurich; empty for the client's own. The host may ignore it.",
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
    encoding: str = shared.encoding()
    algorithms: str = param(
        "",
        "Algorithms that are offered: modern, or legacy, which adds those of old devices, all of "
        "them weak (diffie-hellman-group1-sha1, hmac-md5, 3des-cbc, ssh-dss and others). Empty: "
        "as the settings have it.",
        common=True,
        choices=("", "modern", "legacy"),
    )
    kex_algorithms: str = _algorithms("Key exchange algorithms")
    host_key_algorithms: str = _algorithms("Algorithms of host keys")
    ciphers: str = _algorithms("Ciphers")
    macs: str = _algorithms("Message authentication codes")
    ssh_jump_hostname: str = jump.hostname("first")
    ssh_jump_port: int = jump.port("first")
    ssh_jump_username: str = jump.username("first")
    ssh_jump_password: str = jump.password("first")
    ssh_jump_private_key: str = jump.private_key("first")
    ssh_jump_passphrase: str = jump.passphrase("first")
    ssh_jump_public_key: str = jump.public_key("first")
    ssh_jump_host_key: str = jump.host_key("first")
    ssh_jump_2_hostname: str = jump.hostname("second")
    ssh_jump_2_port: int = jump.port("second")
    ssh_jump_2_username: str = jump.username("second")
    ssh_jump_2_password: str = jump.password("second")
    ssh_jump_2_private_key: str = jump.private_key("second")
    ssh_jump_2_passphrase: str = jump.passphrase("second")
    ssh_jump_2_public_key: str = jump.public_key("second")
    ssh_jump_2_host_key: str = jump.host_key("second")
    ssh_jump_3_hostname: str = jump.hostname("third")
    ssh_jump_3_port: int = jump.port("third")
    ssh_jump_3_username: str = jump.username("third")
    ssh_jump_3_password: str = jump.password("third")
    ssh_jump_3_private_key: str = jump.private_key("third")
    ssh_jump_3_passphrase: str = jump.passphrase("third")
    ssh_jump_3_public_key: str = jump.public_key("third")
    ssh_jump_3_host_key: str = jump.host_key("third")
    gss_auth: bool = param(
        False,
        "Log in by Kerberos, with the tickets in the cache that the setting kerberos_cache names. "
        "Only an operator can set it, with hostname and username: in a connection of the "
        "configuration, or in a token.",
    )
