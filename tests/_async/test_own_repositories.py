"""An application's own tables, queries and repositories, with SkillTree's in one transaction."""

import json
from contextlib import aclosing
from pathlib import Path
from uuid import uuid4

import pytest

from _async.factories import add_skills, add_user, expect_nothing_written, expect_refusal, value
from _async.method_calls import exported
from _async.shop import (
    QUERIES,
    AsyncCourses,
    AsyncPayments,
    AsyncShop,
    AsyncShopScope,
    AsyncShopUnit,
    ShopRepositories,
)
from shop_models import AlreadyEnrolled, CourseNotFound
from skilltree import AsyncDatabase, AsyncRepositories, AsyncRepository, AsyncScope, AsyncUnitOfWork
from skilltree.errors import (
    AlreadyExists,
    ConcurrentUpdate,
    InvalidRepository,
    InvalidValue,
    MissingParameter,
    NotTogether,
    PermissionDenied,
    PrerequisitesNotMet,
    QueryFileNotFound,
    RowMismatch,
    ScopeMissing,
    StillReferenced,
    UnitOfWorkOpen,
)
from skilltree.models.base import Model


@pytest.fixture
async def tables(connection):
    """The shop's tables, for this test."""
    await connection.execute((QUERIES / "schema.sql").read_text())
    yield
    await connection.execute("drop table payments, enrolments, courses")


@pytest.fixture
async def shop(app_url, tables):
    """The shop, opened with the application's login role."""
    async with AsyncShop(app_url, min_size=1, max_size=4, timeout=10) as shop:
        yield shop


@pytest.fixture
async def course(shop, tree):
    return await shop.as_service().courses.create(tree.id, title="Baking", price=40)


@pytest.fixture
async def skills(db, tree):
    return await add_skills(db, tree, "dough", loaf=["dough"])


# --- attached repositories --------------------------------------------------------------------------------------------


async def test_own_repositories_are_everywhere_where_ours_are(shop, learner, course):
    assert await shop.courses.get(course.id) == course
    assert await shop.as_user(learner.id).courses.get(course.id) == course
    async with shop.as_user(learner.id) as unit, unit.transaction() as savepoint:
        assert type(savepoint) is AsyncShopUnit
        await savepoint.courses.enrol(learner.id, course.id)
        assert (await savepoint.users.get_profile(learner.id)).user_id == learner.id
    async with shop.transaction() as unit:
        assert type(unit) is AsyncShopUnit

    assert await shop.as_service().courses.enrolled(learner.id) == [course.id]
    assert shop.courses is shop.courses
    assert isinstance(shop.as_service(), AsyncShopScope)
    assert shop.attached["courses"] is AsyncCourses


async def test_each_method_of_the_base_class_runs_own_query_files(shop, url, learner, tree, course):
    # PostgreSQL has no COPY under row-level security, so the owner of the tables sends the rows.
    async with AsyncShop(url, min_size=1, max_size=1) as owner:
        assert await owner.courses.add_many(tree.id, ["Cakes", "Rolls"]) == 2
    assert await shop.as_service().courses.raise_prices(by=2) == 3
    assert [each.price for each in await shop.courses.list_all()] == [42, 7, 7]
    first = await shop.courses.list_by_title()
    assert [each.title for each in first.items] == ["Baking", "Cakes"]
    assert [each.title for each in (await shop.courses.list_by_title(after=first.next_cursor)).items] == ["Rolls"]
    async with aclosing(shop.courses.read_all()) as read:
        assert [each.title async for each in read] == ["Baking", "Cakes", "Rolls"]
    assert await shop.courses.find_by_id(uuid4()) is None
    with pytest.raises(CourseNotFound):
        await shop.courses.get(uuid4())
    courses, payments = await shop.as_user(learner.id).courses.with_payments(learner.id)
    assert (len(courses), payments) == (3, [])


async def test_arguments_of_own_methods_are_checked(shop, learner):
    with pytest.raises(InvalidValue, match="course_id must be a UUID"):
        await shop.as_user(learner.id).courses.enrol(learner.id, "baking")
    with pytest.raises(InvalidValue, match="labels"):
        await shop.courses.tag(uuid4(), ("a", 1, "c"))
    assert await shop.courses.tag(uuid4(), ("a", "b", "c")) == ["a", "b", "c"]


async def test_a_missing_file_or_parameter_has_an_error_that_says_which(shop, learner):
    with pytest.raises(QueryFileNotFound, match=r"shop/courses/gone\.sql"):
        await shop.courses.name_no_file()
    with pytest.raises(MissingParameter, match=r"shop/courses/enrol\.sql needs the parameter course_id"):
        await shop.as_user(learner.id).courses.forget_a_parameter(learner.id)


