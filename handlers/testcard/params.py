"""What can be chosen of the test card."""

from dataclasses import dataclass

from guacr.session.params import Params, param


@dataclass(frozen=True, slots=True, kw_only=True)
class TestcardParams(Params):
    """Each part of the picture can be left out; its place stays empty."""

    frame_rate: int = param(25, "Pictures drawn in a second.", common=True, minimum=1, maximum=60)
    colour_bars: bool = param(True, "Show colour bars and gradients.", common=True)
    geometry: bool = param(True, "Show fine lines, circles and a zone plate.", common=True)
    still_text: bool = param(True, "Show text that rests.", common=True)
    scrolling_text: bool = param(True, "Show text that scrolls.", common=True)
    moving_window: bool = param(True, "Show a window that moves.", common=True)
    noise: bool = param(True, "Show a patch that changes like a video.", common=True)
    clock: bool = param(True, "Show the time and the number of the picture.", common=True)
    ask: str = param(
        "",
        "Names of values to ask the client for, with commas between them, as desktops ask for "
        "passwords: to try whether a client can.",
    )
    read_only: bool = param(False, "Ignore all input from this user.", common=True, personal=True)
    disable_paste: bool = param(False, "Take no clipboard from this user.", personal=True)
