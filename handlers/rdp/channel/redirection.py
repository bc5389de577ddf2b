"""The message about a server that redirects its client to another one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from handlers.rdp.channel.codec import U32, Block, Flag, Message, Part, Text


@dataclass(frozen=True, slots=True)
class Redirected(Message):
    """The server has sent a redirection (MS-RDPBCGR 2.2.13.1), which the worker does not follow;
    `Ended` is next. Fields without a flag in `flags` are empty."""

    TYPE: ClassVar[int] = 77
    flags: U32
    fqdn: Text
    address: Text
    netbios: Text
    addresses: Text
    """The target's addresses, separated by blanks."""
    token: Part
    """The routing token (LoadBalanceInfo)."""
    username: Text
    domain: Text
    password: Part
    """UTF-16 with a null character at its end, or a cookie, or encrypted."""
    guid: Part
    certificate: Block
    """The target's certificate in PEM."""
    has_rdstls: Flag
    """True if this version of FreeRDP can use an encrypted password."""