async def test_own_constraints_raise_named_errors(shop, connection, learner, course):
    mine = shop.as_user(learner.id)
    await mine.courses.enrol(learner.id, course.id)
    payment = await mine.payments.pay(learner.id, course.id, 40, payment_id=uuid4())

    async with expect_refusal(connection, AlreadyEnrolled):
        await mine.courses.enrol(learner.id, course.id)
    with pytest.raises(AlreadyExists, match=r"payments.*\(payments_pkey\)"):
        await mine.payments.pay(learner.id, course.id, 40, payment_id=payment.id)
    with pytest.raises(InvalidValue, match="payments_course_id_fkey") as refused:
        await mine.payments.pay(learner.id, uuid4(), 40, payment_id=uuid4())
    assert (refused.value.field, refused.value.constraint) == ("course_id", "payments_course_id_fkey")
    with pytest.raises(InvalidValue, match="courses_title_length"):
        await shop.as_service().courses.create(course.tree_id, title="", price=1)


async def test_statements_about_users_need_a_scope(shop, connection, learner, course):
    grace = await add_user(shop.as_service(), "grace")

    async with expect_refusal(connection, ScopeMissing):
        await shop.courses.enrol(learner.id, course.id)
    with pytest.raises(ScopeMissing):
        await shop.courses.raise_prices(by=1)
    async with expect_refusal(connection, PermissionDenied):
        await shop.as_user(learner.id).courses.raise_prices(by=1)
    async with expect_refusal(connection, PermissionDenied):
        await shop.as_user(learner.id).courses.enrol(grace.id, course.id)


async def test_names_may_be_the_same_in_two_folders(shop, learner, tmp_path):
    (tmp_path / "users").mkdir()
    (tmp_path / "users" / "get.sql").write_text("-- One.\nselect 1 as number;\n")

    class Number(Model):
        number: int

    class AsyncNumbers(AsyncRepository, queries=tmp_path):
        async def get(self) -> Number:
            return await self.one(Number, "users/get")

    with pytest.raises(ScopeMissing):
        await shop.users.get(learner.id)
    assert await AsyncNumbers(shop).get() == Number(number=1)
    with pytest.raises(ScopeMissing):
        await shop.users.get(learner.id)


class Number(Model):
    number: int


def numbers(folder: Path, text: str | bytes) -> type[AsyncRepository]:
    """Return a repository with this query file."""
    (folder / "numbers").mkdir()
    (folder / "numbers" / "get.sql").write_bytes(text if isinstance(text, bytes) else text.encode())

    class AsyncNumbers(AsyncRepository, queries=folder):
        async def get(self) -> Number:
            return await self.one(Number, "numbers/get")

        async def count(self) -> int:
            return await self.execute("numbers/get")

    return AsyncNumbers


@pytest.mark.parametrize(
    "text",
    [
        "-- One. \u2028 drop table skills;\nselect 1 as number",
        "\ufeff-- One.\nselect 1 as number",
        "-- One.\rselect 1 as number",
    ],
)
async def test_a_comment_ends_where_postgresql_ends_it(app, connection, tmp_path, text):
    async with expect_nothing_written(connection):
        assert await numbers(tmp_path, text)(app).get() == Number(number=1)


async def test_a_file_that_is_not_utf8_is_named(app, tmp_path):
    with pytest.raises(QueryFileNotFound, match=r"numbers/get\.sql cannot be read, because it is not UTF-8"):
        await numbers(tmp_path, b"-- Gr\xf6\xdfe.\nselect 1 as number")(app).get()


async def test_a_query_that_returns_no_rows_is_refused_by_what_reads_them(app, tmp_path):
    nothing = numbers(tmp_path, "-- Nothing.\nlisten courses")(app)

    with pytest.raises(RowMismatch, match="RETURNING"):
        await nothing.get()
    assert await nothing.count() == 0


async def test_arguments_are_checked_by_their_own_annotation_if_some_are_positional_only(app, tmp_path):
    class AsyncPairs(AsyncRepository):
        async def pair(self, first: str, /, second: int) -> tuple[str, int]:
            return first, second

        async def all_named(self, /, first: str, second: int) -> tuple[str, int]:
            return first, second

    pairs = AsyncPairs(app)

    assert await pairs.pair("a", 1) == await pairs.all_named("a", 1) == ("a", 1)
    for method in (pairs.pair, pairs.all_named):
        with pytest.raises(InvalidValue, match="first must be"):
            await method(1, 1)
        with pytest.raises(InvalidValue, match="second must be"):
            await method("a", "b")


# --- together ---------------------------------------------------------------------------------------------------------


def buy(learner, course, skill):
    payment_id = uuid4()
    return (
        lambda at: at.payments.pay(learner.id, course.id, 40, payment_id=payment_id),
        lambda at: at.courses.enrol(learner.id, course.id),
        lambda at: at.progress.complete_skill(learner.id, skill.id),
    )


