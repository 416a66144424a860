"""The errors of the shop."""

from skilltree import SkillTreeError


class CourseNotFound(SkillTreeError):
    """There is no such course."""


class AlreadyEnrolled(SkillTreeError):
    """The learner is enrolled in this course already."""


class PaymentNotFound(SkillTreeError):
    """The learner has made no such payment."""
