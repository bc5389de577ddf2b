"""Numbers of encodings, pseudo-encodings, messages and security types (rfbproto.rst)."""

from __future__ import annotations

RAW, COPY_RECT, RRE, CORRE, HEXTILE, ZLIB, TIGHT, ZRLE = 0, 1, 2, 4, 5, 6, 7, 16
TIGHT_PNG = -260
CURSOR, X_CURSOR, ALPHA_CURSOR, POINTER_POSITION = -239, -240, -314, -232
DESKTOP_SIZE, EXTENDED_DESKTOP_SIZE, DESKTOP_NAME = -223, -308, -307
LAST_RECT, FENCE, CONTINUOUS_UPDATES = -224, -312, -313
MOUSE_BUTTONS = -316
QEMU_KEYS, QEMU_SOUND, QEMU_LED_STATE = -258, -259, -261
VMWARE_CURSOR, VMWARE_CURSOR_STATE, VMWARE_CURSOR_POSITION = 0x574D5664, 0x574D5665, 0x574D5666
EXTENDED_CLIPBOARD = 0xC0A1E5CE - (1 << 32)
QUALITY_0, COMPRESSION_0 = -32, -256
"""Level 0; levels up to 9 follow."""

ENCODINGS = {
    "raw": RAW,
    "copyrect": COPY_RECT,
    "rre": RRE,
    "corre": CORRE,
    "hextile": HEXTILE,
    "zlib": ZLIB,
    "tight": TIGHT,
    "tightpng": TIGHT_PNG,
    "zrle": ZRLE,
}
"""Encodings by their names in libvncclient."""

FRAMEBUFFER_UPDATE, COLOUR_MAP, BELL, CUT_TEXT = 0, 1, 2, 3
FILE_TRANSFER, TEXT_CHAT = 7, 11
"""UltraVNC's; libvncserver's programs send them to every client."""
END_OF_CONTINUOUS_UPDATES, SERVER_FENCE, QEMU = 150, 248, 255

NONE, VNC_AUTHENTICATION, RA2, RA2NE, TLS, VENCRYPT, APPLE = 1, 2, 5, 6, 18, 19, 30
MS_LOGON_2, RA2_256, RA2NE_256 = 113, 129, 130
