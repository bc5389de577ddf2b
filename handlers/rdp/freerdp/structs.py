"""The layouts of C structures in FreeRDP 2.3 to 3.x, which a test compares with headers.

`rdpContext` and `freerdp` are arrays of slots of 8 bytes, with the same places in all versions
(include/freerdp/freerdp.h). The others are plain structures, which ctypes lays out as C does.
Fields that guacr does not use are paddings.
"""

from __future__ import annotations

import ctypes
from ctypes import (
    POINTER,
    c_char_p,
    c_int,
    c_int32,
    c_size_t,
    c_ubyte,
    c_uint16,
    c_uint32,
    c_void_p,
)

SLOT = 8
CONTEXT = {
    "instance": 0, "pubSub": 18, "gdi": 33, "channels": 36, "graphics": 37, "input": 38,
    "update": 39, "settings": 40,
}  # fmt: skip
"""Slots of `rdpContext`."""
INSTANCE = {
    "context": 0, "PreConnect": 48, "PostConnect": 49, "Authenticate": 50,
    "VerifyX509Certificate": 53, "LogonErrorInfo": 54, "PostDisconnect": 55,
    "Redirect": 58, "LoadChannels": 59, "AuthenticateEx": 69,
}  # fmt: skip
"""Slots of `freerdp`; the last three only in versions 3.x."""


def slot(base: int, number: int) -> c_void_p:
    """Return a slot of a structure at the address `base`."""
    return c_void_p.from_address(base + SLOT * number)


class Update(ctypes.Structure):
    """`rdpUpdate` (freerdp/update.h)."""

    _fields_ = (
        ("context", c_void_p),
        ("padA", c_uint32 * 15),
        ("BeginPaint", c_void_p),
        ("EndPaint", c_void_p),
        ("SetBounds", c_void_p),
        ("Synchronize", c_void_p),
        ("DesktopResize", c_void_p),
        ("BitmapUpdate", c_void_p),
        ("Palette", c_void_p),
        ("PlaySound", c_void_p),
        ("SetKeyboardIndicators", c_void_p),
        ("SetKeyboardImeStatus", c_void_p),
        ("padB", c_uint32 * 6),
        ("pointer", c_void_p),
        ("primary", c_void_p),
        ("secondary", c_void_p),
        ("altsec", c_void_p),
        ("window", c_void_p),
        ("padC", c_uint32 * 11),
        ("RefreshRect", c_void_p),
        ("SuppressOutput", c_void_p),
        ("RemoteMonitors", c_void_p),
        ("padD", c_uint32 * 13),
        ("SurfaceCommand", c_void_p),
        ("SurfaceBits", c_void_p),
        ("SurfaceFrameMarker", c_void_p),
        ("SurfaceFrameBits", c_void_p),
        ("SurfaceFrameAcknowledge", c_void_p),
        ("SaveSessionInfo", c_void_p),
        ("ServerStatusInfo", c_void_p),
    )


class Pointer(ctypes.Structure):
    """`rdpPointer` (freerdp/graphics.h)."""

    _fields_ = (
        ("size", c_size_t),
        ("New", c_void_p),
        ("Free", c_void_p),
        ("Set", c_void_p),
        ("SetNull", c_void_p),
        ("SetDefault", c_void_p),
        ("SetPosition", c_void_p),
        ("padA", c_uint32 * 9),
        ("xPos", c_uint32),
        ("yPos", c_uint32),
        ("width", c_uint32),
        ("height", c_uint32),
        ("xorBpp", c_uint32),
        ("lengthAndMask", c_uint32),
        ("lengthXorMask", c_uint32),
        ("xorMaskData", c_void_p),
        ("andMaskData", c_void_p),
        ("padB", c_uint32 * 7),
    )


_BITMAP = (
    ("size", c_size_t),
    ("New", c_void_p),
    ("Free", c_void_p),
    ("Paint", c_void_p),
    ("Decompress", c_void_p),
    ("SetSurface", c_void_p),
    ("padA", c_uint32 * 10),
    ("geometry", c_uint32 * 9),
    ("data", c_void_p),
)
_BITMAP_END = (("flags", c_uint32 * 2), ("padC", c_uint32 * 30))


