"""The queries of the shop."""

from pathlib import Path

from courses.errors import AlreadyEnrolled, CourseNotFound, PaymentNotFound
from courses.models import Course, CourseId, Enrolment, OfferedCourse, Payment, PaymentId
from skilltree import AsyncRepository
from skilltree.models.ids import TreeId, UserId

_QUERIES = Path(__file__).parents[1] / "queries"


class AsyncCourses(AsyncRepository, queries=_QUERIES):
    """The trees for sale."""

    async def create(self, tree_id: TreeId, *, title: str, price_cents: int) -> Course:
        """Offer a tree for sale."""
        return await self.one(Course, "courses/create", tree_id=tree_id, title=title, price_cents=price_cents)

    async def withdraw(self, tree_id: TreeId) -> int:
        """Take all courses of a tree that nobody has bought off the market. Returns how many."""
        return await self.execute("courses/withdraw", tree_id=tree_id)

    async def list(self, user_id: UserId | None = None) -> "list[OfferedCourse]":
        """Return the courses by title, and whether the learner is enrolled."""
        return await self.all(OfferedCourse, "courses/list", user_id=user_id)


class AsyncPayments(AsyncRepository, queries=_QUERIES, exports=("payments/export",), erases=("payments/erase",)):
    """What learners have paid."""

    async def pay(self, user_id: UserId, course_id: CourseId, *, payment_id: PaymentId) -> Payment:
        """Record a payment, whose id the bank knows. Raises CourseNotFound."""
        return await self.one(
            Payment,
            "payments/pay",
            missing=CourseNotFound(id=course_id),
            user_id=user_id,
            course_id=course_id,
            payment_id=payment_id,
        )

    async def list(self, user_id: UserId) -> "list[Payment]":
        """Return what a learner has paid, latest first."""
        return await self.all(Payment, "payments/list", user_id=user_id)


class AsyncEnrolments(
    AsyncRepository,
    queries=_QUERIES,
    exports=("enrolments/export",),
    erases=("enrolments/erase",),
    refusals={"enrolments_pkey": AlreadyEnrolled},
):
    """Who is enrolled in which course."""

    async def enrol(self, user_id: UserId, *, payment_id: PaymentId) -> Enrolment:
        """Enrol a learner in the course of a payment. Raises PaymentNotFound, AlreadyEnrolled."""
        return await self.one(
            Enrolment,
            "enrolments/enrol",
            missing=PaymentNotFound(id=payment_id),
            user_id=user_id,
            payment_id=payment_id,
        )
