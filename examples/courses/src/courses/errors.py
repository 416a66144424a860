"""The errors of the shop. Web frameworks answer with the status of the class that they extend."""

from skilltree.errors import AlreadyExists, NotFound


class CourseNotFound(NotFound):
    """There is no such course."""

    subject = "course"


class PaymentNotFound(NotFound):
    """The learner has made no such payment."""

    subject = "payment"


class AlreadyEnrolled(AlreadyExists):
    """The learner is enrolled in this course already."""
