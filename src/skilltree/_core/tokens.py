"""Secret tokens: 256 random bits that only the client keeps. The database stores their SHA-256.

A token is the base64url form of the account's id (16 bytes) and the secret (32 bytes), so that every lookup knows the
account. A random secret of this size cannot be guessed and needs no slow hash.
"""

import base64
import binascii
import secrets
from hashlib import sha256
from uuid import UUID

from skilltree.models.ids import UserId

_SECRET_BYTES = 32
_ID_BYTES = 16


def new_secret() -> bytes:
    """Return 256 random bits."""
    return secrets.token_bytes(_SECRET_BYTES)


def token(user_id: UserId, secret: bytes) -> str:
    """Return the token for the client."""
    return base64.urlsafe_b64encode(user_id.bytes + secret).decode()


def digest(secret: bytes) -> bytes:
    """Return the digest for the database."""
    return sha256(secret).digest()


def read_token(text: object) -> tuple[UserId, bytes] | None:
    """Return the account's id and the secret's digest, or ``None`` for malformed text."""
    if not isinstance(text, str):
        return None
    try:
        data = base64.b64decode(str.encode(text), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return None
    if len(data) != _ID_BYTES + _SECRET_BYTES:
        return None
    return UserId(UUID(bytes=data[:_ID_BYTES])), digest(data[_ID_BYTES:])
