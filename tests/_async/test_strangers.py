"""Every repository method, called by one learner on another's rows: it reads nothing and writes nothing."""

from contextlib import suppress

import pytest

from _async.factories import case, rows
from _async.method_calls import CATALOGUE_CALLS, LEARNER_CALLS, SERVICE_CALLS, add_course, add_sample_learner
from _async.row_owners import fingerprint_without_rows_of, personal_texts, tables_with_owner
from skilltree._async.repository import AsyncRepository
from skilltree.errors import PermissionDenied, SkillTreeError

EVERY = {**LEARNER_CALLS, **CATALOGUE_CALLS, **SERVICE_CALLS}


class Undone(Exception):
    """Rolls a unit of work back."""


@pytest.fixture
async def two_learners(db):
    """Two learners with similar work: the caller, and the learner whose rows are asked for."""
    course = await add_course(db)
    return await add_sample_learner(db, "ada", course), await add_sample_learner(db, "grace", course)


async def answer_text(call, db, learner):
    """Return the answer of a call as text, or its error with all causes."""
    try:
        return repr(await call(db, learner))
    except SkillTreeError as error:
        return " <- ".join(f"{type(reason).__name__}: {reason}" for reason in chain(error))


def chain(error):
    while error is not None:
        yield error
        error = error.__cause__


async def answer_in_unit(call, scope, learner):
    """Return the answer of a call in a unit of work, which is then rolled back."""
    found = None
    with suppress(Undone):
        async with scope as unit:
            found = await answer_text(call, unit, learner)
            raise Undone
    return found


def is_refused(answer):
    return answer.startswith(f"{PermissionDenied.__name__}: ")


# --- completeness ----------------------------------------------------------------------------------------------------


async def test_every_repository_method_is_in_a_table(app):
    methods = {
        f"{name}.{method}"
        for name, repository in app.attached.items()
        for method in dir(repository)
        if not method.startswith("_") and not hasattr(AsyncRepository, method)
    }

    assert {name.partition(" ")[0] for name in EVERY} == methods


async def test_both_learners_have_rows_in_every_per_user_table(connection, two_learners):
    of_learners = [(table, owner) for table, owner in await tables_with_owner(connection) if owner]
    # One server does not need it. The deployment's database has rows there.
    of_learners.remove(("shared_audit_log", "subject_id"))

    for table, owner in of_learners:
        whose = {user_id for (user_id,) in await rows(connection, f"select {owner} from {table}")}
        theirs = {person.user_id for person in two_learners}
        # The trail also holds changes of the catalogue.
        assert (table, whose & theirs if table == "audit_log" else whose) == (table, theirs)


async def test_a_learner_can_read_their_own_data(app, connection, two_learners):
    _, grace = two_learners
    marks = await personal_texts(connection, grace.user_id)

    seen = "".join([await answer_in_unit(call, app.as_user(grace.user_id), grace) for call in LEARNER_CALLS.values()])

    told = {"Bio of grace", "Evidence of grace", "Trouble of grace", "System of grace", grace.email}
    assert told | {str(grace.user_id), str(grace.session_id)} <= marks
    assert told <= {mark for mark in marks if mark in seen}


# --- other learners---------------------------------------------------------------------------------------------------

WHO = {
    "a learner": lambda app, ada: app.as_user(ada.user_id),
    "a visitor": lambda app, _: app.as_user(None),
    "a call without a scope": lambda app, _: app,
}


@pytest.mark.parametrize("who", WHO)
async def test_another_learner_looks_like_one_who_does_not_exist(app, connection, two_learners, subtests, who):
    ada, grace = two_learners
    nobody = grace.as_unknown_learner()
    scope = WHO[who](app, ada)
    before = await fingerprint_without_rows_of(connection, ada.user_id)

    for name, call in LEARNER_CALLS.items():
        async with case(subtests, name):
            of_grace, of_unknown = await answer_text(call, scope, grace), await answer_text(call, scope, nobody)
            assert grace.without_identity(of_grace) == nobody.without_identity(of_unknown)
            assert await fingerprint_without_rows_of(connection, ada.user_id) == before


