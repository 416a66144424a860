"""Passwords: which are taken, and hashing them with bcrypt."""

import gzip
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from unicodedata import normalize

import bcrypt

from skilltree._core.messages import shown
from skilltree.errors import InvalidPassword

DEFAULT_COST = 12
MOST_BYTES = 72
MIN_LENGTH = 8
_COSTS = range(4, 32)


@dataclass(frozen=True)
class HashedPassword:
    """The bcrypt hash of a password that nobody here has seen, as of accounts that come from elsewhere."""

    value: str = field(repr=False)


def hash_password(password: str, *, cost: int = DEFAULT_COST) -> str:
    """Return the bcrypt hash of a password; ``cost`` is the base-2 logarithm of the number of rounds, from 4 to 31.

    It is that of the composed form (NFC), so that the same password typed elsewhere is the same. Raises InvalidPassword
    for what bcrypt would cut or confuse: nothing, a NUL, or more than 72 bytes of UTF-8. Whether a password is a good
    one is not asked here: see ``require_new_password``.
    """
    data = _checked(password)
    return bcrypt.hashpw(data, bcrypt.gensalt(_checked_cost(cost))).decode()


def require_password(password: str, *, cost: int = DEFAULT_COST) -> None:
    """Raise InvalidPassword for what ``hash_password`` would not take."""
    _checked(password)
    _checked_cost(cost)


def require_new_password(password: str, *, min_length: int = MIN_LENGTH, own_names: Iterable[str] = ()) -> None:
    """Raise InvalidPassword for what an account should not be kept by, as NIST SP 800-63B asks.

    Those are passwords of fewer characters, well-known ones, and what everybody knows of the account, in any case.
    What they are made of is free.
    """
    # Of the composed form, in which a letter with an accent is one character.
    composed = _checked(password).decode()
    if len(composed) < min_length:
        raise InvalidPassword(
            f"the password has {len(composed)} characters, and needs at least {min_length}",
            field="password",
            reason="too_short",
        )
    folded = composed.casefold()
    if folded in _well_known():
        raise InvalidPassword(
            "the password is a well-known one, which is tried first: choose another",
            field="password",
            reason="well_known",
        )
    if folded in {part.casefold() for name in own_names for part in _parts(normalize("NFC", name))}:
        raise InvalidPassword(
            "the password is the account's own name or address: choose another", field="password", reason="own_name"
        )


def check_password(password: str, password_hash: str | None, *, cost: int = DEFAULT_COST) -> bool:
    """Tell whether a password belongs to a hash, in the time that one of this cost takes, also where there is none.

    A hash of a lower cost is made up for, so that old accounts are not told from those that do not exist: the rounds of
    the costs c, c, c + 1, …, n - 1 together are those of n. One that is not composed is tried both ways, because old
    hashes are of what was typed. Raises InvalidPassword as ``hash_password`` does.
    """
    composed, typed = _checked(password), str.__str__(password).encode()
    wanted = _checked_cost(cost)
    matches = _matches(composed, password_hash, wanted)
    if typed != composed and len(typed) <= MOST_BYTES:
        matches |= _matches(typed, password_hash, wanted)
    return matches


def cost_of(password_hash: str) -> int:
    """Return the cost that a hash was made with."""
    return int(password_hash.split("$")[2])


def _matches(data: bytes, password_hash: str | None, cost: int) -> bool:
    try:
        matches = bcrypt.checkpw(data, (password_hash or _nobodys(cost)).encode())
    except ValueError:
        # What has the form of a hash and is none belongs to no password, and is not told from nobody's.
        return _matches(data, None, cost)
    for missing in range(cost_of(password_hash) if password_hash else cost, cost):
        bcrypt.checkpw(data, _nobodys(missing).encode())
    return matches and password_hash is not None


@cache
def _nobodys(cost: int) -> str:
    """Return a hash of this cost that no password is known for."""
    return f"$2b${cost:02}${'.' * 53}"


@cache
def _well_known() -> frozenset[str]:
    """Return the passwords that are used most, in lower case. Where they come from stands beside the file."""
    packed = (files("skilltree._core") / "common-passwords.txt.gz").read_bytes()
    return frozenset(gzip.decompress(packed).decode().split("\n"))


def _parts(name: str) -> tuple[str, str]:
    """Return a name, and of an address what stands before the @."""
    return name, name.partition("@")[0]


def _checked_cost(cost: int) -> int:
    if type(cost) is not int or cost not in _COSTS:
        raise InvalidPassword(f"the bcrypt cost must be from 4 to 31, not {shown(cost)}", field="cost")
    return cost


def _checked(password: str) -> bytes:
    """Return the composed form of a password as bcrypt takes it."""
    if not isinstance(password, str):
        raise InvalidPassword(
            f"the password must be a text, not {type(password).__name__}", field="password", reason="unfit"
        )
    try:
        data = normalize("NFC", str.__str__(password)).encode()
    except UnicodeEncodeError as error:
        raise InvalidPassword("the password is not valid Unicode text", field="password", reason="unfit") from error
    if not data:
        raise InvalidPassword("the password is empty", field="password", reason="too_short")
    if b"\0" in data:
        raise InvalidPassword("the password contains a NUL character", field="password", reason="unfit")
    if len(data) > MOST_BYTES:
        raise InvalidPassword(
            f"the password takes {len(data)} bytes in UTF-8; bcrypt takes no more than {MOST_BYTES}",
            field="password",
            reason="too_long",
        )
    return data
