"""The rows of the shop."""

from datetime import datetime
from typing import NewType
from uuid import UUID

from skilltree.models.base import Model
from skilltree.models.ids import TreeId, UserId

CourseId = NewType("CourseId", UUID)
PaymentId = NewType("PaymentId", UUID)


class Course(Model):
    """A tree for sale."""

    id: CourseId
    skill_tree_id: TreeId
    title: str
    price_cents: int
    created_at: datetime


class OfferedCourse(Course):
    """A course as a learner sees it in the shop."""

    is_enrolled: bool


class Payment(Model):
    """What a learner has paid for a course."""

    id: PaymentId
    course_id: CourseId
    cents: int
    currency: str
    paid_at: datetime


class Enrolment(Model):
    """A learner's place in a course."""

    user_id: UserId
    course_id: CourseId
    payment_id: PaymentId
    enrolled_at: datetime
