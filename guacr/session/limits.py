"""What the settings say about every session."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionLimits:
    """The bounds of a session, each with what happens beyond it."""

    frame_rate: int = 60
    """Frames in a second that a session sends at most."""
    image_format: str = "auto"
    quality: int = 0
    """Of lossy images, from 1 to 100; 0 for one by the viewers' lag."""
    high_water: int = 256 * 1024
    """Bytes unsent at which a viewer misses frames."""
    send_limit: int = 16 * 1024 * 1024
    """Bytes unsent at which a viewer is dropped."""
    stuck_timeout: float = 15.0
    """Seconds without any progress in sending after which a viewer is dropped."""
    client_timeout: float = 15.0
    """Seconds of silence after which a client is dropped."""
    users_max: int = 64
    """Users in one session; a further one is refused."""
    clipboard_max: int = 262144
    """Bytes of a clipboard, unless the connection's own parameter allows more."""
