"""Which passwords are accepted wherever one is set. Accounts with older passwords can still log in."""

import unicodedata

import bcrypt
import pytest

from _async.factories import add_user, case, expect_refusal, value
from skilltree.errors import InvalidCredentials, InvalidPassword, InvalidValue
from skilltree.passwords import HashedPassword, hash_password

REFUSED = {
    "": "too_short",
    "1234567": "too_short",
    "e\u0301" * 7: "too_short",
    "🎓🎓🎓🎓🎓🎓🎓": "too_short",
    "x" * 73: "too_long",
    "nul\0inside": "unfit",
    "password": "well_known",
    "password123": "well_known",
    "PassWord123": "well_known",
    "12345678": "well_known",
    "qwertyuiop": "well_known",
    "ada.lovelace": "own_name",
    "Ada.Lovelace@Example.org": "own_name",
    "countess": "own_name",
    "COUNTESS": "own_name",
}

TAKEN = ["pass word", "        ", "цццццццц", "🎓" * 8, "correct horse battery staple", "x" * 71 + "y", "zyxw vut"]


@pytest.fixture
async def ada(db):
    return await add_user(db, "countess", email="ada.lovelace@example.org")


async def refused(call, password, reason):
    with pytest.raises(InvalidPassword) as refusal:
        await call(password)
    assert (refusal.value.reason, refusal.value.field) == (reason, "password")


async def test_a_weak_password_is_refused_wherever_one_is_set(db, connection, ada, subtests):
    issued = await db.accounts.request_password_reset(ada.email)
    hashed = await value(connection, "select password_hash from users")
    other = {"email": "ada.lovelace@example.com", "username": "countess2"}

    for password, reason in REFUSED.items():
        async with case(subtests, password):
            if reason != "own_name":
                await refused(lambda given: add_user(db, password=given), password, reason)
            await refused(
                lambda given: db.accounts.change_password(ada.id, current="correct horse", new=given, bcrypt_cost=4),
                password,
                reason,
            )
            await refused(
                lambda given: db.accounts.reset_password(issued.token, given, bcrypt_cost=4), password, reason
            )
    for password in ("Ada.Lovelace", "ada.lovelace@EXAMPLE.com", "Countess2"):
        await refused(lambda given: add_user(db, **other, password=given), password, "own_name")

    assert await value(connection, "select password_hash from users") == hashed
    assert (await db.accounts.reset_password(issued.token, "battery staple", bcrypt_cost=4)).id == ada.id


async def test_a_password_may_be_of_any_characters(db, subtests):
    for number, password in enumerate(TAKEN):
        async with case(subtests, password):
            user = await add_user(db, f"learner{number}", password=password)
            assert (await db.accounts.authenticate(user.email, password, bcrypt_cost=4)).id == user.id


async def test_the_minimum_length_of_a_password_can_be_set(db, connection, ada):
    issued = await db.accounts.request_password_reset(ada.email)
    long = {"min_password_length": 12, "bcrypt_cost": 4}

    for call in (
        lambda: add_user(db, password="battery sta", **long),
        lambda: db.accounts.change_password(ada.id, current="correct horse", new="battery sta", **long),
        lambda: db.accounts.reset_password(issued.token, "battery sta", **long),
    ):
        async with expect_refusal(connection, InvalidPassword, match="has 11 characters; at least 12 are needed"):
            await call()
    await db.accounts.reset_password(issued.token, "battery stap", **long)
    await db.accounts.change_password(ada.id, current="battery stap", new="zxwv", min_password_length=4, bcrypt_cost=4)
    await add_user(db, password="zxwv", min_password_length=4)


@pytest.mark.parametrize("least", [0, -1, 73, "8", None])
async def test_an_invalid_minimum_length_is_refused(db, connection, least):
    async with expect_refusal(connection, InvalidValue) as refusal:
        await add_user(db, min_password_length=least)

    assert refusal.value.field == "min_password_length"


async def test_a_password_in_another_unicode_form_is_the_same(db, connection):
    composed, decomposed = (unicodedata.normalize(form, "crème brûlée") for form in ("NFC", "NFD"))
    one = await add_user(db, "one", password=composed)
    other = await add_user(db, "other", password=decomposed)

    for user in (one, other):
        for password in (composed, decomposed):
            assert (await db.accounts.authenticate(user.email, password, bcrypt_cost=4)).id == user.id


async def test_older_passwords_still_log_in(db, connection, subtests):
    # Older versions hashed the typed text unchanged, even if it was short or well known.
    for number, password in enumerate(["x", "secret", "password", unicodedata.normalize("NFD", "crème")]):
        async with case(subtests, password):
            hashed = bcrypt.hashpw(password.encode(), bcrypt.gensalt(4)).decode()
            user = await add_user(db, f"old{number}", password=HashedPassword(hashed))

            assert (await db.accounts.authenticate(user.email, password, bcrypt_cost=4)).id == user.id
            assert (await db.accounts.authenticate(user.email, password, bcrypt_cost=5)).id == user.id
            with pytest.raises(InvalidCredentials):
                await db.accounts.authenticate(user.email, f"{password}!", bcrypt_cost=5)
            await db.accounts.change_password(user.id, current=password, new="battery staple", bcrypt_cost=4)


async def test_an_imported_account_keeps_its_hash(db, connection):
    hashed = hash_password("correct horse", cost=4)
    user = await add_user(db, password=HashedPassword(hashed))

    assert await value(connection, "select password_hash from users") == hashed
    assert (await db.accounts.authenticate(user.email, "correct horse", bcrypt_cost=4)).id == user.id
    assert hashed not in repr(HashedPassword(hashed))
    async with expect_refusal(connection, InvalidValue) as refusal:
        await add_user(db, "other", password=HashedPassword("no hash"))
    assert refusal.value.field == "password_hash"