class Bitmap2(ctypes.Structure):
    """`rdpBitmap` of versions 2.x (freerdp/graphics.h)."""

    _fields_ = (*_BITMAP, ("padB", c_uint32 * 6), *_BITMAP_END)


class Bitmap3(ctypes.Structure):
    """`rdpBitmap` of versions 3.x."""

    _fields_ = (*_BITMAP, ("key64", ctypes.c_uint64), ("padB", c_uint32 * 5), *_BITMAP_END)


class GdiRegion(ctypes.Structure):
    """`GDI_RGN` (freerdp/gdi/gdi.h)."""

    _fields_ = (
        ("objectType", c_ubyte),
        ("x", c_int32),
        ("y", c_int32),
        ("w", c_int32),
        ("h", c_int32),
        ("null", c_int),
    )


class GdiWindow(ctypes.Structure):
    """`GDI_WND`: what has been drawn since the last picture."""

    _fields_ = (
        ("count", c_uint32),
        ("ninvalid", c_int32),
        ("invalid", POINTER(GdiRegion)),
        ("cinvalid", POINTER(GdiRegion)),
    )


class GdiDc(ctypes.Structure):
    """`GDI_DC`."""

    _fields_ = (
        ("selectedObject", c_void_p),
        ("format", c_uint32),
        ("bkColor", c_uint32),
        ("textColor", c_uint32),
        ("brush", c_void_p),
        ("clip", c_void_p),
        ("pen", c_void_p),
        ("hwnd", POINTER(GdiWindow)),
    )


class GdiBitmap2(ctypes.Structure):
    """`gdiBitmap` of versions 2.x."""

    _fields_ = (("_p", Bitmap2), ("hdc", POINTER(GdiDc)))


class GdiBitmap3(ctypes.Structure):
    """`gdiBitmap` of versions 3.x."""

    _fields_ = (("_p", Bitmap3), ("hdc", POINTER(GdiDc)))


_GDI = (
    ("context", c_void_p),
    ("width", c_int32),
    ("height", c_int32),
    ("stride", c_uint32),
    ("dstFormat", c_uint32),
    ("cursor_x", c_uint32),
    ("cursor_y", c_uint32),
    ("hdc", c_void_p),
)


class Gdi2(ctypes.Structure):
    """`rdpGdi` of versions 2.x."""

    _fields_ = (*_GDI, ("primary", POINTER(GdiBitmap2)))


class Gdi3(ctypes.Structure):
    """`rdpGdi` of versions 3.x."""

    _fields_ = (*_GDI, ("primary", POINTER(GdiBitmap3)))


class ChannelEvent(ctypes.Structure):
    """`ChannelConnectedEventArgs` and `ChannelDisconnectedEventArgs` (freerdp/event.h)."""

    _fields_ = (
        ("Size", c_uint32),
        ("Sender", c_char_p),
        ("name", c_char_p),
        ("pInterface", c_void_p),
    )


class DisplayControl(ctypes.Structure):
    """`DispClientContext` (freerdp/client/disp.h)."""

    _fields_ = (
        ("handle", c_void_p),
        ("custom", c_void_p),
        ("DisplayControlCaps", c_void_p),
        ("SendMonitorLayout", c_void_p),
    )


class MonitorLayout(ctypes.Structure):
    """`DISPLAY_CONTROL_MONITOR_LAYOUT` (freerdp/channels/disp.h)."""

    _fields_ = (
        ("Flags", c_uint32),
        ("Left", c_int32),
        ("Top", c_int32),
        ("Width", c_uint32),
        ("Height", c_uint32),
        ("PhysicalWidth", c_uint32),
        ("PhysicalHeight", c_uint32),
        ("Orientation", c_uint32),
        ("DesktopScaleFactor", c_uint32),
        ("DeviceScaleFactor", c_uint32),
    )


class Monitor(ctypes.Structure):
    """`rdpMonitor` (freerdp/types.h)."""

    _fields_ = (
        ("x", c_int32),
        ("y", c_int32),
        ("width", c_int32),
        ("height", c_int32),
        ("is_primary", c_uint32),
        ("orig_screen", c_uint32),
        ("physicalWidth", c_uint32),
        ("physicalHeight", c_uint32),
        ("orientation", c_uint32),
        ("desktopScaleFactor", c_uint32),
        ("deviceScaleFactor", c_uint32),
    )


