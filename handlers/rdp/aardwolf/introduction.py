"""The client's description of itself: data for the conference, the logon, and its capabilities."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from datetime import UTC, datetime

from aardwolf.protocol.pdu.capabilities import CAPSTYPE
from aardwolf.protocol.pdu.capabilities.bitmap import DRAWFLAG, TS_BITMAP_CAPABILITYSET
from aardwolf.protocol.pdu.capabilities.brush import TS_BRUSH_CAPABILITYSET
from aardwolf.protocol.pdu.capabilities.general import (
    EXTRAFLAG,
    OSMAJORTYPE,
    OSMINORTYPE,
    TS_GENERAL_CAPABILITYSET,
)
from aardwolf.protocol.pdu.capabilities.glyph import TS_GLYPHCACHE_CAPABILITYSET
from aardwolf.protocol.pdu.capabilities.input import INPUT_FLAG, TS_INPUT_CAPABILITYSET
from aardwolf.protocol.pdu.capabilities.multifragmentupdate import (
    TS_MULTIFRAGMENTUPDATE_CAPABILITYSET,
)
from aardwolf.protocol.pdu.capabilities.offscreen import TS_OFFSCREEN_CAPABILITYSET
from aardwolf.protocol.pdu.capabilities.order import ORDERFLAG, TS_ORDER_CAPABILITYSET
from aardwolf.protocol.pdu.capabilities.pointer import TS_POINTER_CAPABILITYSET
from aardwolf.protocol.pdu.capabilities.sound import SOUND_FLAG, TS_SOUND_CAPABILITYSET
from aardwolf.protocol.pdu.capabilities.virtualchannel import (
    TS_VIRTUALCHANNEL_CAPABILITYSET,
    VCCAPS,
)
from aardwolf.protocol.T124.userdata.clientcoredata import TS_UD_CS_CORE
from aardwolf.protocol.T124.userdata.constants import (
    COLOR_DEPTH,
    CONNECTION_TYPE,
    HIGH_COLOR_DEPTH,
    ORIENTATION,
    RNS_UD_CS,
    SUPPORTED_COLOR_DEPTH,
)
from aardwolf.protocol.T125.extendedinfopacket import PERF
from aardwolf.protocol.T125.infopacket import INFO_FLAG
from aardwolf.protocol.x224.constants import SUPP_PROTOCOLS

from handlers.rdp.aardwolf import timezone
from handlers.rdp.aardwolf.security import BITS_128
from handlers.rdp.aardwolf.settings import Settings
from handlers.rdp.channel.messages import Layout

CURSORS = 25
"""Pointers that the server may have kept here."""
UPDATE_MAX = 0x3F0000
"""Bytes of an update that comes in fragments."""
CHUNK = 1600
"""Bytes of a part of a message on a static channel (2.2.7.1.10)."""
_NAME_BYTES = 30
_SECURITY, _NETWORK, _CLUSTER = 0xC002, 0xC003, 0xC004
_MONITORS, _ATTRIBUTES, _ATTRIBUTES_SIZE = 0xC005, 0xC008, 20
_REDIRECTABLE, _SESSION_VALID = 0x0D, 2
"""Redirections of version 4 are followed; a session is asked for by its number."""
_CHANNEL_OPTIONS, _SHOWS_PROTOCOL = 0xC0000000, 0x00200000
"""Initialized, and encrypted as the rest (2.2.1.3.4.1)."""
_BUILD, _INTERNET = 2600, 2
_SET_BITS, _FRAME_MARKERS, _STREAM_BITS = 0x02, 0x10, 0x40
"""Flags of surface commands (2.2.7.2.9)."""
_PASSWORD, _END = 2, b"\0\0"
_DESCRIPTION = b"MSTSC\0"
_ORIGINATOR = 0x03EA


def blocks(settings: Settings, protocol: int, channels: Mapping[str, bool]) -> bytes:
    """Return the client's data (MS-RDPBCGR 2.2.1.3) for a security protocol. The channels are those
    to offer, and whether the server wants to see the headers of their parts."""
    methods = 0 if protocol else BITS_128
    session = _REDIRECTABLE | (_SESSION_VALID if settings.console_session else 0), 0
    names = b"".join(
        struct.pack(
            "<8sI",
            name.encode("ascii", "replace"),
            _CHANNEL_OPTIONS | (_SHOWS_PROTOCOL if shows_protocol else 0),
        )
        for name, shows_protocol in channels.items()
    )
    return (
        _core(settings, protocol)
        + struct.pack("<HHII", _CLUSTER, 12, *session)
        + struct.pack("<HHII", _SECURITY, 12, methods, 0)
        + struct.pack("<HHI", _NETWORK, 8 + len(names), len(channels))
        + names
        + (_monitors(settings.monitors) if settings.monitors else b"")
    )


def _monitors(layout: Layout) -> bytes:
    """Return the blocks about several monitors (2.2.1.3.6 and 2.2.1.3.9)."""
    count, width = layout.monitors, layout.width // layout.monitors
    places = b"".join(
        struct.pack("<iiiiI", left, 0, left + width - 1, layout.height - 1, int(left == 0))
        for left in layout.columns()
    )
    size = layout.physical_width // count, layout.physical_height
    attributes = struct.pack("<IIIII", *size, 0, layout.desktop_scale, layout.device_scale) * count
    return (
        struct.pack("<HHII", _MONITORS, 12 + len(places), 0, count)
        + places
        + struct.pack("<HHIII", _ATTRIBUTES, 16 + len(attributes), 0, _ATTRIBUTES_SIZE, count)
        + attributes
    )


def _core(settings: Settings, protocol: int) -> bytes:
    core = TS_UD_CS_CORE()
    core.desktopWidth, core.desktopHeight = settings.desktop_width, settings.desktop_height
    core.colorDepth = core.postBeta2ColorDepth = COLOR_DEPTH.COLOR_8BPP  # for Windows NT
    core.keyboardLayout = settings.keyboard_layout
    core.keyboardType = settings.keyboard_type
    core.keyboardSubType = settings.keyboard_sub_type
    core.keyboardFunctionKey = settings.keyboard_function_key
    core.clientBuild = _BUILD
    name = settings.client_hostname.encode("utf-16-le")[:_NAME_BYTES]
    core.clientName = name.decode("utf-16-le", "ignore")
    core.imeFileName = ""
    core.clientProductId, core.serialNumber = 1, 0
    core.highColorDepth = HIGH_COLOR_DEPTH.HIGH_COLOR_16BPP
    core.supportedColorDepths = SUPPORTED_COLOR_DEPTH.RNS_UD_16BPP_SUPPORT
    core.earlyCapabilityFlags = RNS_UD_CS.SUPPORT_ERRINFO_PDU | RNS_UD_CS.STRONG_ASYMMETRIC_KEYS
    if depth(settings) == 32:
        core.highColorDepth = HIGH_COLOR_DEPTH.HIGH_COLOR_24BPP
        core.supportedColorDepths |= SUPPORTED_COLOR_DEPTH.RNS_UD_32BPP_SUPPORT
        core.earlyCapabilityFlags |= RNS_UD_CS.WANT_32BPP_SESSION
    core.clientDigProductId = bytes(64)
    core.connectionType, core.pad1octet = CONNECTION_TYPE.UNK, b"\0"
    core.serverSelectedProtocol = SUPP_PROTOCOLS(protocol)
    core.desktopPhysicalWidth = settings.desktop_physical_width
    core.desktopPhysicalHeight = settings.desktop_physical_height
    core.desktopOrientation = ORIENTATION(0)
    core.desktopScaleFactor = settings.desktop_scale_factor
    core.deviceScaleFactor = settings.device_scale_factor
    encoded: bytes = core.to_bytes()
    return encoded


def depth(settings: Settings) -> int:
    """Return the bits of a pixel, out of those that aardwolf decodes."""
    return 16 if settings.color_depth in (8, 15, 16) else 32


def logon(settings: Settings, zone: str) -> bytes:
    """Return the client info PDU's content (2.2.1.11.1.1) for a user in a time zone."""
    flags = (
        INFO_FLAG.MOUSE
        | INFO_FLAG.MOUSE_HAS_WHEEL
        | INFO_FLAG.UNICODE
        | INFO_FLAG.LOGONERRORS
        | INFO_FLAG.LOGONNOTIFY
        | INFO_FLAG.MAXIMIZESHELL
        | INFO_FLAG.ENABLEWINDOWSKEY
        | INFO_FLAG.DISABLECTRLALTDEL
    )
    if settings.auto_logon_enabled:
        flags |= INFO_FLAG.AUTOLOGON
    here, there = INFO_FLAG.NOAUDIOPLAYBACK, INFO_FLAG.REMOTECONSOLEAUDIO
    flags |= there if settings.remote_console_audio else here
    names = (settings.domain, settings.username, settings.password, settings.alternate_shell, "")
    texts = [name.encode("utf-16-le") for name in names]
    if settings.redirection_password:
        texts[_PASSWORD] = settings.redirection_password.removesuffix(_END)
    encoded = struct.pack("<II5H", 0, int(flags), *map(len, texts))
    encoded += b"".join(text + _END for text in texts)
    # No address of the daemon's machine is sent, nor one of its directories.
    extended = struct.pack("<HHHHH", _INTERNET, 2, 0, 2, 0)
    extended += timezone.encode(zone, datetime.now(UTC).year)
    return encoded + extended + struct.pack("<IIHHH", 0, performance(settings), 0, 0, 0)


