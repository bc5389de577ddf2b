"""The layouts agree with the headers of the installed version."""

from __future__ import annotations

import ctypes
import subprocess
from pathlib import Path
from typing import Any

import pytest

from handlers.rdp.freerdp import cursors, screen, structs
from handlers.rdp.freerdp.structs import CONTEXT, INSTANCE, SLOT
from tests.support.require import missing, require

HEADERS = (
    "freerdp/freerdp.h",
    "freerdp/gdi/gdi.h",
    "freerdp/graphics.h",
    "freerdp/client/audin.h",
    "freerdp/client/disp.h",
    "freerdp/client/rail.h",
    "freerdp/client/rdpsnd.h",
    "freerdp/codec/audio.h",
    "freerdp/dvc.h",
    "freerdp/event.h",
    "freerdp/svc.h",
    "freerdp/types.h",
    "freerdp/update.h",
    "freerdp/window.h",
    "winpr/stream.h",
    "winpr/timezone.h",
)
INCLUDE = Path("/usr/include")
PLACES = {major: (INCLUDE / f"freerdp{major}", INCLUDE / f"winpr{major}") for major in (3, 2)}
ONLY_3 = {"Redirect", "LoadChannels", "AuthenticateEx"}
NAMED: dict[str, tuple[type[ctypes.Structure], ...]] = {
    "struct rdp_update": (structs.Update,),
    "struct rdp_pointer": (structs.Pointer,),
    "struct rdp_gdi": (structs.Gdi2, structs.Gdi3),
    "gdiBitmap": (structs.GdiBitmap2, structs.GdiBitmap3),
    "GDI_RGN": (structs.GdiRegion,),
    "GDI_WND": (structs.GdiWindow,),
    "GDI_DC": (structs.GdiDc,),
    "DispClientContext": (structs.DisplayControl,),
    "DISPLAY_CONTROL_MONITOR_LAYOUT": (structs.MonitorLayout,),
    "rdpMonitor": (structs.Monitor,),
    "CHANNEL_ENTRY_POINTS_FREERDP_EX": (structs.ChannelEntryPoints,),
    "CHANNEL_DEF": (structs.ChannelDefinition,),
    "DYNAMIC_TIME_ZONE_INFORMATION": (structs.TimeZone,),
    "ChannelConnectedEventArgs": (structs.ChannelEvent,),
    "AUDIO_FORMAT": (structs.AudioFormat,),
    "rdpsndDevicePlugin": (structs.SoundDevice,),
    "FREERDP_RDPSND_DEVICE_ENTRY_POINTS": (structs.SoundEntry,),
    "IAudinDevice": (structs.MicrophoneDevice,),
    "FREERDP_AUDIN_DEVICE_ENTRY_POINTS": (structs.MicrophoneEntry,),
    "RailClientContext": (structs.Rail,),
    "RAIL_HANDSHAKE_ORDER": (structs.RailHandshake,),
    "RAIL_CLIENT_STATUS_ORDER": (structs.RailStatus,),
    "RAIL_EXEC_ORDER": (structs.RailExecute,),
    "RAIL_EXEC_RESULT_ORDER": (structs.RailExecuteResult,),
    "RAIL_SYSCOMMAND_ORDER": (structs.RailCommand,),
    "RAIL_SYSPARAM_ORDER": (structs.RailSystemParameters,),
    "rdpWindowUpdate": (structs.WindowUpdate,),
    "WINDOW_ORDER_INFO": (structs.WindowOrder,),
    "WINDOW_STATE_ORDER": (structs.WindowState,),
    "IDRDYNVC_ENTRY_POINTS": (structs.DynamicEntry,),
    "IWTSPlugin": (structs.DynamicPlugin,),
    "IWTSVirtualChannelManager": (structs.DynamicManager,),
    "IWTSListenerCallback": (structs.DynamicListener,),
    "IWTSVirtualChannel": (structs.DynamicChannel,),
    "IWTSVirtualChannelCallback": (structs.DynamicCallback,),
    "wStream": (structs.Stream,),
}
NESTED = {
    "contrastFlags": "highContrast.flags",
    "contrastLength": "highContrast.colorSchemeLength",
    "contrastScheme": "highContrast.colorScheme.length",
    "contrastText": "highContrast.colorScheme.string",
    "physicalWidth": "attributes.physicalWidth",
    "physicalHeight": "attributes.physicalHeight",
    "orientation": "attributes.orientation",
    "desktopScaleFactor": "attributes.desktopScaleFactor",
    "deviceScaleFactor": "attributes.deviceScaleFactor",
}
"""Fields of structures within others."""
IN_ARRAYS: dict[str, type[ctypes.Structure]] = {
    "rdpMonitor": structs.Monitor,
    "DISPLAY_CONTROL_MONITOR_LAYOUT": structs.MonitorLayout,
}
"""Structures whose sizes count as well."""


def headers() -> tuple[int, tuple[Path, ...]]:
    """The version of the installed headers, and their directories."""
    for major, places in PLACES.items():
        if all(place.is_dir() for place in places):
            return major, places
    missing("FreeRDP's headers are not installed")
    raise AssertionError


def offsets(major: int) -> list[tuple[str, str, int]]:
    """The structures, fields and offsets that are used."""
    found = [("struct rdp_context", name, SLOT * at) for name, at in CONTEXT.items()]
    found += [
        ("struct rdp_freerdp", name, SLOT * at)
        for name, at in INSTANCE.items()
        if major >= 3 or name not in ONLY_3
    ]
    found += [(f"struct two_{name}", "next", ctypes.sizeof(one)) for name, one in IN_ARRAYS.items()]
    for name, kinds in NAMED.items():
        kind: Any = kinds[-1 if major >= 3 else 0]
        for field, *_ in kind._fields_:
            if not field.startswith(("pad", "_p")):
                found.append((name, _in_c(name, field), getattr(kind, field).offset))
    return found


def _in_c(structure: str, field: str) -> str:
    if structure.startswith("Channel") and field in ("Size", "Sender"):
        return f"e.{field}"
    return NESTED.get(field, field)


def test_offsets_and_formats(tmp_path: Path) -> None:
    compiler = require("gcc")
    major, places = headers()
    expected = offsets(major)
    lines = [f"#include <{header}>" for header in HEADERS]
    lines += [f"struct two_{name} {{ {name} first, next; }};" for name in IN_ARRAYS]
    lines += ["#include <stddef.h>", "#include <stdio.h>", "int main(void) {"]
    lines += [f'printf("%zu\\n", offsetof({kind}, {field}));' for kind, field, _ in expected]
    lines += ['printf("%u\\n%u\\n", PIXEL_FORMAT_BGRX32, PIXEL_FORMAT_RGBA32); return 0; }']
    source, program = tmp_path / "layout.c", tmp_path / "layout"
    source.write_text("\n".join(lines))
    subprocess.run(
        [compiler, "-w", "-o", program, *(f"-I{place}" for place in places), source], check=True
    )
    printed = subprocess.run([program], capture_output=True, check=True, text=True).stdout
    *found, bgrx, rgba = map(int, printed.split())
    assert [(*names, offset) for *names, offset in expected] == [
        (*names, offset) for (*names, _), offset in zip(expected, found, strict=True)
    ]
    assert (bgrx, rgba) == (screen.BGRX32, cursors.RGBA32)


@pytest.mark.parametrize("kind", [structs.Gdi2, structs.Gdi3])
def test_the_desktops_window_is_reached(kind: Any) -> None:
    assert kind.primary.size == ctypes.sizeof(ctypes.c_void_p)