class ChannelEntryPoints(ctypes.Structure):
    """`CHANNEL_ENTRY_POINTS_FREERDP_EX` (freerdp/svc.h)."""

    _fields_ = (
        ("cbSize", c_uint32),
        ("protocolVersion", c_uint32),
        ("pVirtualChannelInitEx", c_void_p),
        ("pVirtualChannelOpenEx", c_void_p),
        ("pVirtualChannelCloseEx", c_void_p),
        ("pVirtualChannelWriteEx", c_void_p),
    )


class ChannelDefinition(ctypes.Structure):
    """`CHANNEL_DEF` (winpr/wtsapi.h)."""

    _fields_ = (("name", ctypes.c_char * 8), ("options", c_uint32))


class TimeZone(ctypes.Structure):
    """`DYNAMIC_TIME_ZONE_INFORMATION` (winpr/timezone.h), which begins with a
    `TIME_ZONE_INFORMATION`."""

    _fields_ = (
        ("Bias", c_int32),
        ("StandardName", c_uint16 * 32),
        ("StandardDate", c_uint16 * 8),
        ("StandardBias", c_int32),
        ("DaylightName", c_uint16 * 32),
        ("DaylightDate", c_uint16 * 8),
        ("DaylightBias", c_int32),
        ("TimeZoneKeyName", c_uint16 * 128),
        ("DynamicDaylightTimeDisabled", c_int),
    )


class AudioFormat(ctypes.Structure):
    """`AUDIO_FORMAT` (freerdp/codec/audio.h)."""

    _fields_ = (
        ("wFormatTag", c_uint16),
        ("nChannels", c_uint16),
        ("nSamplesPerSec", c_uint32),
        ("nAvgBytesPerSec", c_uint32),
        ("nBlockAlign", c_uint16),
        ("wBitsPerSample", c_uint16),
        ("cbSize", c_uint16),
        ("data", c_void_p),
    )


class SoundDevice(ctypes.Structure):
    """`rdpsndDevicePlugin` (freerdp/client/rdpsnd.h); the padding is for versions 3.x."""

    _fields_ = (
        ("rdpsnd", c_void_p),
        ("FormatSupported", c_void_p),
        ("Open", c_void_p),
        ("GetVolume", c_void_p),
        ("SetVolume", c_void_p),
        ("Play", c_void_p),
        ("Start", c_void_p),
        ("Close", c_void_p),
        ("Free", c_void_p),
        ("DefaultFormat", c_void_p),
        ("padA", c_void_p * 2),
    )


class SoundEntry(ctypes.Structure):
    """`FREERDP_RDPSND_DEVICE_ENTRY_POINTS`."""

    _fields_ = (("rdpsnd", c_void_p), ("pRegisterRdpsndDevice", c_void_p), ("args", c_void_p))


class MicrophoneDevice(ctypes.Structure):
    """`IAudinDevice` (freerdp/client/audin.h)."""

    _fields_ = (
        ("Open", c_void_p),
        ("FormatSupported", c_void_p),
        ("SetFormat", c_void_p),
        ("Close", c_void_p),
        ("Free", c_void_p),
    )


class MicrophoneEntry(ctypes.Structure):
    """`FREERDP_AUDIN_DEVICE_ENTRY_POINTS`."""

    _fields_ = (
        ("plugin", c_void_p),
        ("pRegisterAudinDevice", c_void_p),
        ("args", c_void_p),
        ("rdpcontext", c_void_p),
    )


class DynamicEntry(ctypes.Structure):
    """`IDRDYNVC_ENTRY_POINTS` (freerdp/dvc.h)."""

    _fields_ = (("RegisterPlugin", c_void_p),)


class DynamicPlugin(ctypes.Structure):
    """`IWTSPlugin`."""

    _fields_ = (("Initialize", c_void_p), ("padA", c_void_p * 5), ("pInterface", c_void_p))


class DynamicManager(ctypes.Structure):
    """`IWTSVirtualChannelManager`."""

    _fields_ = (("CreateListener", c_void_p),)


