"""What the doctor finds wrong, and what it repairs."""

from uuid import UUID

from skilltree.models.base import Model
from skilltree.models.ids import UserId


class Subject(Model):
    """The thing that a finding is about: its kind, its column and its ids.

    ``user_id`` is the learner whose progress it is, if any. ``subject_id`` is the tree, skill or achievement.
    """

    subject_kind: str
    user_id: UserId | None
    subject_id: UUID | None
    what: str


class Fact(Subject):
    """A stored value. ``None`` means that nothing is stored."""

    value: str | None


class Drift(Subject):
    """A stored value that differs from the value computed from the other data. ``None`` means no value."""

    expected: str | None
    found: str | None


class Finding(Drift):
    """A drift and the invariant that it breaks."""

    invariant: str


class Change(Subject):
    """A value that a repair changed. ``None`` means no value."""

    before: str | None
    after: str | None


class FailedRepair(Model):
    """A learner, tree or leaderboard that could not be repaired, and the reason. Nothing of it was changed."""

    subject: str
    error: str


class Repair(Model):
    """The result of a repair: the changes, the failures, and the findings that remain."""

    changes: tuple[Change, ...]
    failures: tuple[FailedRepair, ...]
    remaining: tuple[Finding, ...]
