"""Accounts and profiles. No model holds the password hash."""

from datetime import date, datetime
from typing import Annotated
from uuid import UUID

from pydantic import Field, with_config
from typing_extensions import TypedDict

from skilltree.models.base import CHANGES, Model
from skilltree.models.content import Preferences
from skilltree.models.ids import UserId


class User(Model):
    """An account."""

    id: UserId
    email: str
    username: str
    first_name: str | None
    last_name: str | None
    avatar_url: str | None
    is_active: bool
    email_verified: bool
    last_login_at: datetime | None
    created_at: datetime
    updated_at: datetime
    created_by: UUID | None
    updated_by: UUID | None


class IssuedToken(Model):
    """A token for a link in a mail to the account's address. Keep it out of logs."""

    user_id: UserId
    email: str
    token: str = Field(repr=False)
    expires_at: datetime


class UserProfile(Model):
    """What learners say about themselves, and what they have reached.

    Streaks are in days; the current one is 0 once a whole day has passed without learning. Days are the learner's own:
    they begin ``day_starts_at`` hours after midnight.
    """

    user_id: UserId
    bio: str | None
    location: str | None
    website: str | None
    timezone: str | None
    day_starts_at: int
    learning_goals: tuple[str, ...]
    interests: tuple[str, ...]
    preferences: Preferences
    is_on_leaderboard: bool
    total_xp: int
    current_level: int
    current_streak: int
    max_streak: int
    last_activity_at: datetime | None
    last_activity_on: date | None
    skills_completed: int
    hours_learned: float
    trees_started: int
    trees_completed: int
    created_at: datetime
    updated_at: datetime


class HeldItem(Model):
    """One stored item about a learner: a JSON object, and the section of the export where it belongs."""

    section: str
    item: str


@with_config(CHANGES)
class ProfileChanges(TypedDict, total=False):
    """The fields of a profile that the learner can change."""

    bio: str | None
    location: str | None
    website: str | None
    timezone: str | None
    day_starts_at: Annotated[int, Field(ge=0, le=12, strict=True)]
    learning_goals: list[str]
    interests: list[str]
    preferences: Preferences
    is_on_leaderboard: bool


@with_config(CHANGES)
class AccountChanges(TypedDict, total=False):
    """The fields of an account that its owner can change."""

    username: str
    first_name: str | None
    last_name: str | None
    avatar_url: str | None
