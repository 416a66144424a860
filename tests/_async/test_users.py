from uuid import UUID, uuid4

import bcrypt
import pytest

from _async.factories import (
    add_achievement,
    add_progress,
    add_skills,
    add_user,
    case,
    expect_refusal,
    parameter_id,
    value,
)
from skilltree.errors import (
    EmailTaken,
    IdTaken,
    InvalidDocument,
    InvalidPassword,
    InvalidValue,
    UnknownTimezone,
    UsernameTaken,
    UserNotFound,
)

UNKNOWN = UUID(int=0)

ACCOUNT = {"email": "ada@example.org", "username": "ada", "password": "correct horse", "bcrypt_cost": 4}


async def test_registering_creates_an_account_and_an_empty_profile(db):
    user = await db.users.register(**ACCOUNT, first_name="Ada", last_name="Lovelace", timezone="Europe/Lisbon")

    profile = await db.users.get_profile(user.id)
    assert (user.email, user.username, user.first_name, user.is_active) == ("ada@example.org", "ada", "Ada", True)
    assert (user.email_verified, user.last_login_at, user.avatar_url) == (False, None, None)
    assert (profile.user_id, profile.timezone, profile.total_xp, profile.current_level) == (
        user.id,
        "Europe/Lisbon",
        0,
        1,
    )
    assert user.created_at.tzinfo is not None


async def test_an_account_can_be_registered_with_a_given_id(db):
    own = uuid4()

    user = await db.users.register(**ACCOUNT, id=own)

    assert user.id == own
    assert await db.users.get(own) == user


async def test_generated_ids_are_version_7_and_in_the_order_of_registration(db):
    first = await add_user(db, "first")
    second = await add_user(db, "second")

    assert (first.id.version, second.id.version) == (7, 7)
    assert first.id < second.id


async def test_a_password_is_stored_as_a_bcrypt_hash_and_shown_to_nobody(db, connection):
    user = await db.users.register(**ACCOUNT)

    stored = await value(connection, "select password_hash from users")
    assert bcrypt.checkpw(b"correct horse", stored.encode())
    assert stored.startswith("$2b$04$")
    assert "hash" not in repr(user)
    assert not hasattr(user, "password_hash")


async def test_all_72_bytes_of_a_password_count(db, connection):
    await add_user(db, password="x" * 71 + "y")

    stored = await value(connection, "select password_hash from users")

    assert bcrypt.checkpw(b"x" * 71 + b"y", stored.encode())
    assert not bcrypt.checkpw(b"x" * 71 + b"z", stored.encode())


async def test_a_password_may_contain_any_letters(db, connection):
    await add_user(db, password="ἀριθμός 数 🎓")

    stored = await value(connection, "select password_hash from users")
    assert bcrypt.checkpw("ἀριθμός 数 🎓".encode(), stored.encode())


async def test_a_password_that_bcrypt_would_truncate_or_confuse_is_refused(db, connection, subtests):
    for password in ["", "x" * 73, "é" * 37, "🎓" * 19, "nul\0inside", "\0", "lone \ud800 surrogate"]:
        async with case(subtests, password):
            async with expect_refusal(connection, InvalidPassword) as refusal:
                await add_user(db, password=password)

            assert refusal.value.field == "password"


@pytest.mark.parametrize("cost", [3, 32, 0, -1])
async def test_an_invalid_bcrypt_cost_is_refused(db, connection, cost):
    async with expect_refusal(connection, InvalidValue) as refusal:
        await add_user(db, bcrypt_cost=cost)

    assert refusal.value.field == "cost"


@pytest.mark.parametrize("email", ["ada@example.org", "ADA@EXAMPLE.ORG", "Ada@Example.Org"])
async def test_an_address_in_use_is_refused_in_any_case(db, connection, learner, email):
    async with expect_refusal(connection, EmailTaken):
        await add_user(db, "grace", email=email)


async def test_a_user_name_in_use_is_refused(db, connection, learner):
    async with expect_refusal(connection, UsernameTaken):
        await add_user(db, "ada", email="other@example.org")


async def test_an_account_id_in_use_is_refused(db, connection, learner):
    async with expect_refusal(connection, IdTaken):
        await add_user(db, "grace", id=learner.id)


