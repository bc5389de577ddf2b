"""Translates the parameters of a connection for FreeRDP."""

from __future__ import annotations

import re

from handlers.rdp import keyboard, negotiation
from handlers.rdp.channel.codec import Message
from handlers.rdp.channel.memory import SIDE_MAX
from handlers.rdp.channel.messages import BinarySetting, Layout, Setting
from handlers.rdp.login import Login
from handlers.rdp.params import MONITORS_MAX, RdpParams
from handlers.rdp.redirection import ENCRYPTED, Redirection

DEPTH = 32
SIDE_MIN = 200
"""The fewest pixels of a side that servers accept (MS-RDPEDISP 2.2.2.2.1)."""
NORMAL_DPI = 96
SCALE_MIN, SCALE_MAX = 100, 500
"""Percent, as in MS-RDPBCGR 2.2.1.3.2."""
DEVICE_SCALES = ((200, 180), (140, 140))
"""The device's scale factor from a desktop's scale factor on; 100 below. Only three values are
allowed (MS-RDPBCGR 2.2.1.3.2)."""
MILLIMETRES = 25.4
NO_GLYPHS, ALL_GLYPHS = 0, 2
"""Levels of support for cached glyphs (MS-RDPBCGR 2.2.7.1.8)."""
WINDOWS, WINDOWS_NT = 1, 3
"""The client's operating system (MS-RDPBCGR 2.2.7.1.1)."""
FUNCTION_KEYS = 12
COOKIE_MAX = 127
"""Characters of the user name in the connection request, which has room for 255 bytes in all
(MS-RDPBCGR 2.2.1.1)."""

_ZONE = re.compile(r"(?=.{1,64}$)[A-Za-z0-9_+-]+(/[A-Za-z0-9_+-]+){0,3}")
"""Names of the IANA's data base, such as America/Argentina/Salta or Etc/GMT+3."""

_INCLUDED = {
    "any": (negotiation.NLA, negotiation.TLS),
    "nla": (negotiation.NLA,),
    "nla-ext": (negotiation.NLA,),
    "tls": (negotiation.TLS,),
    "rdp": (negotiation.RDP,),
}

Value = str | int | bool