def performance(settings: Settings) -> int:
    """Return flags of what the desktop has or may do without (2.2.1.11.1.1.1)."""
    flags = {
        PERF.DISABLE_WALLPAPER: settings.disable_wallpaper,
        PERF.DISABLE_THEMING: settings.disable_themes,
        PERF.DISABLE_FULLWINDOWDRAG: settings.disable_full_window_drag,
        PERF.DISABLE_MENUANIMATIONS: settings.disable_menu_anims,
        PERF.ENABLE_FONT_SMOOTHING: settings.allow_font_smoothing,
        PERF.ENABLE_DESKTOP_COMPOSITION: settings.allow_desktop_composition,
    }
    return sum(int(flag) for flag, is_set in flags.items() if is_set)


def capabilities(settings: Settings, size: tuple[int, int], share: int) -> bytes:
    """Return the confirm active PDU's content (2.2.1.13.2.1) for a desktop of this size."""
    sets = b""
    count = 0
    for kind, encoded in _sets(settings, size):
        sets += struct.pack("<HH", kind.value, 4 + len(encoded)) + encoded
        count += 1
    head = struct.pack("<IHHH", share, _ORIGINATOR, len(_DESCRIPTION), 4 + len(sets))
    return head + _DESCRIPTION + struct.pack("<HH", count, 0) + sets


