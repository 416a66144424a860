"""Hashing passwords with bcrypt."""

import bcrypt

from skilltree.errors import InvalidPassword

DEFAULT_COST = 12
MOST_BYTES = 72


def hash_password(password: str, *, cost: int = DEFAULT_COST) -> str:
    """Return the bcrypt hash of a password; ``cost`` is the base-2 logarithm of the number of rounds, from 4 to 31.

    Raises InvalidPassword for what bcrypt would cut or confuse: nothing, a NUL, or more than 72 bytes of UTF-8.
    """
    try:
        data = password.encode()
    except UnicodeEncodeError as error:
        raise InvalidPassword("the password is not valid Unicode text", field="password") from error
    if not data:
        raise InvalidPassword("the password is empty", field="password")
    if b"\0" in data:
        raise InvalidPassword("the password contains a NUL character", field="password")
    if len(data) > MOST_BYTES:
        raise InvalidPassword(
            f"the password takes {len(data)} bytes in UTF-8; bcrypt takes no more than {MOST_BYTES}", field="password"
        )
    if not 4 <= cost <= 31:  # noqa: PLR2004 (bcrypt's own limits)
        raise InvalidPassword(f"the bcrypt cost must be from 4 to 31, not {cost}", field="cost")
    return bcrypt.hashpw(data, bcrypt.gensalt(cost)).decode()
