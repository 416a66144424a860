"""Hashing passwords with bcrypt."""

from functools import cache

import bcrypt

from skilltree._arguments import shown
from skilltree.errors import InvalidPassword

DEFAULT_COST = 12
MOST_BYTES = 72
_COSTS = range(4, 32)


def hash_password(password: str, *, cost: int = DEFAULT_COST) -> str:
    """Return the bcrypt hash of a password; ``cost`` is the base-2 logarithm of the number of rounds, from 4 to 31.

    Raises InvalidPassword for what bcrypt would cut or confuse: nothing, a NUL, or more than 72 bytes of UTF-8.
    """
    data = _checked(password)
    return bcrypt.hashpw(data, bcrypt.gensalt(_checked_cost(cost))).decode()


def require_password(password: str, *, cost: int = DEFAULT_COST) -> None:
    """Raise InvalidPassword for what ``hash_password`` would not take."""
    _checked(password)
    _checked_cost(cost)


def check_password(password: str, password_hash: str | None, *, cost: int = DEFAULT_COST) -> bool:
    """Tell whether a password belongs to a hash, in the time that one of this cost takes, also where there is none.

    A hash of a lower cost is made up for, so that old accounts are not told from those that do not exist: the rounds of
    the costs c, c, c + 1, …, n - 1 together are those of n. Raises InvalidPassword as ``hash_password`` does.
    """
    data = _checked(password)
    wanted = _checked_cost(cost)
    try:
        matches = bcrypt.checkpw(data, (password_hash or _nobodys(wanted)).encode())
    except ValueError:
        # What has the form of a hash and is none belongs to no password, and is not told from nobody's.
        return check_password(password, None, cost=cost)
    for missing in range(cost_of(password_hash) if password_hash else wanted, wanted):
        bcrypt.checkpw(data, _nobodys(missing).encode())
    return matches and password_hash is not None


def cost_of(password_hash: str) -> int:
    """Return the cost that a hash was made with."""
    return int(password_hash.split("$")[2])


@cache
def _nobodys(cost: int) -> str:
    """Return a hash of this cost that no password is known for."""
    return f"$2b${cost:02}${'.' * 53}"


def _checked_cost(cost: int) -> int:
    if type(cost) is not int or cost not in _COSTS:
        raise InvalidPassword(f"the bcrypt cost must be from 4 to 31, not {shown(cost)}", field="cost")
    return cost


def _checked(password: str) -> bytes:
    if not isinstance(password, str):
        raise InvalidPassword(f"the password must be a text, not {type(password).__name__}", field="password")
    try:
        data = str.encode(password)
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
    return data
