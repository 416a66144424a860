"""Passwords: the rules for new ones, and hashing with bcrypt."""

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
    """A bcrypt hash that was made elsewhere, for importing accounts whose passwords are unknown here."""

    value: str = field(repr=False)


def hash_password(password: str, *, cost: int = DEFAULT_COST) -> str:
    """Return the bcrypt hash of a password. ``cost`` is the base-2 logarithm of the number of rounds, from 4 to 31.

    The password is normalized to NFC first, so that the same text always gives the same password. Raises
    InvalidPassword for text that bcrypt would truncate or misread: an empty one, one with a NUL, or one of more than 72
    bytes in UTF-8. It does not check whether the password is a good one: see ``require_new_password``.
    """
    data = _checked(password)
    return bcrypt.hashpw(data, bcrypt.gensalt(_checked_cost(cost))).decode()


def require_password(password: str, *, cost: int = DEFAULT_COST) -> None:
    """Raise InvalidPassword for a password that ``hash_password`` would not accept."""
    _checked(password)
    _checked_cost(cost)


def require_new_password(password: str, *, min_length: int = MIN_LENGTH, own_names: Iterable[str] = ()) -> None:
    """Raise InvalidPassword for a password that an account must not use, following NIST SP 800-63B.

    These are passwords that are too short, well-known ones, and the account's own names, in upper or lower case. Any
    mix of characters is allowed.
    """
    # After NFC, a letter with an accent counts as one character.
    composed = _checked(password).decode()
    if len(composed) < min_length:
        raise InvalidPassword(
            f"the password has {len(composed)} characters; at least {min_length} are needed",
            field="password",
            reason="too_short",
        )
    folded = composed.casefold()
    if folded in _well_known():
        raise InvalidPassword(
            "the password is a well-known one, which attackers try first: choose another",
            field="password",
            reason="well_known",
        )
    if folded in {part.casefold() for name in own_names for part in _parts(normalize("NFC", name))}:
        raise InvalidPassword(
            "the password is the account's own name or address: choose another", field="password", reason="own_name"
        )


def check_password(password: str, password_hash: str | None, *, cost: int = DEFAULT_COST) -> bool:
    """Return whether a password matches a hash. The time depends only on ``cost``, even without a hash.

    A hash of a lower cost takes extra rounds, so that the time does not tell old accounts from missing ones: rounds of
    the costs c, c, c + 1, …, n - 1 add up to those of cost n. A password that NFC changes is also tried as typed,
    because old hashes were made of the typed form. Raises InvalidPassword like ``hash_password``.
    """
    composed, typed = _checked(password), str.__str__(password).encode()
    wanted = _checked_cost(cost)
    matches = _matches(composed, password_hash, wanted)
    if typed != composed and len(typed) <= MOST_BYTES:
        matches |= _matches(typed, password_hash, wanted)
    return matches


def cost_of(password_hash: str) -> int:
    """Return the cost of a hash."""
    return int(password_hash.split("$")[2])


def _matches(data: bytes, password_hash: str | None, cost: int) -> bool:
    try:
        matches = bcrypt.checkpw(data, (password_hash or _nobodys(cost)).encode())
    except ValueError:
        # Malformed text in place of a hash matches no password, and takes the same time as a missing hash.
        return _matches(data, None, cost)
    for missing in range(cost_of(password_hash) if password_hash else cost, cost):
        bcrypt.checkpw(data, _nobodys(missing).encode())
    return matches and password_hash is not None


@cache
def _nobodys(cost: int) -> str:
    """Return a hash of this cost that no known password matches."""
    return f"$2b${cost:02}${'.' * 53}"


@cache
def _well_known() -> frozenset[str]:
    """Return the most common passwords in lower case. Their source is named beside the file."""
    packed = (files("skilltree._core") / "common-passwords.txt.gz").read_bytes()
    return frozenset(gzip.decompress(packed).decode().split("\n"))


def _parts(name: str) -> tuple[str, str]:
    """Return a name, and for an e-mail address also the part before the @."""
    return name, name.partition("@")[0]


def _checked_cost(cost: int) -> int:
    if type(cost) is not int or cost not in _COSTS:
        raise InvalidPassword(f"the bcrypt cost must be from 4 to 31, not {shown(cost)}", field="cost")
    return cost


def _checked(password: str) -> bytes:
    """Return the NFC form of a password as bytes for bcrypt."""
    if not isinstance(password, str):
        raise InvalidPassword(
            f"the password must be text, not {type(password).__name__}", field="password", reason="unfit"
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
            f"the password takes {len(data)} bytes in UTF-8; bcrypt accepts at most {MOST_BYTES}",
            field="password",
            reason="too_long",
        )
    return data
