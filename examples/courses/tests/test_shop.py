"""The shop on a migrated database of its own, as the application."""

import json
from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import pytest
import pytest_asyncio
from courses import AsyncShop, Shop
from courses.errors import AlreadyEnrolled, CourseNotFound, PaymentNotFound
from courses.models import CourseId, PaymentId

from skilltree import AsyncDatabase
from skilltree.errors import PermissionDenied, PrerequisitesNotMet, ScopeMissing, StillReferenced
from skilltree.testing import AsyncFactory, Factory


@pytest_asyncio.fixture
async def shop(skilltree_url: str) -> AsyncIterator[AsyncShop]:
    async with AsyncShop(skilltree_url) as db:
        yield db


@pytest.fixture
def factory(shop: AsyncShop) -> AsyncFactory:
    return AsyncFactory(shop)


async def offered(shop: AsyncShop, factory: AsyncFactory) -> Any:
    """Return a tree and the course that sells it."""
    tree = await factory.tree()
    return tree, await shop.as_service().courses.create(tree.id, title="Web", price_cents=4900)


async def test_buying_pays_enrols_and_completes_in_one_transaction(shop: AsyncShop, factory: AsyncFactory) -> None:
    (tree, course), learner = await offered(shop, factory), await factory.learner()

    payment, enrolment, done = await shop.buy(
        learner.id, course.id, payment_id=PaymentId(uuid4()), welcome=tree.skills[0].id
    )

    assert (payment.cents, enrolment.course_id, done.progress.skill_id) == (4900, course.id, tree.skills[0].id)
    mine = shop.as_user(learner.id)
    assert await mine.payments.list(learner.id) == [payment]
    assert [each.is_enrolled for each in await mine.courses.list(learner.id)] == [True]


async def test_nothing_is_bought_if_a_part_is_refused(shop: AsyncShop, factory: AsyncFactory) -> None:
    (tree, course), learner = await offered(shop, factory), await factory.learner()
    mine = shop.as_user(learner.id)

    with pytest.raises(PrerequisitesNotMet):
        await shop.buy(learner.id, course.id, payment_id=PaymentId(uuid4()), welcome=tree.skills[-1].id)
    with pytest.raises(CourseNotFound):
        await shop.buy(learner.id, CourseId(uuid4()), payment_id=PaymentId(uuid4()), welcome=tree.skills[0].id)
    with pytest.raises(PaymentNotFound):
        await mine.enrolments.enrol(learner.id, payment_id=PaymentId(uuid4()))

    assert await mine.payments.list(learner.id) == []
    assert [each.is_enrolled for each in await mine.courses.list(learner.id)] == [False]


async def test_a_learner_enrols_once(shop: AsyncShop, factory: AsyncFactory) -> None:
    (tree, course), learner = await offered(shop, factory), await factory.learner()
    first = PaymentId(uuid4())
    await shop.buy(learner.id, course.id, payment_id=first, welcome=tree.skills[0].id)

    with pytest.raises(AlreadyEnrolled):
        await shop.as_user(learner.id).enrolments.enrol(learner.id, payment_id=first)


async def test_only_courses_without_buyers_are_withdrawn(shop: AsyncShop, factory: AsyncFactory) -> None:
    (tree, course), learner = await offered(shop, factory), await factory.learner()
    await shop.buy(learner.id, course.id, payment_id=PaymentId(uuid4()), welcome=tree.skills[0].id)
    service = shop.as_service()
    await service.courses.create(tree.id, title="Again", price_cents=100)

    assert await service.courses.withdraw(tree.id) == 1
    assert [each.id for each in await service.courses.list()] == [course.id]


async def test_learners_see_only_their_own_payments(shop: AsyncShop, factory: AsyncFactory) -> None:
    (tree, course), ada, bob = await offered(shop, factory), await factory.learner(), await factory.learner()
    await shop.buy(ada.id, course.id, payment_id=PaymentId(uuid4()), welcome=tree.skills[0].id)

    assert await shop.as_user(bob.id).payments.list(ada.id) == []
    with pytest.raises(ScopeMissing):
        await shop.payments.list(ada.id)
    with pytest.raises(PermissionDenied):
        await shop.as_user(ada.id).courses.create(tree.id, title="Mine", price_cents=1)


async def test_export_and_erasure_cover_the_shop(shop: AsyncShop, factory: AsyncFactory) -> None:
    (tree, course), learner = await offered(shop, factory), await factory.learner()
    payment, _, _ = await shop.buy(learner.id, course.id, payment_id=PaymentId(uuid4()), welcome=tree.skills[0].id)
    service = shop.as_service()

    exported = json.loads("".join([part async for part in service.users.export(learner.id)]))
    own = json.loads("".join([part async for part in shop.as_user(learner.id).users.export(learner.id)]))
    assert own["payments"] == exported["payments"]
    assert [each["id"] for each in exported["payments"]] == [str(payment.id)]
    assert [each["course"] for each in exported["enrolments"]] == ["Web"]

    await service.users.erase(learner.id)
    assert await service.payments.list(learner.id) == []
    async with service.transaction() as unit:
        assert await unit.payments.list(learner.id) == []


async def test_a_plain_database_does_not_lose_payments(
    shop: AsyncShop, factory: AsyncFactory, skilltree_url: str
) -> None:
    (tree, course), learner = await offered(shop, factory), await factory.learner()
    await shop.buy(learner.id, course.id, payment_id=PaymentId(uuid4()), welcome=tree.skills[0].id)

    async with AsyncDatabase(skilltree_url) as plain:
        with pytest.raises(StillReferenced, match="payments"):
            await plain.as_service().users.erase(learner.id)

    assert len(await shop.as_user(learner.id).payments.list(learner.id)) == 1


def test_the_sync_shop_does_the_same(skilltree_url: str) -> None:
    with Shop(skilltree_url) as shop:
        factory = Factory(shop)
        tree, learner = factory.tree(), factory.learner()
        course = shop.as_service().courses.create(tree.id, title="Web", price_cents=4900)

        payment, _, done = shop.buy(learner.id, course.id, payment_id=PaymentId(uuid4()), welcome=tree.skills[0].id)

        assert (payment.course_id, done.progress.skill_id) == (course.id, tree.skills[0].id)