async def test_a_time_zone_outside_the_iana_database_is_refused(db, connection, subtests):
    for timezone in ["FOO3", "PST", "Europe/Nowhere", "", "localtime", "<UTC>-3", "Europe/Lisbon ", "+02:00", "1"]:
        async with case(subtests, timezone), expect_refusal(connection, UnknownTimezone):
            await add_user(db, timezone=timezone)


@pytest.mark.parametrize("timezone", ["UTC", "America/Argentina/Buenos_Aires", "Asia/Kolkata", "Etc/GMT+5"])
async def test_a_time_zone_of_the_iana_database_is_accepted(db, timezone):
    user = await add_user(db, timezone=timezone)

    assert (await db.users.get_profile(user.id)).timezone == timezone


async def test_an_account_with_an_invalid_value_is_refused(db, connection, subtests):
    for given in [
        {"email": ""},
        {"email": "no at sign"},
        {"email": "a@b@c"},
        {"email": "with space@example.org"},
        {"email": "line\nbreak@example.org"},
        {"email": "x" * 250 + "@b.cd"},
        {"email": None},
        {"email": "nul\0@example.org"},
        {"username": ""},
        {"username": " ada"},
        {"username": "ada\t"},
        {"username": "a\x1bda"},
        {"username": "x" * 51},
        {"username": "a\0"},
        {"username": None},
        {"first_name": "x" * 101},
        {"first_name": "\0"},
        {"last_name": "x" * 101},
        {"avatar_url": "x" * 2049},
        {"timezone": "UTC\0"},
        {"id": "no uuid"},
    ]:
        async with case(subtests, given):
            account = {**ACCOUNT, **given}

            async with expect_refusal(connection, InvalidValue):
                await db.users.register(**account)


async def test_an_account_is_found_by_its_id(db, learner):
    assert await db.users.get(learner.id) == learner


async def test_an_unknown_account_is_not_found(db):
    with pytest.raises(UserNotFound) as refusal:
        await db.users.get(UNKNOWN)

    assert refusal.value.key == {"id": UNKNOWN}
    assert str(UNKNOWN) in str(refusal.value)


@pytest.mark.parametrize("email", ["ada@example.org", "ADA@example.ORG"])
async def test_an_account_is_found_by_its_address_in_any_case(db, learner, email):
    assert await db.users.find_by_email(email) == learner


async def test_an_address_keeps_the_case_it_was_given_in(db):
    user = await add_user(db, email="Ada.Lovelace@Example.org")

    assert user.email == "Ada.Lovelace@Example.org"
    assert await db.users.find_by_email("ada.lovelace@example.org") == user


async def test_find_by_email_returns_none_for_an_unknown_address(db, learner, subtests):
    for email in ["grace@example.org", "", "%", "ada@example.or_", "' or true --"]:
        async with case(subtests, email):
            assert await db.users.find_by_email(email) is None


async def test_an_account_is_found_by_its_user_name_in_any_case(db, learner):
    assert await db.users.find_by_username("ada") == learner
    assert await db.users.find_by_username("ADA") == learner


async def test_an_update_changes_only_the_given_fields(db, learner):
    before = await db.users.update_profile(
        learner.id, bio="Analyst", location="London", interests=["engines"], preferences={"theme": "dark"}
    )

    after = await db.users.update_profile(learner.id, location="Paris")

    assert after.location == "Paris"
    assert after.updated_at > before.updated_at
    assert after.model_copy(update={"location": "London", "updated_at": before.updated_at}) == before


async def test_optional_values_of_a_profile_can_be_removed(db, learner):
    await db.users.update_profile(learner.id, bio="Analyst", website="https://ada.example", interests=["engines"])

    profile = await db.users.update_profile(learner.id, bio=None, website=None, interests=[], timezone=None)

    assert (profile.bio, profile.website, profile.interests, profile.timezone) == (None, None, (), None)


async def test_preferences_keep_keys_of_the_application(db, learner):
    profile = await db.users.update_profile(
        learner.id, preferences={"emailNotifications": False, "daily_goal_minutes": 30, "fontSize": 14}
    )

    assert profile.preferences.email_notifications is False
    assert profile.preferences.model_dump(by_alias=True, exclude_none=True) == {
        "emailNotifications": False,
        "dailyGoalMinutes": 30,
        "fontSize": 14,
    }