def geometry_of(
    params: RdpParams, width: int, height: int, dpi: int, monitors_max: int = MONITORS_MAX
) -> Layout:
    """Return the geometry of a desktop for a window of `width` by `height` pixels with `dpi`, on
    at most `monitors_max` monitors."""
    monitors = min(params.monitors, max(monitors_max, 1))
    each = max(min(params.width or width, SIDE_MAX) // monitors, SIDE_MIN)
    width = (each & ~1) * monitors  # RDP wants even widths
    height = min(max(params.height or height, SIDE_MIN), SIDE_MAX)
    dpi = params.dpi or dpi or NORMAL_DPI
    scale = SCALE_MIN
    if not params.disable_scaling:
        scale = min(max(round(dpi * 100 / NORMAL_DPI), SCALE_MIN), SCALE_MAX)
    device = next((value for least, value in DEVICE_SCALES if scale >= least), 100)
    return Layout(
        width,
        height,
        round(width * MILLIMETRES / dpi),
        round(height * MILLIMETRES / dpi),
        scale,
        device,
        monitors,
    )


def settings_of(
    params: RdpParams,
    login: Login,
    geometry: Layout,
    security: str,
    redirection: Redirection | None = None,
    *,
    is_near: bool = False,
) -> list[Message]:
    """Return FreeRDP's settings for a connection with one of the security protocols, which a
    redirection may have led to, to a server that may be near."""
    values: dict[str, Value] = {}
    for part in (
        _security(params, security),
        _credentials(login),
        _picture(params, geometry, is_near=is_near),
        _features(params),
        _machine(params),
        _remote_app(params),
    ):
        values.update(part)
    blocks = {"LoadBalanceInfo": params.load_balance_info.encode()}
    if redirection is not None:
        blocks = {"LoadBalanceInfo": redirection.token, "RedirectionPassword": redirection.cookie}
        if redirection.is_encrypted:
            values |= {"RdstlsSecurity": True, "RedirectionFlags": ENCRYPTED}
            blocks["RedirectionGuid"] = redirection.guid
    messages: list[Message] = [Setting(name, _text(value)) for name, value in values.items()]
    if geometry.monitors > 1:
        messages.append(geometry)
    messages += [BinarySetting(name, data) for name, data in blocks.items() if data]
    return messages


def excludes(params: RdpParams, security: str, protocol: str) -> bool:
    """Return whether one of the `security` protocols of a connection does not include one that the
    server wants."""
    if protocol == negotiation.NLA and params.disable_auth:
        return True
    return security in _INCLUDED and protocol not in _INCLUDED[security]


def _security(params: RdpParams, security: str) -> dict[str, Value]:
    vmconnect = security == "vmconnect"
    nla = security in ("any", "nla", "nla-ext", "vmconnect") and not params.disable_auth
    return {
        "NegotiateSecurityLayer": not vmconnect,
        "NlaSecurity": nla,
        "ExtSecurity": nla and security == "nla-ext",
        "TlsSecurity": security in ("any", "tls", "vmconnect"),
        # It verifies no certificate: nobody on the way may bring it about.
        "RdpSecurity": security == "rdp",
        "UseRdpSecurityLayer": security == "rdp",
        "VmConnectMode": vmconnect,
        "ExternalCertificateManagement": True,
        "SaltedChecksum": False,  # xrdp refuses FreeRDP's
        "IgnoreCertificate": False,
        "AutoReconnectionEnabled": False,
        "SendPreconnectionPdu": bool(params.preconnection_blob) or params.preconnection_id >= 0,
        "PreconnectionId": max(params.preconnection_id, 0),
        "PreconnectionBlob": params.preconnection_blob,
    }


def _credentials(login: Login) -> dict[str, Value]:
    username, domain = login.account
    given = {"Username": username, "Password": login.password, "Domain": domain}
    # Without a value, and not with an empty one, FreeRDP 3 asks for it.
    found: dict[str, Value] = {
        name: value for name, value in given.items() if value or login.was_asked_for
    }
    found["AutoLogonEnabled"] = login.is_complete
    found["CookieMaxLength"] = COOKIE_MAX
    return found


def _picture(params: RdpParams, geometry: Layout, *, is_near: bool) -> dict[str, Value]:
    depth = int(params.color_depth or 0) or DEPTH
    # With the pipeline, hosts send each window of a RemoteApp by itself, and no desktop.
    graphics = not params.disable_gfx and depth == DEPTH and not params.remote_app
    return {
        "DesktopWidth": geometry.width,
        "DesktopHeight": geometry.height,
        "DesktopPhysicalWidth": geometry.physical_width,
        "DesktopPhysicalHeight": geometry.physical_height,
        "DesktopScaleFactor": geometry.desktop_scale,
        "DeviceScaleFactor": geometry.device_scale,
        "UseMultimon": geometry.monitors > 1,
        "HasMonitorAttributes": geometry.monitors > 1,
        "ColorDepth": depth,
        "SoftwareGdi": True,
        "SupportGraphicsPipeline": graphics,
        "GfxProgressive": graphics,
        "GfxSmallCache": False,
        "GfxH264": False,
        "GfxAVC444": False,
        "RemoteFxCodec": False,
        "NSCodec": False,  # it halves the resolution of colours
        "FastPathOutput": True,
        "FastPathInput": True,
        "FrameMarkerCommandEnabled": True,
        "SurfaceFrameMarkerEnabled": True,
        "BitmapCacheEnabled": not params.disable_bitmap_caching,
        "BitmapCacheV3Enabled": False,
        "OffscreenSupportLevel": 0,
        # xrdp's own windows need glyphs, whatever the client supports.
        "GlyphSupportLevel": NO_GLYPHS if params.disable_glyph_caching else ALL_GLYPHS,
        # It takes servers as long as all the rest, and saves little of what is compressed already.
        "CompressionEnabled": not is_near,
        "LargePointerFlag": 0,
    }


def _features(params: RdpParams) -> dict[str, Value]:
    resizing = params.resize_method == "display-update"
    return {
        "SupportDynamicChannels": True,
        "SupportDisplayControl": resizing,
        "DynamicResolutionUpdate": resizing,
        "RedirectClipboard": False,  # guacr has a channel of its own
        "AudioPlayback": not params.disable_audio,
        "AudioCapture": params.enable_audio_input,
        "MultiTouchInput": params.enable_touch,
        "RemoteConsoleAudio": params.console_audio,
        "DeviceRedirection": False,
        "UnicodeInput": True,
        "HasExtendedMouseEvent": True,
        "HasHorizontalWheel": True,
        "NetworkAutoDetect": False,
        "SupportMultitransport": False,
        "MultitransportFlags": 0,
        "SupportHeartbeatPdu": False,
        "DisableWallpaper": not params.enable_wallpaper,
        "DisableThemes": not params.enable_theming,
        "AllowFontSmoothing": params.enable_font_smoothing,
        "DisableFullWindowDrag": not params.enable_full_window_drag,
        "AllowDesktopComposition": params.enable_desktop_composition,
        "DisableMenuAnims": not params.enable_menu_animations,
    }


def _machine(params: RdpParams) -> dict[str, Value]:
    return {
        "OsMajorType": WINDOWS,
        "OsMinorType": WINDOWS_NT,
        "ClientHostname": params.client_name,
        "ConsoleSession": params.console,
        "AlternateShell": params.initial_program,
    }


def _remote_app(params: RdpParams) -> dict[str, Value]:
    if not params.remote_app:
        return {}
    return {
        "RemoteApplicationMode": True,
        "HiDefRemoteApp": False,
        "RemoteApplicationProgram": params.remote_app,
        "RemoteApplicationWorkingDir": params.remote_app_dir,
        "RemoteApplicationCmdLine": params.remote_app_args,
    }


def zone_of(name: str) -> str:
    """Return the name of a time zone, or an empty one for UTC if it is none: the C library takes it
    for a path, or for rules."""
    return name if _ZONE.fullmatch(name) else ""


def keyboard_settings(layout: keyboard.Layout) -> list[Message]:
    """Return FreeRDP's settings of the keyboard."""
    values: dict[str, Value] = {
        "KeyboardLayout": layout.identifier,
        "KeyboardType": layout.keyboard_type,
        "KeyboardSubType": layout.keyboard_subtype,
        "KeyboardFunctionKey": FUNCTION_KEYS,
    }
    return [Setting(name, _text(value)) for name, value in values.items()]


def _text(value: Value) -> str:
    return str(value).upper() if isinstance(value, bool) else str(value)