async def test_another_learner_looks_absent_in_a_unit_of_work_too(app, connection, two_learners, subtests):
    ada, grace = two_learners
    nobody = grace.as_unknown_learner()
    before = await fingerprint_without_rows_of(connection, ada.user_id)

    for name, call in LEARNER_CALLS.items():
        async with case(subtests, name):
            async with app.as_user(ada.user_id) as unit:
                of_grace, of_unknown = (
                    await answer_text(call, unit, grace),
                    await answer_text(call, unit, nobody),
                )
                assert grace.without_identity(of_grace) == nobody.without_identity(of_unknown)
            assert await fingerprint_without_rows_of(connection, ada.user_id) == before


async def test_another_learners_session_id_with_ones_own_id_finds_nothing(app, connection, two_learners, subtests):
    ada, grace = two_learners
    mixed = ada._replace(session_id=grace.session_id)
    before = await fingerprint_without_rows_of(connection, ada.user_id)
    marks = await personal_texts(connection, grace.user_id)

    for name, call in LEARNER_CALLS.items():
        async with case(subtests, name):
            found = await answer_in_unit(call, app.as_user(ada.user_id), mixed)
            assert not [mark for mark in marks - {str(grace.session_id)} if mark in found]
    refusal = await answer_text(LEARNER_CALLS["sessions.end"], app.as_user(ada.user_id), mixed)

    assert refusal.startswith("SessionNotFound: ")
    assert await fingerprint_without_rows_of(connection, ada.user_id) == before


async def test_every_method_answers_for_the_learner_themselves(app, two_learners, subtests):
    ada, grace = two_learners

    for name, call in LEARNER_CALLS.items():
        async with case(subtests, name):
            to_grace = await answer_in_unit(call, app.as_user(grace.user_id), grace)
            assert not is_refused(to_grace)
            assert to_grace != await answer_in_unit(call, app.as_user(ada.user_id), grace)


# --- catalogue and service -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("who", WHO)
async def test_the_catalogue_is_the_same_for_everybody_and_shows_no_learner(
    app, connection, two_learners, subtests, who
):
    ada, grace = two_learners
    scope = WHO[who](app, ada)
    marks = await personal_texts(connection, grace.user_id)

    for name, call in CATALOGUE_CALLS.items():
        async with case(subtests, name):
            found = await call(scope, grace)
            assert found
            assert found == await call(app.as_service(), grace)
            assert not [mark for mark in marks if mark in repr(found)]


@pytest.mark.parametrize("who", ["a learner", "a visitor"])
async def test_service_methods_are_refused_and_the_error_shows_no_learner(app, connection, two_learners, subtests, who):
    ada, grace = two_learners
    scope = WHO[who](app, ada)
    before = await fingerprint_without_rows_of(connection, ada.user_id)
    marks = await personal_texts(connection, grace.user_id)

    for name, call in SERVICE_CALLS.items():
        async with case(subtests, name):
            refusal = await answer_text(call, scope, grace)
            assert is_refused(refusal)
            assert not [mark for mark in marks if mark in refusal]
            assert await fingerprint_without_rows_of(connection, ada.user_id) == before


async def test_without_a_scope_service_methods_find_no_learner(app, connection, two_learners, subtests):
    ada, grace = two_learners
    nobody = grace.as_unknown_learner()
    before = await fingerprint_without_rows_of(connection, ada.user_id)
    marks = await personal_texts(connection, grace.user_id)

    for name, call in SERVICE_CALLS.items():
        async with case(subtests, name):
            of_grace, of_unknown = await answer_text(call, app, grace), await answer_text(call, app, nobody)
            assert grace.without_identity(of_grace) == nobody.without_identity(of_unknown)
            assert not [mark for mark in marks if mark in of_grace]
            assert await fingerprint_without_rows_of(connection, ada.user_id) == before


async def test_the_service_may_call_every_service_method(app, two_learners, subtests):
    _, grace = two_learners

    for name, call in SERVICE_CALLS.items():
        async with case(subtests, name):
            assert not is_refused(await answer_in_unit(call, app.as_service(), grace))
