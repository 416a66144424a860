"""As one learner on what is another's, by every method of every repository: nothing is read, and nothing written."""

from contextlib import suppress

import pytest

from _async.calls import CATALOGUE, OWN, SERVICE, add_belongings, add_course
from _async.factories import case, rows
from _async.whose import tables, traces, without_rows_of
from skilltree._async.repository import AsyncRepository
from skilltree.errors import PermissionDenied, SkillTreeError

EVERY = {**OWN, **CATALOGUE, **SERVICE}


class Undone(Exception):
    """Takes a unit of work back."""


@pytest.fixture
async def people(db):
    """Two learners who have done much the same: who asks, and whom it is about."""
    course = await add_course(db)
    return await add_belongings(db, "ada", course), await add_belongings(db, "grace", course)


async def said(call, db, of):
    """Return what a call says, as text, be it an answer or a refusal with all that it rests on."""
    try:
        return repr(await call(db, of))
    except SkillTreeError as error:
        return " <- ".join(f"{type(reason).__name__}: {reason}" for reason in chain(error))


def chain(error):
    while error is not None:
        yield error
        error = error.__cause__


async def in_a_unit(call, scope, of):
    """Return what a call says in a unit of work, which is then taken back."""
    found = None
    with suppress(Undone):
        async with scope as unit:
            found = await said(call, unit, of)
            raise Undone
    return found


def is_refused(answer):
    return answer.startswith(f"{PermissionDenied.__name__}: ")


# --- all of it is here -----------------------------------------------------------------------------------------------


async def test_every_method_of_every_repository_stands_in_the_table(app):
    methods = {
        f"{name}.{method}"
        for name, repository in vars(app).items()
        if isinstance(repository, AsyncRepository)
        for method in dir(repository)
        if not method.startswith("_") and callable(getattr(repository, method))
    }

    assert {name.partition(" ")[0] for name in EVERY} == methods


async def test_both_learners_have_rows_wherever_learners_have_any(connection, people):
    of_learners = [(table, owner) for table, owner in await tables(connection) if owner]

    for table, owner in of_learners:
        whose = {user_id for (user_id,) in await rows(connection, f"select {owner} from {table}")}
        theirs = {person.user_id for person in people}
        # The trail is of the catalogue, too.
        assert (table, whose & theirs if table == "audit_log" else whose) == (table, theirs)


async def test_what_a_learner_has_shows_to_themselves(app, connection, people):
    _, grace = people
    marks = await traces(connection, grace.user_id)

    seen = "".join([await in_a_unit(call, app.as_user(grace.user_id), grace) for call in OWN.values()])

    told = {"Bio of grace", "Evidence of grace", "Trouble of grace", "System of grace", grace.email}
    assert told | {str(grace.user_id), str(grace.session_id)} <= marks
    assert told <= {mark for mark in marks if mark in seen}


# --- another's -------------------------------------------------------------------------------------------------------

WHO = {
    "a learner": lambda app, ada: app.as_user(ada.user_id),
    "a visitor": lambda app, _: app.as_user(None),
    "nobody in particular": lambda app, _: app,
}


@pytest.mark.parametrize("who", WHO)
async def test_another_learner_is_as_one_who_does_not_exist(app, connection, people, subtests, who):
    ada, grace = people
    nobody = grace.of_nobody()
    scope = WHO[who](app, ada)
    before = await without_rows_of(connection, ada.user_id)

    for name, call in OWN.items():
        async with case(subtests, name):
            of_grace, of_nobody = await said(call, scope, grace), await said(call, scope, nobody)
            assert grace.unnamed(of_grace) == nobody.unnamed(of_nobody)
            assert await without_rows_of(connection, ada.user_id) == before


async def test_another_learner_does_not_exist_in_a_unit_of_work_either(app, connection, people, subtests):
    ada, grace = people
    nobody = grace.of_nobody()
    before = await without_rows_of(connection, ada.user_id)

    for name, call in OWN.items():
        async with case(subtests, name):
            async with app.as_user(ada.user_id) as unit:
                of_grace, of_nobody = await said(call, unit, grace), await said(call, unit, nobody)
                assert grace.unnamed(of_grace) == nobody.unnamed(of_nobody)
            assert await without_rows_of(connection, ada.user_id) == before


async def test_anothers_handle_with_ones_own_id_reaches_nothing_of_theirs(app, connection, people, subtests):
    ada, grace = people
    mixed = ada._replace(session_id=grace.session_id)
    before = await without_rows_of(connection, ada.user_id)
    marks = await traces(connection, grace.user_id)

    for name, call in OWN.items():
        async with case(subtests, name):
            found = await in_a_unit(call, app.as_user(ada.user_id), mixed)
            assert not [mark for mark in marks - {str(grace.session_id)} if mark in found]
    refusal = await said(OWN["sessions.end"], app.as_user(ada.user_id), mixed)

    assert refusal.startswith("SessionNotFound: ")
    assert await without_rows_of(connection, ada.user_id) == before


async def test_to_themselves_a_learner_exists_by_every_such_method(app, people, subtests):
    ada, grace = people

    for name, call in OWN.items():
        async with case(subtests, name):
            to_grace = await in_a_unit(call, app.as_user(grace.user_id), grace)
            assert not is_refused(to_grace)
            assert to_grace != await in_a_unit(call, app.as_user(ada.user_id), grace)


# --- nobody's, and everybody's ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("who", WHO)
async def test_the_catalogue_is_the_same_for_everybody_and_tells_of_nobody(app, connection, people, subtests, who):
    ada, grace = people
    scope = WHO[who](app, ada)
    marks = await traces(connection, grace.user_id)

    for name, call in CATALOGUE.items():
        async with case(subtests, name):
            found = await call(scope, grace)
            assert found
            assert found == await call(app.as_service(), grace)
            assert not [mark for mark in marks if mark in repr(found)]


@pytest.mark.parametrize("who", ["a learner", "a visitor"])
async def test_what_works_across_learners_is_refused_and_tells_of_nobody(app, connection, people, subtests, who):
    ada, grace = people
    scope = WHO[who](app, ada)
    before = await without_rows_of(connection, ada.user_id)
    marks = await traces(connection, grace.user_id)

    for name, call in SERVICE.items():
        async with case(subtests, name):
            refusal = await said(call, scope, grace)
            assert is_refused(refusal)
            assert not [mark for mark in marks if mark in refusal]
            assert await without_rows_of(connection, ada.user_id) == before


async def test_without_being_asked_for_the_service_finds_nobody(app, connection, people, subtests):
    ada, grace = people
    nobody = grace.of_nobody()
    before = await without_rows_of(connection, ada.user_id)
    marks = await traces(connection, grace.user_id)

    for name, call in SERVICE.items():
        async with case(subtests, name):
            of_grace, of_nobody = await said(call, app, grace), await said(call, app, nobody)
            assert grace.unnamed(of_grace) == nobody.unnamed(of_nobody)
            assert not [mark for mark in marks if mark in of_grace]
            assert await without_rows_of(connection, ada.user_id) == before


async def test_the_service_may_do_what_works_across_learners(app, people, subtests):
    _, grace = people

    for name, call in SERVICE.items():
        async with case(subtests, name):
            assert not is_refused(await in_a_unit(call, app.as_service(), grace))
