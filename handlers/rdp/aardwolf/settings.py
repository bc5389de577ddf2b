"""The settings of a connection, from those of FreeRDP that the daemon sends."""

from __future__ import annotations

from dataclasses import dataclass, field, fields

from handlers.rdp.channel.messages import Layout


@dataclass(slots=True)
class Settings:
    """The settings that this engine has, by their names in FreeRDP in other spelling."""

    desktop_width: int = 1024
    desktop_height: int = 768
    desktop_physical_width: int = 0
    desktop_physical_height: int = 0
    desktop_scale_factor: int = 100
    device_scale_factor: int = 100
    color_depth: int = 32
    nla_security: bool = True
    ext_security: bool = False
    tls_security: bool = True
    use_rdp_security_layer: bool = False
    send_preconnection_pdu: bool = False
    preconnection_id: int = 0
    preconnection_blob: str = ""
    username: str = ""
    password: str = field(default="", repr=False)
    domain: str = ""
    auto_logon_enabled: bool = False
    support_display_control: bool = False
    remote_console_audio: bool = False
    disable_wallpaper: bool = False
    disable_themes: bool = False
    allow_font_smoothing: bool = False
    disable_full_window_drag: bool = False
    allow_desktop_composition: bool = False
    disable_menu_anims: bool = False
    client_hostname: str = ""
    console_session: bool = False
    alternate_shell: str = ""
    keyboard_layout: int = 0x409
    keyboard_type: int = 4
    keyboard_sub_type: int = 0
    keyboard_function_key: int = 12
    load_balance_info: bytes = b""
    redirection_password: bytes = field(default=b"", repr=False)
    """Instead of the password, after a redirection."""
    monitors: Layout | None = None
    """Those of the desktop, if there are several."""

    def put(self, name: str, value: str) -> bool:
        """Set a setting from its text, TRUE or FALSE for flags, and return whether it was valid.
        Those that only FreeRDP has are accepted: the daemon tells users what has no effect."""
        known = _KINDS.get(name)
        if known is None:
            return True
        attribute, kind = known
        try:
            found = value == "TRUE" if kind == "bool" else int(value) if kind == "int" else value
        except ValueError:
            return False
        setattr(self, attribute, found)
        return True

    def put_block(self, name: str, data: bytes) -> bool:
        """Set a setting that is a block of bytes, and return whether there is one."""
        if name == "LoadBalanceInfo":
            self.load_balance_info = data
        elif name == "RedirectionPassword":
            self.redirection_password = data
        else:
            return False
        return True


_KINDS = {
    one.name.title().replace("_", ""): (one.name, str(one.type))
    for one in fields(Settings)
    if one.type in ("str", "int", "bool")
}
"""By FreeRDP's name: the attribute, and its type."""
