"""The steps of RSA-AES (rfbproto.rst, types 5, 6, 129 and 130) up to the credentials."""

from __future__ import annotations

from collections.abc import Callable

from handlers.vnc.rfb.context import broken
from handlers.vnc.rfb.events import Event, KeyShown
from handlers.vnc.rfb.input import Input, Steps, Wait
from handlers.vnc.rfb.security import rsa_aes
from handlers.vnc.rfb.security.eax import TAG_SIZE


def agree(
    source: Input, send: Callable[[bytes], None], emit: Callable[[Event], None], *, wide: bool
) -> Steps[rsa_aes.Channel]:
    """Show the server's key, and agree on keys; `wide` ones have 256 bits.

    Raises:
        UpstreamError: the server breaks the protocol, or somebody intercepts the connection.
    """
    bits = yield from source.u32()
    key = rsa_aes.server_key(bits, (yield from source.read(2 * rsa_aes.key_size(bits))))
    emit(KeyShown(key.fingerprint))
    yield Wait.ANSWER
    yield Wait.THREAD
    exchange = rsa_aes.Exchange(key, wide=wide)
    send(exchange.opening())
    size = yield from source.u16()
    if size != rsa_aes.OWN_BITS // 8:
        raise broken(f"a random number of {size} bytes")
    channel = exchange.channel((yield from source.read(size)))
    proof = exchange.own_proof()
    exchange.check((yield from _read_message(source, channel, len(proof))))
    send(channel.seal(proof))
    return channel


def wants_username(source: Input, channel: rsa_aes.Channel) -> Steps[bool]:
    """Read what the server wants to know: a user name and a password, or only the password."""
    subtype = (yield from _read_message(source, channel, 1))[0]
    if subtype not in (rsa_aes.WITH_USERNAME, rsa_aes.PASSWORD_ALONE):
        raise broken(f"the unknown subtype {subtype} of RSA-AES")
    return subtype == rsa_aes.WITH_USERNAME


def _read_message(source: Input, channel: rsa_aes.Channel, size: int) -> Steps[bytes]:
    header = yield from source.read(rsa_aes.LENGTH_SIZE)
    if int.from_bytes(header, "big") != size:
        raise broken("a message of another length than RSA-AES has")
    return channel.open(header, (yield from source.read(size + TAG_SIZE)))