async def test_the_profile_of_an_unknown_account_is_not_found(db):
    with pytest.raises(UserNotFound):
        await db.users.get_profile(UNKNOWN)
    with pytest.raises(UserNotFound):
        await db.users.update_profile(UNKNOWN, bio="Nobody")


async def test_an_invalid_update_of_a_profile_is_refused(db, connection, learner, subtests):
    for given, field in [
        ({"bio": "x" * 10_001}, "bio"),
        ({"bio": 5}, "bio"),
        ({"bio": "\0"}, None),
        ({"location": "x" * 201}, "location"),
        ({"website": "x" * 2049}, "website"),
        ({"interests": [""]}, "interests"),
        ({"interests": ["x" * 101]}, "interests"),
        ({"interests": ["x"] * 101}, "interests"),
        ({"interests": None}, "interests"),
        ({"interests": "engines"}, "interests"),
        ({"learning_goals": ["x" * 501]}, "learning_goals"),
        ({"timezone": "FOO3"}, None),
        ({"timezone": "PST"}, None),
        ({"timezone": "Europe/Nowhere"}, None),
        ({"preferences": None}, "preferences"),
        ({"preferences": []}, "preferences"),
        ({"total_xp": 1_000_000}, "total_xp"),
        ({"current_level": 100}, "current_level"),
        ({"no_such_field": 1}, "no_such_field"),
        ({}, None),
    ]:
        async with case(subtests, given):
            async with expect_refusal(connection, InvalidValue) as refusal:
                await db.users.update_profile(learner.id, **given)

            assert field is None or refusal.value.field == field


@pytest.mark.parametrize(
    ("preferences", "path"),
    [
        ({"theme": "pink"}, ("theme",)),
        ({"dailyGoalMinutes": 1441}, ("dailyGoalMinutes",)),
        ({"dailyGoalMinutes": -1}, ("dailyGoalMinutes",)),
        ({"emailNotifications": "perhaps"}, ("emailNotifications",)),
    ],
    ids=parameter_id,
)
async def test_invalid_preferences_are_refused_with_the_path_of_the_fault(db, connection, learner, preferences, path):
    async with expect_refusal(connection, InvalidDocument) as refusal:
        await db.users.update_profile(learner.id, preferences=preferences)

    assert (refusal.value.field, refusal.value.path) == ("preferences", path)
    assert f"preferences.{path[0]}" in str(refusal.value)


async def test_a_deactivated_account_still_exists(db, learner):
    closed = await db.users.deactivate(learner.id)

    assert not closed.is_active
    assert await db.users.get(learner.id) == closed
    assert await db.users.get_profile(learner.id)


async def test_deactivating_twice_changes_nothing(db, learner):
    await db.users.deactivate(learner.id)

    assert not (await db.users.deactivate(learner.id)).is_active


async def test_deleting_an_account_deletes_its_data_and_nothing_else(db, connection, learner, tree):
    other = await add_user(db, "grace")
    [skill] = await add_skills(db, tree, "html")
    achievement = await add_achievement(db)
    for user in (learner, other):
        await add_progress(connection, user, skill)
        await db.sessions.start(user.id)
        await connection.execute(
            "insert into user_achievements (user_id, achievement_id) values (%s, %s)", [user.id, achievement.id]
        )
        await connection.execute(
            "insert into xp_events (user_id, source_kind, source_id, xp) values (%s, 'SKILL', %s, 10)",
            [user.id, skill.id],
        )
        await connection.execute(
            "insert into user_skill_tree_progress (user_id, skill_tree_id) values (%s, %s)", [user.id, tree.id]
        )

    await db.users.delete(learner.id)

    for table in (
        "user_profiles",
        "user_skill_progress",
        "user_skill_tree_progress",
        "user_sessions",
        "user_achievements",
        "xp_events",
    ):
        assert await value(connection, f"select array_agg(user_id) from {table}") == [other.id]
    with pytest.raises(UserNotFound):
        await db.users.get(learner.id)
    assert await db.users.get(other.id) == other


async def test_the_address_of_a_deleted_account_can_be_used_again(db, learner):
    await db.users.delete(learner.id)

    assert (await add_user(db)).id != learner.id


async def test_an_unknown_account_cannot_be_closed_or_deleted(db, connection, learner):
    async with expect_refusal(connection, UserNotFound):
        await db.users.deactivate(UNKNOWN)
    async with expect_refusal(connection, UserNotFound):
        await db.users.delete(UNKNOWN)