class DynamicListener(ctypes.Structure):
    """`IWTSListenerCallback`; the padding is for versions 3.x."""

    _fields_ = (("OnNewChannelConnection", c_void_p), ("padA", c_void_p))


class DynamicChannel(ctypes.Structure):
    """`IWTSVirtualChannel`."""

    _fields_ = (("Write", c_void_p), ("Close", c_void_p))


class DynamicCallback(ctypes.Structure):
    """`IWTSVirtualChannelCallback`; the padding is for versions 3.x."""

    _fields_ = (
        ("OnDataReceived", c_void_p),
        ("OnOpen", c_void_p),
        ("OnClose", c_void_p),
        ("padA", c_void_p),
    )


class Stream(ctypes.Structure):
    """`wStream` (winpr/stream.h)."""

    _fields_ = (("buffer", c_void_p), ("pointer", c_void_p), ("length", c_size_t))


class Rail(ctypes.Structure):
    """`RailClientContext` (freerdp/client/rail.h)."""

    _fields_ = (
        ("handle", c_void_p),
        ("custom", c_void_p),
        ("ClientExecute", c_void_p),
        ("padA", c_void_p),
        ("ClientSystemParam", c_void_p),
        ("padB", c_void_p),
        ("ClientSystemCommand", c_void_p),
        ("ClientHandshake", c_void_p),
        ("ServerHandshake", c_void_p),
        ("ServerHandshakeEx", c_void_p),
        ("padC", c_void_p * 4),
        ("ClientInformation", c_void_p),
        ("padD", c_void_p * 5),
        ("ServerExecuteResult", c_void_p),
    )


class RailHandshake(ctypes.Structure):
    """`RAIL_HANDSHAKE_ORDER` (freerdp/rail.h)."""

    _fields_ = (("buildNumber", c_uint32),)


class RailStatus(ctypes.Structure):
    """`RAIL_CLIENT_STATUS_ORDER`."""

    _fields_ = (("flags", c_uint32),)


class RailExecute(ctypes.Structure):
    """`RAIL_EXEC_ORDER`."""

    _fields_ = (
        ("flags", c_uint16),
        ("RemoteApplicationProgram", c_char_p),
        ("RemoteApplicationWorkingDir", c_char_p),
        ("RemoteApplicationArguments", c_char_p),
    )


class RailExecuteResult(ctypes.Structure):
    """`RAIL_EXEC_RESULT_ORDER`."""

    _fields_ = (("flags", c_uint16), ("execResult", c_uint16), ("rawResult", c_uint32))


class RailCommand(ctypes.Structure):
    """`RAIL_SYSCOMMAND_ORDER`."""

    _fields_ = (("windowId", c_uint32), ("command", c_uint16))


class RailSystemParameters(ctypes.Structure):
    """`RAIL_SYSPARAM_ORDER`; rectangles are left, top, right, bottom."""

    _fields_ = (
        ("param", c_uint32),
        ("params", c_uint32),
        ("padA", c_int * 4),
        ("workArea", c_uint16 * 4),
        ("displayChange", c_uint16 * 4),
        ("taskbarPos", c_uint16 * 4),
        ("contrastFlags", c_uint32),
        ("contrastLength", c_uint32),
        ("contrastScheme", c_uint16),
        ("contrastText", c_void_p),
        ("caretWidth", c_uint32),
        ("padB", c_uint32 * 9),
    )


class WindowUpdate(ctypes.Structure):
    """`rdpWindowUpdate` (freerdp/window.h)."""

    _fields_ = (
        ("context", c_void_p),
        ("padA", c_uint32 * 15),
        ("WindowCreate", c_void_p),
        ("WindowUpdate", c_void_p),
    )


class WindowOrder(ctypes.Structure):
    """`WINDOW_ORDER_INFO`."""

    _fields_ = (("windowId", c_uint32), ("fieldFlags", c_uint32))


class WindowState(ctypes.Structure):
    """`WINDOW_STATE_ORDER`."""

    _fields_ = (
        ("ownerWindowId", c_uint32),
        ("style", c_uint32),
        ("extendedStyle", c_uint32),
        ("showState", c_uint32),
    )
