"""User names and addresses that look the same count as one, and none contains invisible characters."""

# ruff: noqa: RUF001 (ambiguous characters are what is tested)

import pytest
from psycopg.errors import UniqueViolation

from _async.factories import add_user, case, expect_refusal, value
from concurrency import concurrently_async, failures
from skilltree.errors import EmailTaken, InvalidCredentials, InvalidName, InvalidValue, TooManyAttempts, UsernameTaken

ALIKE = {
    "case": ("Ada", "aDA"),
    "case beyond ASCII": ("ÉMILE", "émile"),
    "case of Greek, with its two small sigmas": ("ΟΔΥΣΣΕΥΣ", "οδυσσευς"),
    "case of Cyrillic": ("ЖЮЛИ", "жюли"),
    "case of Armenian": ("ԱՐԱՄ", "արամ"),
    "case of Georgian": ("\u1c90\u1c9c\u1c90", "\u10d0\u10dc\u10d0"),
    "Turkish capitals": ("IŞIK", "ışık"),
    "Turkish capitals with dots": ("İNCİ", "inci"),
    "two letters in capitals": ("STRASSE", "straße"),
    "composed and decomposed": ("zoë", "zoe\u0308"),
    "two marks in another order": ("a\u0323\u0307", "a\u0307\u0323"),
    "Hangul by syllables and letters": ("각", "\u1100\u1161\u11a8"),
    "full width": ("ada", "ａｄａ"),
    "a ligature": ("ofﬁce", "office"),
    "superscript": ("ada2", "ada²"),
    "mathematical letters": ("ada", "\U0001d41a\U0001d41d\U0001d41a"),
    "the Kelvin sign": ("kelvin", "\u212aelvin"),
    "an a of Cyrillic": ("ada", "\u0430d\u0430"),
    "an omicron": ("bob", "b\u03bfb"),
}

# Soft hyphen, joiners, direction marks, fillers, variation selectors, tags, control characters, other spaces.
UNSEEN = (
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u180e\u200b\u200c\u200d\u200e\u200f\u202a\u202c\u202e\u2060\u2063\u2066\u2069\u206f\u2800"
    "\u3164\ufe00\ufe0f\ufeff\uffa0\ufff9\ufffc\ue000\U0001d173\U000e0001\U000e0041\U000e0100\u0085\u009f\x01\x7f\t\n"
    "\u00a0\u1680\u2003\u2007\u2009\u202f\u205f\u3000\u2028\u2029"
)


@pytest.mark.parametrize("names", ALIKE.values(), ids=ALIKE)
async def test_names_that_look_the_same_are_equal(db, connection, names):
    one, other = names
    user = await add_user(db, "ada-the-first", email=f"{one}@example.org")
    named = await add_user(db, one, email="second@example.org")

    async with expect_refusal(connection, EmailTaken):
        await add_user(db, "third", email=f"{other}@example.org")
    async with expect_refusal(connection, UsernameTaken):
        await add_user(db, other, email="third@example.org")
    assert await db.users.find_by_email(f"{other}@EXAMPLE.org") == user
    assert await db.users.find_by_username(other) == named


async def test_names_that_look_different_are_distinct(db):
    names = ["ada", "adа1", "ad", "a da", "a-da", "a_da", "äda", "ába", "адa2", "日本", "日木"]

    users = [await add_user(db, name, email=f"{number}@example.org") for number, name in enumerate(names)]

    assert [await db.users.find_by_username(name) for name in names] == users


async def test_an_invisible_character_is_refused_with_its_code_point(db, connection, subtests):
    for unseen in UNSEEN:
        number = f"U+{ord(unseen):04X}"
        async with case(subtests, number):
            for field, given in (
                ("username", {"username": f"a{unseen}da", "email": "ada@example.org"}),
                ("email", {"username": "ada", "email": f"a{unseen}da@example.org"}),
            ):
                async with expect_refusal(connection, InvalidName) as refusal:
                    await add_user(db, **given)
                assert number in str(refusal.value)
                assert refusal.value.field == field


@pytest.mark.parametrize("username", [" ada", "ada ", "a  da", "  "])
async def test_leading_trailing_and_repeated_spaces_are_refused(db, connection, username):
    async with expect_refusal(connection, InvalidValue) as refusal:
        await add_user(db, username, email="ada@example.org")

    assert refusal.value.field == "username"


async def test_a_name_is_stored_in_normal_form_c(db, connection):
    user = await add_user(
        db, "zoe\u0308", email="zoe\u0308@example.org", first_name="Zoe\u0308", last_name=" Noe\u0308l "
    )

    assert (user.username, user.email, user.first_name, user.last_name) == ("zoë", "zoë@example.org", "Zoë", "Noël")


async def test_a_display_name_may_contain_joiners_but_no_direction_marks(db, connection):
    user = await add_user(db, first_name="می\u200cرا", last_name="❤\ufe0f")

    assert (user.first_name, user.last_name) == ("می\u200cرا", "❤\ufe0f")
    for unseen in "\u202e\u2066\u200b\n\ufeff":
        async with expect_refusal(connection, InvalidName) as refusal:
            await add_user(db, "other", first_name=f"A{unseen}da")
        assert refusal.value.field == "first_name"


async def test_one_of_two_concurrent_names_that_look_the_same_is_refused(db, connection):
    names = ["ZOË", "zoë", "zoe\u0308", "Zoe\u0308"]

    results = await concurrently_async(
        *[lambda name=name, place=place: add_user(db, name, email=f"{place}@x.org") for place, name in enumerate(names)]
    )

    assert [type(failure) for failure in failures(results)] == [UsernameTaken] * 3
    assert await value(connection, "select count(*) from users") == 1


async def test_log_in_and_counts_treat_equal_looking_addresses_as_one(db, connection):
    user = await add_user(db, "zoe", email="zoë@example.org")

    assert (await db.accounts.authenticate("ZOE\u0308@Example.org", "correct horse", bcrypt_cost=4)).id == user.id
    for guess in ("zoë@example.org", "ZOË@example.org", "zoe\u0308@example.org"):
        with pytest.raises(InvalidCredentials):
            await db.accounts.authenticate(guess, "wrong", bcrypt_cost=4)
    with pytest.raises(TooManyAttempts):
        await db.accounts.authenticate("ZoË@example.org", "correct horse", bcrypt_cost=4)
    assert await value(connection, "select count(*) from login_attempts where network <> ''") == 1
    assert (await db.accounts.request_password_reset("ZOË@EXAMPLE.ORG")).email == "zoë@example.org"


async def test_the_database_itself_refuses_names_that_look_the_same(connection, learner):
    with pytest.raises(UniqueViolation, match="idx_user_username"):
        await connection.execute(
            "insert into users (email, username, password_hash)"
            " select 'b@example.org', 'A\u0334DA', password_hash from users"
            " union all select 'c@example.org', 'ＡDＡ', password_hash from users"
        )

    assert await value(connection, "select count(*) from users") == 1
