"""ConnectAs: credentials that a peer supplies with an OpenConnection, encrypted to the gateway.

    u32 N | ephemeral public key (65 bytes) | nonce (12) | N bytes: ciphertext and its tag (16)

ECIES: ECDH on P-256, HKDF-SHA256 with an empty salt, AES-256-GCM without associated data. The
plaintext is JSON: `{"user": {…}, "host": …, "port": …}`, all optional, padded with spaces.

As with keeper-pam-webrtc-rs, what follows a block is ignored, so is a block if nothing may be
supplied, and who may supply the host may supply the user. It takes the host for guacd's own, which
would tell the gateway's secrets to any address; here it is the remote host.
"""

from __future__ import annotations

from struct import Struct
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from guacr.json_text import JsonError, parse_json
from guacr.tubes.errors import ConnectAsError, TubeSettingsError
from guacr.tubes.settings import ConnectAsSettings

INFO = b"KEEPER_CONNECT_AS_ECIES_SECP256R1_HKDF_SHA256"
"""The purpose of the key, for HKDF."""
_SIZE = Struct("!I")
_PUBLIC_KEY, _NONCE, _TAG, _KEY = 65, 12, 16, 32  # bytes
_UNCOMPRESSED = 4
"""The first byte of a point with both coordinates (SEC 1, 2.3.3)."""
PORT_MAX = 65535

USER_FIELDS = {
    "username": "username",
    "password": "password",
    "private_key": "private-key",
    "private_key_passphrase": "passphrase",
    "passphrase": "passphrase",
    "domain": "domain",
    "connect_database": "connect-database",
    "distinguished_name": "distinguished-name",
}
"""Field of `user` → parameter of the connection. Of two for one parameter, the later one counts."""


class ConnectAs:
    """The credentials that the peer of one conversation has supplied.

    Raises:
        TubeSettingsError: the private key cannot be used.
    """

    def __init__(self, settings: ConnectAsSettings) -> None:
        self._settings = settings
        pem = settings.gateway_private_key
        is_allowed = settings.allow_supply_user or settings.allow_supply_host
        self._key = _private_key(pem) if pem and is_allowed else None
        self._supplied: dict[str, str] = {}

    def parameters(self, block: bytes) -> dict[str, str]:
        """Return what replaces parameters of a connection: what `block` supplies, and otherwise
        what those before it did. Without a block (`b""`), the values before are used.

        Raises:
            ConnectAsError: it cannot be decrypted, or is not what it should be.
        """
        if block and self._key is not None:
            content = _parse(_decrypt(self._key, block))
            supplied = _user(content.get("user"))
            if self._settings.allow_supply_host:
                supplied |= _target(content.get("host"), content.get("port"))
            self._supplied |= supplied
        return dict(self._supplied)


def _private_key(pem: str) -> ec.EllipticCurvePrivateKey:
    try:
        key = load_pem_private_key(pem.encode(), None)
    except (ValueError, TypeError) as error:
        raise TubeSettingsError(
            "gateway_private_key cannot be read: give PKCS#8 in PEM, without a passphrase"
        ) from error
    if not isinstance(key, ec.EllipticCurvePrivateKey) or key.curve.name != "secp256r1":
        raise TubeSettingsError(
            "gateway_private_key is not a key on P-256: create one on this curve"
        )
    return key


def _decrypt(key: ec.EllipticCurvePrivateKey, block: bytes) -> bytes:
    head = _SIZE.size + _PUBLIC_KEY + _NONCE
    if len(block) < head + _TAG:
        raise ConnectAsError("the ConnectAs block is too short: it has no encrypted content")
    (size,) = _SIZE.unpack_from(block)
    if len(block) - head < size:
        raise ConnectAsError(
            f"the ConnectAs block is cut off: {size} encrypted bytes are announced, and "
            f"{len(block) - head} are there"
        )
    point, nonce = block[_SIZE.size : head - _NONCE], block[head - _NONCE : head]
    if point[0] != _UNCOMPRESSED:
        raise ConnectAsError("the ConnectAs block has no uncompressed public key of P-256")
    try:
        peer = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), point)
        shared = key.exchange(ec.ECDH(), peer)
        secret = HKDF(hashes.SHA256(), _KEY, None, INFO).derive(shared)
        return AESGCM(secret).decrypt(nonce, block[head : head + size], None)
    except (ValueError, InvalidTag) as error:
        raise ConnectAsError(
            "the ConnectAs block cannot be decrypted: it is not for the key of this gateway, or "
            "was damaged"
        ) from error


def _parse(plaintext: bytes) -> dict[str, Any]:
    try:
        content = parse_json(plaintext)
    except JsonError as error:
        raise ConnectAsError("the content of the ConnectAs block is not JSON") from error
    if not isinstance(content, dict):
        raise ConnectAsError("the content of the ConnectAs block is not a JSON object")
    return content


def _user(user: object) -> dict[str, str]:
    if user is None:
        return {}
    if not isinstance(user, dict):
        raise ConnectAsError("the user of the ConnectAs block is not a JSON object")
    return {
        parameter: _text(field, user[field])
        for field, parameter in USER_FIELDS.items()
        if user.get(field) is not None
    }


def _target(host: object, port: object) -> dict[str, str]:
    target: dict[str, str] = {}
    if host:
        target["hostname"] = _text("host", host)
    if port is not None:
        if not isinstance(port, int) or isinstance(port, bool) or not 0 <= port <= PORT_MAX:
            raise ConnectAsError(f"the port of the ConnectAs block is not from 1 to {PORT_MAX}")
        if port:
            target["port"] = str(port)
    return target


def _text(field: str, value: object) -> str:
    if not isinstance(value, str):
        raise ConnectAsError(f"{field} in the ConnectAs block is not a text")
    return value
