"""The picture, the sound and the messages that the users of a session are sent."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor

from guacr.display.display import Display
from guacr.protocol.instruction import encode
from guacr.session.counters import Counters
from guacr.session.frames.frames import Frames
from guacr.session.frames.viewer import Viewer
from guacr.session.host_messages import HostMessages
from guacr.session.pointer import Pointer
from guacr.session.streams.audio_output import AudioOutputs
from guacr.session.tasks import Tasks
from guacr.session.user import User
from guacr.session.users import Users
from guacr.settings.models import Settings


class Presentation:
    """Shows users and other viewers one session, and lets them hear it.

    Args:
        users: the users of the session.
        tasks: its tasks.
        settings: those at its start.
        executor: threads that encode the picture.
        counters: the counts of all sessions of the protocol.
        failed: called with the error if a frame cannot be made.

    Attributes:
        display: the picture.
        frames: send it to the viewers.
        pointer: is shown above it.
        messages: the title, the clipboard and the live parameters.
        audio: the sound.
    """

    __slots__ = ("audio", "display", "frames", "messages", "pointer")

    def __init__(
        self,
        users: Users,
        tasks: Tasks,
        settings: Settings,
        executor: Executor,
        *,
        counters: Counters,
        failed: Callable[[BaseException], None],
    ) -> None:
        interval = 1 / settings.display.frame_rate
        self.display = Display()
        self.frames = Frames(self.display, settings, executor, failed, counters)
        self.pointer = Pointer(self.display, users, self.frames.timestamp, interval)
        self.messages = HostMessages(users, self.display.streams, tasks, interval)
        self.audio = AudioOutputs(self.frames, self.display.streams)

    def show_to(self, user: User) -> None:
        """Send a joining user what is not part of the picture: the title and the pointer."""
        if self.messages.name:
            user.send(encode("name", self.messages.name))
        self.pointer.show_to(user)

    def add_viewer(self, viewer: Viewer) -> None:
        """Send the picture and the sound to another viewer, which need not be a user."""
        self.audio.show_to(viewer)
        self.frames.add(viewer)

    def remove_viewer(self, viewer: Viewer) -> None:
        """Send nothing more to a viewer."""
        self.frames.remove(viewer)

    def end(self) -> None:
        """Send the last picture and what is pending, and nothing more."""
        self._finish()
        self.frames.stop()
        self.pointer.finish()

    def clear(self) -> None:
        """Free the picture, and what the handler has begun to send after `end`."""
        self.display.clear()
        self._finish()

    def _finish(self) -> None:
        self.audio.end()
        self.messages.finish()
