"""What is not as it must be, and what was done about it."""

from uuid import UUID

from skilltree.models.base import Model
from skilltree.models.ids import UserId


class Subject(Model):
    """What is spoken of: a learner, tree, skill, achievement or leaderboard, and what of it.

    ``user_id`` tells whose progress it is, where it is somebody's; ``subject_id`` which tree, skill or achievement.
    """

    subject_kind: str
    user_id: UserId | None
    subject_id: UUID | None
    what: str


class Fact(Subject):
    """What is stored; ``None`` is nothing."""

    value: str | None


class Drift(Subject):
    """What is stored other than it follows from the rest; ``None`` is nothing."""

    expected: str | None
    found: str | None


class Finding(Drift):
    """A drift, and the invariant that it breaks."""

    invariant: str


class Change(Subject):
    """What was changed; ``None`` is nothing."""

    before: str | None
    after: str | None


class FailedRepair(Model):
    """A learner, tree or leaderboard that could not be mended, and why: it is as it was."""

    subject: str
    error: str


class Repair(Model):
    """What mending has changed, what it could not mend, and what is still not as it must be."""

    changes: tuple[Change, ...]
    failures: tuple[FailedRepair, ...]
    remaining: tuple[Finding, ...]
