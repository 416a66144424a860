"""What type checkers see of a database with repositories attached. ``make check`` reads this; nothing runs it."""

from typing import assert_type
from uuid import UUID

from _async.shop import AsyncCourses, AsyncShop, AsyncShopScope, AsyncShopUnit
from shop_models import CourseId, Enrolment, Payment
from skilltree import AsyncDatabase, AsyncScope, AsyncUnitOfWork
from skilltree.models.ids import SkillId, UserId
from skilltree.models.progress import Completion


async def of_the_application(shop: AsyncShop, user_id: UserId, course_id: CourseId, skill_id: SkillId) -> None:
    """Check the types in the four places where repositories are, and those of ``together``."""
    assert_type(shop.courses, AsyncCourses)
    assert_type(await shop.courses.enrol(user_id, course_id), Enrolment)
    assert_type(shop.as_user(user_id), AsyncShopScope)
    assert_type(await shop.as_user(user_id).courses.enrol(user_id, course_id), Enrolment)
    assert_type(await shop.as_service().courses.enrol(user_id, course_id), Enrolment)
    async with shop.transaction() as unit:
        assert_type(unit, AsyncShopUnit)
        async with unit.transaction() as savepoint:
            assert_type(await savepoint.courses.enrol(user_id, course_id), Enrolment)
    async with shop.as_user(user_id) as unit:
        assert_type(unit, AsyncShopUnit)
        payment, enrolment, done = await unit.together(
            lambda at: at.payments.pay(user_id, course_id, 5, payment_id=UUID(int=1)),
            lambda at: at.courses.enrol(user_id, course_id),
            lambda at: at.progress.complete_skill(user_id, skill_id),
        )
        assert_type(payment, Payment)
        assert_type(enrolment, Enrolment)
        assert_type(done, Completion)


async def of_a_plain_database(db: AsyncDatabase, user_id: UserId) -> None:
    """Check that a database without own repositories has the types that it had."""
    assert_type(db.as_user(user_id), AsyncScope[AsyncUnitOfWork])
    async with db.transaction() as unit:
        assert_type(unit, AsyncUnitOfWork)
