"""The models and errors of the shop in ``_async/shop.py``."""

from typing import NewType
from uuid import UUID

from skilltree.errors import AlreadyExists, NotFound
from skilltree.models.base import Model
from skilltree.models.ids import TreeId, UserId

CourseId = NewType("CourseId", UUID)


class Course(Model):
    id: CourseId
    tree_id: TreeId
    title: str
    price: int


class Enrolment(Model):
    user_id: UserId
    course_id: CourseId


class Payment(Model):
    id: UUID
    amount: int


class CourseNotFound(NotFound):
    """The course does not exist."""

    subject = "course"


class AlreadyEnrolled(AlreadyExists):
    """The learner is already enrolled in this course."""
