"""guacamole-lite's tokens: AES-256-CBC, without authentication and expiry.

    base64(JSON {"iv": base64(16 bytes), "value": base64(AES-256-CBC(JSON, PKCS #7))})
    JSON = {"connection": {"type": protocol, "settings": {name: value, …}}}
         | {"connection": {"join": a connection id, "settings": {"read-only": true}}}

guacamole-lite decodes tokens as ASCII; guacr uses UTF-8, so that any text can be used.
"""

import json
import os
from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from typing import Any

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES256
from cryptography.hazmat.primitives.ciphers.modes import CBC
from cryptography.hazmat.primitives.padding import PKCS7

from guacr.access.tokens import TOKEN_MAX, Grant, parameter_texts
from guacr.errors import UnauthorizedError
from guacr.json_text import parse_json

BLOCK_BITS = 128
ALLOWED_IN_ADDRESS = ("color-scheme", "font-name", "font-size")
"""Parameters that guacamole-lite lets a URL set; only terminals have them."""
_NOT_VALID = "the token is invalid: it was changed in transit, or made with another key"


def is_guacamole_lite(token: str) -> bool:
    """Return whether `token` looks like one of guacamole-lite; guacr's own contain dots."""
    return "." not in token


def make_guacamole_lite_token(key: str, grant: Grant) -> str:
    """Create a token that guacamole-lite accepts, too; `key` has 32 bytes."""
    settings = dict(grant.parameters)
    if grant.join:
        connection: dict[str, Any] = {"join": grant.join, "settings": settings}
    else:
        connection = {"type": grant.protocol, "settings": settings}
    padder = PKCS7(BLOCK_BITS).padder()
    plaintext = padder.update(json.dumps({"connection": connection}).encode()) + padder.finalize()
    iv = os.urandom(BLOCK_BITS // 8)
    encryptor = Cipher(AES256(key.encode()), CBC(iv)).encryptor()
    value = encryptor.update(plaintext) + encryptor.finalize()
    envelope = {"iv": b64encode(iv).decode(), "value": b64encode(value).decode()}
    return b64encode(json.dumps(envelope).encode()).decode()


def read_guacamole_lite_token(key: str, token: str) -> Grant:
    """Decrypt `token`.

    Raises:
        UnauthorizedError: the token is damaged, or made with a different key.
    """
    if len(token) > TOKEN_MAX:
        raise UnauthorizedError(f"the token is longer than the {TOKEN_MAX} characters allowed")
    try:
        envelope = parse_json(_base64(token))
        iv, value = _base64(envelope["iv"]), _base64(envelope["value"])
        connection = parse_json(_decrypt(key.encode(), iv, value))["connection"]
        settings = connection.get("settings") or {}
        texts = {name: item for name, item in settings.items() if not isinstance(item, list | dict)}
        protocol, join = connection.get("type") or "", connection.get("join") or ""
    except (Base64Error, ValueError, TypeError, KeyError, AttributeError):
        raise UnauthorizedError(_NOT_VALID) from None
    if not (isinstance(protocol, str) and isinstance(join, str) and (protocol or join)):
        raise UnauthorizedError("the token does not say what to connect to: create a new one")
    return Grant(
        protocol="" if join else protocol,
        join=join,
        parameters=parameter_texts(texts),
        allow=ALLOWED_IN_ADDRESS,
        lenient=True,
        vouched=False,  # such tokens are encrypted, but not authenticated
    )


def _base64(text: str) -> bytes:
    """Decode base64 in either alphabet, padded or not; a space is a plus decoded in a URL."""
    plain = text.strip().replace(" ", "+").replace("-", "+").replace("_", "/").rstrip("=")
    return b64decode(plain + "=" * (-len(plain) % 4), validate=True)


def _decrypt(key: bytes, iv: bytes, value: bytes) -> bytes:
    decryptor = Cipher(AES256(key), CBC(iv)).decryptor()
    unpadder = PKCS7(BLOCK_BITS).unpadder()
    padded = decryptor.update(value) + decryptor.finalize()
    return unpadder.update(padded) + unpadder.finalize()
