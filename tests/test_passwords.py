"""Passwords that bcrypt would silently truncate or confuse are refused before hashing."""

import re

import bcrypt
import pytest

from skilltree.errors import InvalidPassword, SkillTreeError
from skilltree.passwords import DEFAULT_COST, hash_password

CHEAP = 4


@pytest.mark.parametrize(
    "password",
    ["x", "password123", " ", "a" * 72, "é" * 36, "€" * 24, "🌳" * 18, "a" * 69 + "€", "\n", "\x01", "$2b$04$"],
)
def test_a_hash_verifies_its_password(password: str) -> None:
    hashed = hash_password(password, cost=CHEAP)

    assert bcrypt.checkpw(password.encode(), hashed.encode())


@pytest.mark.parametrize("other", ["Secret", "secret ", "secre", "s", ""])
def test_a_hash_verifies_no_other_password(other: str) -> None:
    hashed = hash_password("secret", cost=CHEAP)

    assert not bcrypt.checkpw(other.encode(), hashed.encode())


def test_all_72_bytes_count() -> None:
    hashed = hash_password("a" * 71 + "b", cost=CHEAP)

    assert bcrypt.checkpw(b"a" * 71 + b"b", hashed.encode())
    assert not bcrypt.checkpw(b"a" * 71 + b"c", hashed.encode())


@pytest.mark.parametrize(
    "password", ["a" * 73, "é" * 37, "é" * 36 + "a", "€" * 24 + "a", "🌳" * 18 + "a", "a" * 70 + "€", "a" * 10_000]
)
def test_more_than_72_bytes_are_refused(password: str) -> None:
    with pytest.raises(InvalidPassword) as caught:
        hash_password(password, cost=CHEAP)

    assert caught.value.field == "password"
    assert str(len(password.encode())) in str(caught.value)
    assert "72" in str(caught.value)


@pytest.mark.parametrize(
    ("password", "reason"),
    [("", "empty"), ("\0", "NUL"), ("a\0b", "NUL"), ("secret\0", "NUL"), ("\ud800", "Unicode"), ("a\udfff", "Unicode")],
)
def test_a_password_that_bcrypt_would_confuse_is_refused(password: str, reason: str) -> None:
    with pytest.raises(InvalidPassword, match=reason) as caught:
        hash_password(password, cost=CHEAP)

    assert caught.value.field == "password"


@pytest.mark.parametrize("password", ["a" * 73, "secret-and-a-NUL\0"])
def test_no_message_contains_the_password(password: str) -> None:
    with pytest.raises(InvalidPassword) as caught:
        hash_password(password, cost=CHEAP)

    assert password.strip("\0") not in str(caught.value)


@pytest.mark.parametrize("cost", [-1, 0, 3, 32, 1000])
def test_a_cost_out_of_range_is_refused(cost: int) -> None:
    with pytest.raises(InvalidPassword) as caught:
        hash_password("secret", cost=cost)

    assert caught.value.field == "cost"
    assert str(cost) in str(caught.value)


@pytest.mark.parametrize("cost", [4, 5, 6])
def test_a_hash_contains_its_cost(cost: int) -> None:
    hashed = hash_password("secret", cost=cost)

    assert hashed.startswith(f"$2b$0{cost}$")


def test_the_default_cost_is_12() -> None:
    hashed = hash_password("secret")

    assert DEFAULT_COST == 12
    assert hashed.startswith("$2b$12$")


def test_a_hash_has_the_form_that_the_database_requires() -> None:
    hashed = hash_password("secret", cost=CHEAP)

    assert re.fullmatch(r"\$2[aby]\$[0-9]{2}\$[./A-Za-z0-9]{53}", hashed)


def test_two_hashes_of_one_password_differ() -> None:
    hashes = {hash_password("secret", cost=CHEAP) for _ in range(20)}

    assert len(hashes) == 20


def test_a_refused_password_raises_a_skilltree_error() -> None:
    with pytest.raises(SkillTreeError):
        hash_password("")
