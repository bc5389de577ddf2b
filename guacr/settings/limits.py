"""The settings of limits."""

from typing import Annotated

from pydantic import Field

from guacr.settings.section import Section
from guacr.settings.types import Count, Number, Whole

PER_SECOND_MAX = 100_000
BYTES_MAX = 1 << 40
LONG_MAX = 31_622_400
"""Seconds of a leap year."""

Rate = Annotated[Number, Field(ge=0, le=PER_SECOND_MAX)]
Bytes = Annotated[Whole, Field(ge=0, le=BYTES_MAX)]
Long = Annotated[Number, Field(ge=0, le=LONG_MAX)]


class OwnLimits(Section):
    """The limits of a connection, or of a token; 0 for none but those in [limits]."""

    sessions: Count = 0
    """Simultaneous sessions."""
    users: Count = 0
    """Users in one session."""
    connects: Rate = 0.0
    """Sessions opened per second."""
    bytes: Bytes = 0
    """Bytes per second in each direction."""
    session_length: Long = 0.0
    """Seconds after which a session ends."""
    idle_time: Long = 0.0
    """Seconds without input after which a session ends."""


NO_LIMITS = OwnLimits()


class LimitsSettings(Section):
    """Limits of sessions and of their traffic; 0 for none. Where several apply, the strictest
    counts."""

    sessions_per_address: Count = 0
    """Simultaneous sessions that were opened from one address, or one IPv6 /64 network."""
    sessions_per_subject: Count = 0
    """Simultaneous sessions of one person: the subject of a token, or else the first name in a
    client certificate."""
    sessions_per_connection: Count = 0
    """Simultaneous sessions of each configured connection."""
    connects: Rate = 0.0
    """Sessions opened or joined per second, in all; 5 seconds' worth may follow at once after a
    rest."""
    connects_per_address: Rate = 0.0
    """The same from one address, or one IPv6 /64 network."""
    connects_per_subject: Rate = 0.0
    """The same of one person."""
    connects_per_connection: Rate = 0.0
    """The same of each configured connection."""
    bytes: Bytes = 0
    """Bytes per second in each direction, in all: beyond it, users see fewer frames, files are
    slower, and input waits."""
    bytes_per_address: Bytes = 0
    """The same of one address, or one IPv6 /64 network."""
    bytes_per_subject: Bytes = 0
    """The same of one person."""
    bytes_per_connection: Bytes = 0
    """The same of each configured connection."""
    session_length: Long = 0.0
    """Seconds after which a session ends."""
    idle_time: Long = 0.0
    """Seconds without keys, pointer events, touches and transfers of any user after which a session
    ends."""
    warning: Long = 60.0
    """Seconds before such an end at which the users see a warning; at most half of the time."""
