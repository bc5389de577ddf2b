"""The parameters of the test card."""

from dataclasses import dataclass

from typing_extensions import override

from guacr.api import ReadOnlyParams, Rights, order, param


@dataclass(frozen=True, slots=True, kw_only=True)
class TestcardParams(ReadOnlyParams):
    """Each part of the picture can be omitted; its place then stays empty."""

    ORDER = order(
        "frame-rate colour-bars geometry still-text scrolling-text moving-window noise clock",
        "motion sound microphone ask read-only disable-paste",
    )

    frame_rate: int = param(25, "Pictures drawn per second.", common=True, minimum=1, maximum=60)
    colour_bars: bool = param(True, "Show colour bars and gradients.", common=True)
    geometry: bool = param(True, "Show fine lines, circles and a zone plate.", common=True)
    still_text: bool = param(True, "Show text that does not move.", common=True)
    scrolling_text: bool = param(True, "Show text that scrolls.", common=True)
    moving_window: bool = param(True, "Show a window that moves.", common=True)
    noise: bool = param(True, "Show a patch that changes like a video.", common=True)
    clock: bool = param(True, "Show the time and the number of the picture.", common=True)
    motion: str = param(
        "none",
        "Move the whole picture instead of its parts: scroll, photo (every pixel changes), noise "
        "(the same, and nothing compresses).",
        choices=("none", "scroll", "photo", "noise"),
    )
    sound: str = param("none", "Play a tone of 440 Hz.", choices=("none", "tone"))
    microphone: bool = param(False, "Record the users' microphones, and show the level.")
    ask: str = param(
        "",
        "Names of values to ask the client for, separated by commas, as desktops ask for "
        "passwords: to test whether a client supports it.",
    )
    disable_paste: bool = param(False, "Do not accept this user's clipboard.", personal=True)

    @property
    @override
    def rights(self) -> Rights:
        return Rights(read_only=self.read_only, disable_paste=self.disable_paste)
