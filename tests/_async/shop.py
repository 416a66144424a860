"""A small application with tables, queries and repositories of its own."""

from collections.abc import AsyncGenerator, Iterable, Sequence
from pathlib import Path
from uuid import UUID, uuid4

from shop_models import AlreadyEnrolled, Course, CourseId, CourseNotFound, Enrolment, Payment
from skilltree import AsyncDatabase, AsyncRepositories, AsyncRepository, AsyncScope, AsyncUnitOfWork
from skilltree.models.base import Page
from skilltree.models.ids import TreeId, UserId

QUERIES = Path(__file__).parents[1] / "shop"


class AsyncCourses(
    AsyncRepository, queries=QUERIES, exports=("courses/export",), refusals={"enrolments_pkey": AlreadyEnrolled}
):
    """The courses, and who is enrolled."""

    async def create(self, tree_id: TreeId, *, title: str, price: int) -> Course:
        return await self.one(Course, "courses/create", id=uuid4(), tree_id=tree_id, title=title, price=price)

    async def get(self, course_id: CourseId) -> Course:
        return await self.one(Course, "courses/get", missing=CourseNotFound(id=course_id), course_id=course_id)

    async def find_by_id(self, course_id: CourseId) -> Course | None:
        return await self.find(Course, "courses/get", course_id=course_id)

    async def list_all(self) -> list[Course]:
        return await self.all(Course, "courses/all")

    async def list_by_title(self, *, after: str | None = None, limit: int = 2) -> Page[Course]:
        return await self.page(Course, "courses/list", order=("title", "id"), after=after, limit=limit)

    async def raise_prices(self, *, by: int) -> int:
        return await self.execute("courses/raise_prices", by=by)

    async def add_many(self, tree_id: TreeId, titles: Sequence[str]) -> int:
        return await self.copy("courses/copy", ((uuid4(), tree_id, title, 5) for title in titles))

    def read_all(self) -> AsyncGenerator[Course]:
        return self.stream(Course, "courses/all")

    async def enrol(self, user_id: UserId, course_id: CourseId) -> Enrolment:
        return await self.one(Enrolment, "courses/enrol", user_id=user_id, course_id=course_id)

    async def enrolled(self, user_id: UserId) -> list[CourseId]:
        return await self.values("courses/enrolled", user_id=user_id)

    async def with_payments(self, user_id: UserId) -> tuple[list[Course], list[Payment]]:
        return await self.run(
            self.step("courses/all", {}, Course), self.step("payments/list", {"user_id": user_id}, Payment)
        )

    async def forget_a_parameter(self, user_id: UserId) -> Enrolment:
        return await self.one(Enrolment, "courses/enrol", user_id=user_id)

    async def name_no_file(self) -> Course | None:
        return await self.find(Course, "courses/gone")

    async def tag(self, course_id: CourseId, labels: tuple[str, ...]) -> Iterable[str]:
        return labels


class AsyncPayments(
    AsyncRepository, queries=QUERIES, exports=("payments/export",), erases=("payments/keep", "payments/erase")
):
    """What learners have paid."""

    async def pay(
        self, user_id: UserId, course_id: CourseId, amount: int, *, payment_id: UUID, note: str | None = None
    ) -> Payment:
        return await self.one(
            Payment,
            "payments/pay",
            user_id=user_id,
            id=payment_id,
            course_id=course_id,
            amount=amount,
            note=note,
        )

    async def pay_again(self, user_id: UserId, course_id: CourseId) -> Payment:
        return await self.pay(user_id, course_id, 1, payment_id=uuid4())

    async def list_for_user(self, user_id: UserId) -> list[Payment]:
        return await self.all(Payment, "payments/list", user_id=user_id)


class ShopRepositories(AsyncRepositories):
    courses: AsyncCourses
    payments: AsyncPayments


class AsyncShopUnit(ShopRepositories, AsyncUnitOfWork):
    """The shop in one transaction."""


class AsyncShopScope(ShopRepositories, AsyncScope[AsyncShopUnit]):
    """The shop for one learner or for the service."""


class AsyncShop(ShopRepositories, AsyncDatabase[AsyncShopScope, AsyncShopUnit]):
    """The shop's database."""
