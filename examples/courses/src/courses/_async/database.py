"""SkillTree's database with the repositories of the shop."""

from courses._async.repositories import AsyncCourses, AsyncEnrolments, AsyncPayments
from courses.models import CourseId, Enrolment, Payment, PaymentId
from skilltree import AsyncDatabase, AsyncRepositories, AsyncScope, AsyncUnitOfWork
from skilltree.models.ids import SkillId, UserId
from skilltree.models.progress import Completion


class AsyncShopRepositories(AsyncRepositories):
    """The repositories of SkillTree and of the shop."""

    courses: AsyncCourses
    enrolments: AsyncEnrolments
    payments: AsyncPayments


class AsyncShopUnit(AsyncShopRepositories, AsyncUnitOfWork):
    """All of them in one transaction."""


class AsyncShopScope(AsyncShopRepositories, AsyncScope[AsyncShopUnit]):
    """All of them for one learner, or for the service."""


class AsyncShop(AsyncShopRepositories, AsyncDatabase[AsyncShopScope, AsyncShopUnit]):
    """The database of the shop."""

    async def buy(
        self, user_id: UserId, course_id: CourseId, *, payment_id: PaymentId, welcome: SkillId
    ) -> tuple[Payment, Enrolment, Completion]:
        """Pay, enrol and complete the skill that welcomes the learner: all in one transaction, or nothing.

        The statements take one network round trip.
        """
        async with self.as_user(user_id) as unit:
            return await unit.together(
                lambda at: at.payments.pay(user_id, course_id, payment_id=payment_id),
                lambda at: at.enrolments.enrol(user_id, payment_id=payment_id),
                lambda at: at.progress.complete_skill(user_id, welcome),
            )