def _sets(settings: Settings, size: tuple[int, int]) -> list[tuple[CAPSTYPE, bytes]]:
    general = TS_GENERAL_CAPABILITYSET()
    general.osMajorType, general.osMinorType = OSMAJORTYPE.WINDOWS, OSMINORTYPE.WINDOWS_NT
    general.extraFlags = (
        EXTRAFLAG.FASTPATH_OUTPUT_SUPPORTED
        | EXTRAFLAG.NO_BITMAP_COMPRESSION_HDR
        | EXTRAFLAG.LONG_CREDENTIALS_SUPPORTED
    )
    bitmap = TS_BITMAP_CAPABILITYSET()
    bitmap.preferredBitsPerPixel = depth(settings)
    bitmap.desktopWidth, bitmap.desktopHeight = size
    bitmap.desktopResizeFlag = True
    bitmap.drawingFlags = DRAWFLAG(0)  # aardwolf decodes neither fewer planes nor fewer colours
    orders = TS_ORDER_CAPABILITYSET()  # none
    orders.orderFlags = ORDERFLAG.NEGOTIATEORDERSUPPORT | ORDERFLAG.ZEROBOUNDSDELTASSUPPORT
    pointer = TS_POINTER_CAPABILITYSET()
    pointer.colorPointerFlag = True
    pointer.colorPointerCacheSize = pointer.pointerCacheSize = CURSORS
    keys = TS_INPUT_CAPABILITYSET()
    keys.inputFlags = (
        INPUT_FLAG.SCANCODES | INPUT_FLAG.MOUSEX | INPUT_FLAG.UNICODE | INPUT_FLAG.MOUSE_HWHEEL
    )
    keys.keyboardLayout = settings.keyboard_layout
    keys.keyboardType = settings.keyboard_type
    keys.keyboardSubType = settings.keyboard_sub_type
    keys.keyboardFunctionKey = settings.keyboard_function_key
    channels = TS_VIRTUALCHANNEL_CAPABILITYSET()
    channels.flags, channels.VCChunkSize = VCCAPS.NO_COMPR, CHUNK
    sound = TS_SOUND_CAPABILITYSET()
    sound.soundFlags = SOUND_FLAG.BEEPS
    fragments = TS_MULTIFRAGMENTUPDATE_CAPABILITYSET()
    fragments.MaxRequestSize = UPDATE_MAX
    made = {
        CAPSTYPE.GENERAL: general,
        CAPSTYPE.BITMAP: bitmap,
        CAPSTYPE.ORDER: orders,
        CAPSTYPE.POINTER: pointer,
        CAPSTYPE.INPUT: keys,
        CAPSTYPE.BRUSH: TS_BRUSH_CAPABILITYSET(),
        CAPSTYPE.GLYPHCACHE: TS_GLYPHCACHE_CAPABILITYSET(),
        CAPSTYPE.OFFSCREENCACHE: TS_OFFSCREEN_CAPABILITYSET(),
        CAPSTYPE.VIRTUALCHANNEL: channels,
        CAPSTYPE.SOUND: sound,
        CAPSTYPE.MULTIFRAGMENTUPDATE: fragments,
    }
    found = [(kind, one.to_bytes()) for kind, one in made.items()]
    # aardwolf's set has the wrong size; no bitmap is cached
    surfaces = struct.pack("<II", _SET_BITS | _FRAME_MARKERS | _STREAM_BITS, 0)
    return [*found, (CAPSTYPE.BITMAPCACHE, bytes(36)), (CAPSTYPE.SURFACE_COMMANDS, surfaces)]