async def test_calls_together_are_one_transaction_in_one_round_trip(app_url, shop, proxy, learner, course, skills):
    dough, loaf = skills
    async with AsyncShop(f"{proxy.url} user=skilltree_app", min_size=1, max_size=1, prepare_threshold=None) as near:
        async with near.as_user(learner.id) as unit:
            proxy.reset()
            payment, enrolment, done = await unit.together(*buy(learner, course, dough))
            assert proxy.round_trips == 1
            assert await shop.as_service().courses.enrolled(learner.id) == []
        assert (payment.amount, enrolment.course_id) == (40, course.id)
        assert [skill.id for skill in done.unlocked] == [loaf.id]

        proxy.reset()
        courses, skill = await near.together(lambda at: at.courses.list_all(), lambda at: at.skills.get(dough.id))
        assert proxy.round_trips == 1
        assert (courses, skill.id) == ([course], dough.id)

        proxy.reset()
        await near.as_user(learner.id).together(
            lambda at: at.payments.pay(learner.id, course.id, 1, payment_id=course.id),
            lambda at: at.progress.complete_skill(learner.id, loaf.id),
        )
        # The second one is the commit, which waits for what the calls make of their rows.
        assert proxy.round_trips == 2
    assert len(await shop.as_service().payments.list_for_user(learner.id)) == 2


async def test_an_error_of_one_call_undoes_all(shop, connection, learner, course, skills):
    async with expect_refusal(connection, PrerequisitesNotMet):
        await shop.as_user(learner.id).together(*buy(learner, course, skills[1]))
    async with expect_refusal(connection, AlreadyEnrolled):
        enrol = buy(learner, course, skills[0])[1]
        await shop.as_user(learner.id).together(*buy(learner, course, skills[0]), enrol)
    async with expect_refusal(connection, PrerequisitesNotMet), shop.as_user(learner.id) as unit:
        await unit.together(*buy(learner, course, skills[1]))


async def test_a_call_that_needs_more_round_trips_goes_on(shop, learner, course, skills):
    mine = shop.as_user(learner.id)
    await mine.progress.complete_skill(learner.id, skills[0].id)

    *_, done = await mine.together(*buy(learner, course, skills[0]))

    assert done.already_completed
    assert await mine.courses.enrolled(learner.id) == [course.id]


async def test_what_cannot_be_sent_together_is_refused_before_anything_is_sent(shop, connection, learner, course):
    enrol = lambda at: at.courses.enrol(learner.id, course.id)  # noqa: E731
    service = shop.as_service()
    async with expect_refusal(connection, NotTogether):
        await service.together(enrol, lambda at: at.payments.pay_again(learner.id, course.id))
    async with expect_refusal(connection, NotTogether), shop.as_user(learner.id) as unit:
        await unit.together(enrol, lambda at: at.sessions.start(learner.id))
    async with expect_refusal(connection, NotTogether):
        await service.together(enrol, lambda at: at.courses.add_many(course.tree_id, ["Cakes"]))
    async with expect_refusal(connection, NotTogether):
        await service.together(enrol, lambda at: at.courses.read_all())
    async with expect_refusal(connection, NotTogether):
        await service.together(enrol, lambda at: at.transaction())
    async with expect_refusal(connection, UnitOfWorkOpen):
        await service.together(enrol, lambda at: at.accounts.log_in("ada@example.org", "wrong"))
    async with expect_refusal(connection, ScopeMissing):
        await shop.together(enrol, enrol)


async def test_what_a_call_runs_on_its_way_out_replaces_none_of_its_statements(shop, connection, learner, course):
    async def enrol_and_tidy(at):
        try:
            return await at.courses.enrol(learner.id, course.id)
        finally:
            await at.courses.enrolled(learner.id)

    await shop.as_user(learner.id).together(enrol_and_tidy)

    assert await value(connection, "select count(*) from enrolments") == 1


async def test_calls_together_are_tried_again_after_a_conflict(shop, connection, learner, course, skills, monkeypatch):
    begin, failures = AsyncShopUnit._begin_with, [ConcurrentUpdate(), ConcurrentUpdate()]

    async def conflicting(unit, steps):
        rows = await begin(unit, steps)
        if failures:
            raise failures.pop()
        return rows

    monkeypatch.setattr(AsyncShopUnit, "_begin_with", conflicting)
    await shop.as_user(learner.id).together(*buy(learner, course, skills[0]))

    assert shop.statistics()["retries"] == 2
    assert await value(connection, "select count(*) from payments") == 1


# --- export and erasure -----------------------------------------------------------------------------------------------


@pytest.fixture
async def grace(shop, course):
    """A learner with rows in the shop's tables."""
    grace = await add_user(shop.as_service(), "grace")
    mine = shop.as_user(grace.id)
    await mine.payments.pay(grace.id, course.id, 40, payment_id=uuid4(), note="a gift for Ada")
    await mine.courses.enrol(grace.id, course.id)
    return grace


