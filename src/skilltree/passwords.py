"""Passwords: the rules for new ones, and hashing with bcrypt."""

from skilltree._core.passwords import (
    DEFAULT_COST,
    MIN_LENGTH,
    MOST_BYTES,
    HashedPassword,
    check_password,
    cost_of,
    hash_password,
    require_new_password,
    require_password,
)

__all__ = [
    "DEFAULT_COST",
    "MIN_LENGTH",
    "MOST_BYTES",
    "HashedPassword",
    "check_password",
    "cost_of",
    "hash_password",
    "require_new_password",
    "require_password",
]
