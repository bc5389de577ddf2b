"""The API for handlers: everything that a protocol may import from guacr.

Other modules of guacr may change at any time; these names are stable.
"""

from guacr.budget import Budget
from guacr.display import cursor
from guacr.display.dirty import DirtyRegion
from guacr.display.display import Display
from guacr.display.encoded import EncodedImage
from guacr.display.encoder import Quality
from guacr.display.framebuffer import FrameBuffer
from guacr.display.geometry import Rect
from guacr.display.held import HeldSurface
from guacr.display.layer import Layer
from guacr.display.overlay import Fill, Overlay
from guacr.display.pixels import Array8
from guacr.display.shared import SharedSurface
from guacr.display.solid import SolidSurface
from guacr.display.surface import Surface
from guacr.errors import (
    BadRequestError,
    BusyError,
    ClientTimeoutError,
    ClosedError,
    ConflictError,
    ForbiddenError,
    GuacrError,
    InternalError,
    NotFoundError,
    OverrunError,
    SessionClosedError,
    SessionConflictError,
    SessionTimeoutError,
    SettingsError,
    TooManyError,
    UnauthorizedError,
    UnsupportedError,
    UpstreamError,
    UpstreamNotFoundError,
    UpstreamTimeoutError,
    UpstreamUnavailableError,
    clause,
    forget_frames,
    shorten,
)
from guacr.json_text import JsonError, parse_json
from guacr.policy.rule import Connects
from guacr.protocol.audio import AudioFormat
from guacr.protocol.instruction import BLOB_MAX
from guacr.protocol.status import Status
from guacr.session.context import SessionContext
from guacr.session.drive_reports import DriveReports
from guacr.session.handler import Check, ProtocolHandler
from guacr.session.input.touch import Contact
from guacr.session.network import Network, unrestricted
from guacr.session.origin import Origin
from guacr.session.params import Params, order, param
from guacr.session.rights import Rights
from guacr.session.shared_params import (
    ClipboardParams,
    QualityParams,
    ReadOnlyParams,
    RecordingParams,
    SftpHostParams,
    SftpParams,
    WakeOnLanParams,
)
from guacr.session.sizes import WindowSizes
from guacr.session.streams.audio_input import AudioInput
from guacr.session.streams.audio_output import AudioOutput
from guacr.session.streams.files import TREE_MAX, Entry, Feature, FileSystem
from guacr.session.streams.inputs import Collector, InputStream
from guacr.session.streams.outputs import NAME_MAX, OutputStream
from guacr.session.streams.resampler import Resampler
from guacr.session.streams.window import Window
from guacr.session.target import Target
from guacr.session.timeline import step
from guacr.session.user import User
from guacr.settings.models import (
    DatabaseSettings,
    Settings,
    SshSettings,
    TerminalSettings,
    VncSettings,
)
from guacr.showable import escaped, is_showable, showable, with_line_feeds
from guacr.threads import compute
from guacr.turns import TURN, Turns

__all__ = [
    "BLOB_MAX",
    "NAME_MAX",
    "TREE_MAX",
    "TURN",
    "Array8",
    "AudioFormat",
    "AudioInput",
    "AudioOutput",
    "BadRequestError",
    "Budget",
    "BusyError",
    "Check",
    "ClientTimeoutError",
    "ClipboardParams",
    "ClosedError",
    "Collector",
    "ConflictError",
    "Connects",
    "Contact",
    "DatabaseSettings",
    "DirtyRegion",
    "Display",
    "DriveReports",
    "EncodedImage",
    "Entry",
    "Feature",
    "FileSystem",
    "Fill",
    "ForbiddenError",
    "FrameBuffer",
    "GuacrError",
    "HeldSurface",
    "InputStream",
    "InternalError",
    "JsonError",
    "Layer",
    "Network",
    "NotFoundError",
    "Origin",
    "OutputStream",
    "Overlay",
    "OverrunError",
    "Params",
    "ProtocolHandler",
    "Quality",
    "QualityParams",
    "ReadOnlyParams",
    "RecordingParams",
    "Rect",
    "Resampler",
    "Rights",
    "SessionClosedError",
    "SessionConflictError",
    "SessionContext",
    "SessionTimeoutError",
    "Settings",
    "SettingsError",
    "SftpHostParams",
    "SftpParams",
    "SharedSurface",
    "SolidSurface",
    "SshSettings",
    "Status",
    "Surface",
    "Target",
    "TerminalSettings",
    "TooManyError",
    "Turns",
    "UnauthorizedError",
    "UnsupportedError",
    "UpstreamError",
    "UpstreamNotFoundError",
    "UpstreamTimeoutError",
    "UpstreamUnavailableError",
    "User",
    "VncSettings",
    "WakeOnLanParams",
    "Window",
    "WindowSizes",
    "clause",
    "compute",
    "cursor",
    "escaped",
    "forget_frames",
    "is_showable",
    "order",
    "param",
    "parse_json",
    "shorten",
    "showable",
    "step",
    "unrestricted",
    "with_line_feeds",
]