async def test_an_export_has_the_rows_of_own_tables(shop, connection, learner, grace, course):
    text = await exported(shop.as_user(grace.id), grace.id)

    assert json.loads(text)["payments"] == [{"amount": 40, "note": "a gift for Ada"}]
    assert [each["course"] for each in json.loads(text)["enrolments"]] == ["Baking"]
    other = await exported(shop.as_service(), learner.id)
    assert "payments" not in json.loads(other)


async def test_an_erasure_covers_own_tables(shop, connection, grace):
    await shop.as_service().users.erase(grace.id)

    kept = await (await connection.execute("select user_id, amount, note from payments")).fetchall()
    assert [row[1:] for row in kept] == [(40, None)]
    assert kept[0][0] != grace.id
    assert await value(connection, "select count(*) from enrolments") == 0
    await shop.as_service().users.delete(kept[0][0])
    assert await value(connection, "select count(*) from payments") == 0


async def test_a_plain_database_cannot_erase_a_learner_whom_own_tables_still_refer_to(app, connection, grace):
    for method in (app.as_service().users.erase, app.as_service().users.delete):
        async with expect_nothing_written(connection):
            with pytest.raises(StillReferenced, match="payments") as refused:
                await method(grace.id)
            assert (refused.value.table, refused.value.constraint) == ("payments", "payments_user_id_fkey")


def test_one_name_without_a_comma_is_one_file(tmp_path):
    (tmp_path / "export.sql").write_text("-- x\nselect 'notes' as section, '{}' as item where %(user_id)s is null")

    class AsyncNotes(AsyncRepository, queries=tmp_path, exports=("export")):
        pass

    assert AsyncNotes.exports == ("export",)


async def test_a_section_of_ours_is_refused_in_own_exports(shop, app_url, learner, tmp_path):
    (tmp_path / "export.sql").write_text(
        "-- x\nselect 'sessions' as section, '{}' as item where %(user_id)s is not null"
    )

    class AsyncNotes(AsyncRepository, queries=tmp_path, exports=["export"]):
        pass

    class Declared(AsyncRepositories):
        notes: AsyncNotes

    class AsyncNotesUnit(Declared, AsyncUnitOfWork):
        pass

    class AsyncNotesScope(Declared, AsyncScope[AsyncNotesUnit]):
        pass

    class AsyncNotesDatabase(Declared, AsyncDatabase[AsyncNotesScope, AsyncNotesUnit]):
        pass

    async with AsyncNotesDatabase(app_url, min_size=1, max_size=1) as db:
        with pytest.raises(RowMismatch, match="sessions"):
            await exported(db.as_user(learner.id), learner.id)


# --- faults of a declaration ------------------------------------------------------------------------------------------


def test_a_repository_that_cannot_work_is_refused_where_it_is_declared(tmp_path):
    (tmp_path / "all.sql").write_text("-- x\nselect 1;")
    with pytest.raises(InvalidRepository, match="no folder|none at"):

        class AsyncLost(AsyncRepository, queries=Path("nowhere")):
            pass

    with pytest.raises(InvalidRepository, match="find"):

        class AsyncTaken(AsyncRepository):
            async def find(self) -> None: ...

    with pytest.raises(InvalidRepository, match=r"gone\.sql"):

        class AsyncForgetful(AsyncRepository, queries=tmp_path, erases=["gone"]):
            pass

    with pytest.raises(InvalidRepository, match="user_id"):

        class AsyncEveryone(AsyncRepository, queries=tmp_path, exports=["all"]):
            pass

    with pytest.raises(InvalidRepository, match="EmailTaken"):

        class AsyncOverriding(AsyncRepository, refusals={"idx_user_email": AlreadyEnrolled}):
            pass


def test_a_database_without_the_repositories_of_its_units_is_refused():
    with pytest.raises(InvalidRepository, match=r"AsyncScope need the same repositories"):

        class AsyncHalf(ShopRepositories, AsyncDatabase):
            pass

    with pytest.raises(InvalidRepository, match="AsyncUnitOfWork"):

        class AsyncOther(ShopRepositories, AsyncDatabase[AsyncShopScope, AsyncUnitOfWork]):
            pass

    with pytest.raises(InvalidRepository, match="another attribute"):

        class AsyncClash(AsyncUnitOfWork):
            stream: AsyncPayments

    with pytest.raises(InvalidRepository, match="must extend"):

        class AsyncReplaced(AsyncUnitOfWork):
            users: AsyncPayments


def test_a_subclass_of_a_database_with_repositories_keeps_them():
    class AsyncLargerShop(AsyncShop):
        pass

    assert AsyncLargerShop("host=nowhere").as_service().courses.queries == QUERIES
