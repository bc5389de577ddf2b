"""Loads FreeRDP's libraries, and declares the functions that guacr calls."""

from __future__ import annotations

import ctypes
from typing import Any

from handlers.rdp.worker.client import UnavailableError

VERSIONS = (2, 3), (4, 0)
"""The first version that is known, and the first that is not."""
MAJORS = (3, 2)
"""The sonames that are tried, in this order: a soname is FreeRDP's promise about its interface."""
LOG_OFF = 6
ONLY_CPU = 1
"""A hint without which the first connection of a process runs a benchmark of 0.3 s."""

_TYPES: dict[str, Any] = {
    "void": None,
    "pointer": ctypes.c_void_p,
    "bool": ctypes.c_int,
    "int": ctypes.c_int,
    "u8": ctypes.c_uint8,
    "u16": ctypes.c_uint16,
    "u32": ctypes.c_uint32,
    "size": ctypes.c_size_t,
    "text": ctypes.c_char_p,
}
_FUNCTIONS = """
core void freerdp_get_version pointer pointer pointer
core pointer freerdp_new
core bool freerdp_context_new pointer
core void freerdp_context_free pointer
core void freerdp_free pointer
core bool freerdp_connect pointer
core bool freerdp_disconnect pointer
core bool freerdp_abort_connect pointer
core bool freerdp_shall_disconnect pointer
core u32 freerdp_get_event_handles pointer pointer u32
core bool freerdp_check_event_handles pointer
core u32 freerdp_error_info pointer
core u32 freerdp_get_last_error pointer
core text freerdp_get_last_error_name u32
core text freerdp_get_error_info_name u32
core bool freerdp_settings_set_value_for_name pointer text text
core size freerdp_settings_get_key_for_name text
core u32 freerdp_settings_get_uint32 pointer size
core bool freerdp_settings_get_bool pointer size
core void freerdp_performance_flags_make pointer
core void primitives_set_hints u32
core bool gdi_init_ex pointer u32 u32 pointer pointer
core bool gdi_resize_ex pointer u32 u32 u32 u32 pointer pointer
core void gdi_free pointer
core bool gdi_graphics_pipeline_init pointer pointer
core void gdi_graphics_pipeline_uninit pointer pointer
core void graphics_register_pointer pointer pointer
core bool freerdp_image_copy_from_pointer_data pointer u32 u32 u32 u32 u32 u32 pointer u32 pointer u32 u32 pointer
core bool freerdp_input_send_keyboard_event pointer u16 u16
core bool freerdp_input_send_unicode_keyboard_event pointer u16 u16
core bool freerdp_input_send_keyboard_pause_event pointer
core bool freerdp_input_send_mouse_event pointer u16 u16 u16
core bool freerdp_input_send_extended_mouse_event pointer u16 u16 u16
core bool freerdp_input_send_synchronize_event pointer u32
core int freerdp_channels_client_load_ex pointer pointer pointer pointer
core int freerdp_register_addin_provider pointer u32
client pointer freerdp_channels_load_static_addin_entry text text text u32
client bool freerdp_client_load_addins pointer pointer
client bool freerdp_client_add_static_channel pointer size pointer
client bool freerdp_client_add_dynamic_channel pointer size pointer
winpr pointer CreateEventA pointer bool bool text
winpr bool SetEvent pointer
winpr bool ResetEvent pointer
winpr bool CloseHandle pointer
winpr u32 WaitForMultipleObjects u32 pointer bool u32
winpr int PubSub_Subscribe pointer text pointer
winpr u32 GetDynamicTimeZoneInformation pointer
winpr pointer WLog_GetRoot
winpr bool WLog_SetLogLevel pointer u32
libc pointer strdup text
libc pointer calloc size size
"""  # noqa: E501
"""The library, the result, the name and the arguments of each."""


class LibraryError(UnavailableError):
    """FreeRDP cannot be used; the message says why."""


class Library:
    """FreeRDP's functions as attributes.

    Attributes:
        major: 2 or 3.
        version: all three numbers.

    Raises:
        LibraryError: FreeRDP is missing, or of an unknown version.
    """

    def __init__(self, majors: tuple[int, ...] = MAJORS) -> None:
        self.major, libraries = _load(majors)
        for line in _FUNCTIONS.strip().splitlines():
            library, result, name, *arguments = line.split()
            try:
                function = getattr(libraries[library], name)
            except AttributeError:
                raise LibraryError(f"FreeRDP {self.major} has no function {name}") from None
            function.restype = _TYPES[result]
            function.argtypes = [_TYPES[argument] for argument in arguments]
            setattr(self, name, function)
        self.core = libraries["core"]
        self.version = self._version()
        first, beyond = VERSIONS
        if not first <= self.version[:2] < beyond:
            number = ".".join(map(str, self.version))
            raise LibraryError(f"FreeRDP {number} is not a known version: use 2.3 to 3.x")
        self.WLog_SetLogLevel(self.WLog_GetRoot(), LOG_OFF)
        self.primitives_set_hints(ONLY_CPU)
        # Channels that are part of the client library are found only by its own provider.
        provider = ctypes.cast(self.freerdp_channels_load_static_addin_entry, ctypes.c_void_p)
        self.freerdp_register_addin_provider(provider, 0)

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(name)  # attributes are set above; this tells type checkers of them

    def _version(self) -> tuple[int, int, int]:
        numbers = [ctypes.c_int() for _ in range(3)]
        self.freerdp_get_version(*map(ctypes.byref, numbers))
        major, minor, revision = (number.value for number in numbers)
        return major, minor, revision

    def copy(self, data: bytes) -> int:
        """Return the address of a copy, and a null character, that FreeRDP 2 frees."""
        place: int = self.calloc(1, len(data) + 2)
        ctypes.memmove(place, data, len(data))
        return place

    def key(self, name: str) -> int:
        """Return the key of a setting by its name.

        Raises:
            LibraryError: this version has no such setting.
        """
        key: int = self.freerdp_settings_get_key_for_name(b"FreeRDP_" + name.encode())
        if key == ctypes.c_size_t(-1).value:
            raise LibraryError(f"FreeRDP {self.major} has no setting {name}")
        return key


def _load(majors: tuple[int, ...]) -> tuple[int, dict[str, ctypes.CDLL]]:
    for major in majors:
        try:
            return major, {
                "winpr": ctypes.CDLL(f"libwinpr{major}.so.{major}"),
                "core": ctypes.CDLL(f"libfreerdp{major}.so.{major}", mode=ctypes.RTLD_GLOBAL),
                "client": ctypes.CDLL(f"libfreerdp-client{major}.so.{major}"),
                "libc": ctypes.CDLL(None),
            }
        except OSError:
            continue
    raise LibraryError(
        "FreeRDP is not installed: install its client library, such as Debian's package "
        "libfreerdp-client2-2 or libfreerdp-client3-3"
    )
