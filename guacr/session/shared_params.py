"""Parameters that several protocols share. A protocol inherits from the classes that it needs, and
lists them in its `ORDER`; `guacr.session.params` explains how."""

from __future__ import annotations

from dataclasses import dataclass, replace

from typing_extensions import override

from guacr.display.encoder import Quality
from guacr.session.params import Params, order, param
from guacr.session.rights import Rights

CLIPBOARD_MIN, CLIPBOARD_MAX = 262_144, 52_428_800
"""Bytes, as in guacd."""


@dataclass(frozen=True, kw_only=True)
class ReadOnlyParams(Params):
    """The parameter of users who only watch."""

    read_only: bool = param(False, "Ignore all input from this user.", common=True, personal=True)

    @property
    @override
    def rights(self) -> Rights:
        return replace(super().rights, read_only=self.read_only)


@dataclass(frozen=True, kw_only=True)
class ClipboardParams(Params):
    """The size of the clipboard, and who may use it."""

    clipboard_buffer_size: int = param(
        CLIPBOARD_MIN,
        "Maximum size of the clipboard in bytes; `max_clipboard` may allow more.",
        minimum=CLIPBOARD_MIN,
        maximum=CLIPBOARD_MAX,
    )
    disable_copy: bool = param(
        False, "Do not send the session's clipboard to this user.", common=True, personal=True
    )
    disable_paste: bool = param(
        False, "Do not accept this user's clipboard.", common=True, personal=True
    )

    @property
    @override
    def rights(self) -> Rights:
        return replace(
            super().rights, disable_copy=self.disable_copy, disable_paste=self.disable_paste
        )


@dataclass(frozen=True, kw_only=True)
class QualityParams(Params):
    """The quality of a picture, which its users may change."""

    picture_quality: str = param(
        "",
        "Quality of the picture: lossless, or low for slow links; empty: less detail only while "
        "the link is too slow.",
        choices=tuple(map(str, Quality)),
        live=True,
    )


@dataclass(frozen=True, kw_only=True)
class RecordingParams(Params):
    """The parameters of a recording of the session, for guacd's tools."""

    recording_path: str = param(
        "",
        "Directory for recordings; the session is recorded if set. Clients may only name those of "
        "the setting recording.directories.",
        common=True,
    )
    recording_name: str = param(
        "recording",
        "Name of the recording; .1 to .255 is appended if a file of this name exists.",
        common=True,
    )
    recording_exclude_output: bool = param(False, "Do not record the picture.")
    recording_exclude_mouse: bool = param(False, "Do not record the pointer.")
    recording_include_keys: bool = param(False, "Record the keys, including passwords.")
    recording_include_clipboard: bool = param(False, "Record the clipboard in both directions.")
    create_recording_path: bool = param(
        False, "Create the last level of the recording directory.", common=True
    )
    recording_write_existing: bool = param(False, "Overwrite a recording of the same name.")


@dataclass(frozen=True, kw_only=True)
class SftpParams(Params):
    """The parameters of the host's files over SFTP."""

    enable_sftp: bool = param(
        False, "Offer the host's files for browsing, upload and download.", common=True
    )
    sftp_root_directory: str = param(
        "/",
        "Directory that is offered; links that lead out of it are not followed. One that is not "
        "absolute is in the user's home.",
        common=True,
    )
    sftp_disable_download: bool = param(False, "Refuse downloads.")
    sftp_disable_upload: bool = param(
        False, "Refuse uploads, and everything else that changes files."
    )


@dataclass(frozen=True, kw_only=True)
class SftpHostParams(SftpParams):
    """The same for protocols that are not SSH, which connect to an SSH server beside theirs."""

    ORDER = order(
        "enable-sftp sftp-hostname sftp-host-key sftp-port sftp-timeout sftp-username",
        "sftp-password sftp-private-key sftp-passphrase sftp-public-key sftp-directory",
        "sftp-root-directory sftp-server-alive-interval sftp-disable-download",
        "sftp-disable-upload",
    )

    sftp_hostname: str = param("", "Host of the files; empty for the same host.", host=True)
    sftp_host_key: str = param("", "Key that the SSH host must have.")
    sftp_port: int = param(22, "TCP port of the SSH host.", minimum=1, maximum=65535)
    sftp_timeout: int = param(
        10, "Seconds in which the SSH host must accept the connection.", minimum=1
    )
    sftp_username: str = param("", "User name for the SSH host.")
    sftp_password: str = param("", "Password for the SSH host.", secret=True)
    sftp_private_key: str = param("", "Private key for the SSH host.", secret=True, multiline=True)
    sftp_passphrase: str = param("", "Passphrase of that key.", secret=True)
    sftp_public_key: str = param(
        "", "Certificate of that key, in OpenSSH's format.", multiline=True
    )
    sftp_directory: str = param("", "Directory for files that are dropped on the desktop.")
    sftp_server_alive_interval: int = param(
        0, "Seconds between two keep-alives to the SSH host; 0 for none.", minimum=0
    )


@dataclass(frozen=True, kw_only=True)
class WakeOnLanParams(Params):
    """The parameters for waking the host before connecting to it."""

    wol_send_packet: bool = param(False, "Wake the host with a wake-on-LAN packet.")
    wol_mac_addr: str = param("", "Ethernet address of the host, such as 00:11:22:33:44:55.")
    wol_broadcast_addr: str = param(
        "255.255.255.255", "IPv4 broadcast or IPv6 multicast address for the packet."
    )
    wol_udp_port: int = param(9, "UDP port for the packet.", minimum=1, maximum=65535)
    wol_wait_time: int = param(
        0,
        "Seconds between two packets. Five are sent, and connecting is repeated in the meantime; "
        "none is sent if the host answers at once. 0: one is sent, and the host must be awake.",
        minimum=0,
        maximum=600,
    )
