"""The enums of the database, with the same labels."""

from enum import StrEnum


class DifficultyLevel(StrEnum):
    BEGINNER = "BEGINNER"
    INTERMEDIATE = "INTERMEDIATE"
    ADVANCED = "ADVANCED"
    EXPERT = "EXPERT"


class SkillType(StrEnum):
    KNOWLEDGE = "KNOWLEDGE"
    """Theoretical understanding."""
    PRACTICAL = "PRACTICAL"
    """Hands-on application."""
    PROJECT = "PROJECT"
    """Applied project work."""
    ASSESSMENT = "ASSESSMENT"
    """Quiz or test."""
    MILESTONE = "MILESTONE"
    """Major achievement marker."""


class TreeProgressStatus(StrEnum):
    NOT_STARTED = "NOT_STARTED"
    IN_PROGRESS = "IN_PROGRESS"
    COMPLETED = "COMPLETED"
    PAUSED = "PAUSED"


class SkillProgressStatus(StrEnum):
    LOCKED = "LOCKED"
    """Prerequisites not met."""
    AVAILABLE = "AVAILABLE"
    """Can be started."""
    IN_PROGRESS = "IN_PROGRESS"
    COMPLETED = "COMPLETED"
    SKIPPED = "SKIPPED"


class CompletionMethod(StrEnum):
    MANUAL = "MANUAL"
    """The learner marked it as complete."""
    ASSESSMENT = "ASSESSMENT"
    """Passed a quiz or test."""
    PROJECT = "PROJECT"
    """Submitted a project."""
    TIME_BASED = "TIME_BASED"
    """Spent the required time."""
    EXTERNAL = "EXTERNAL"
    """Verified externally."""


class AchievementCategory(StrEnum):
    PROGRESS = "PROGRESS"
    """Skill completion milestones."""
    STREAK = "STREAK"
    """Consistency."""
    EXPLORATION = "EXPLORATION"
    """Trying new areas."""
    MASTERY = "MASTERY"
    """Deep skill development."""
    SOCIAL = "SOCIAL"
    """Community engagement."""
    TIME = "TIME"
    """Time spent."""


class AchievementRarity(StrEnum):
    COMMON = "COMMON"
    UNCOMMON = "UNCOMMON"
    RARE = "RARE"
    LEGENDARY = "LEGENDARY"


class Leaderboard(StrEnum):
    ALL_TIME = "ALL_TIME"
    WEEK = "WEEK"
    """An ISO week, from Monday, of UTC."""
    MONTH = "MONTH"
    """A month of UTC."""


class AuditAction(StrEnum):
    INSERT = "INSERT"
    UPDATE = "UPDATE"
    DELETE = "DELETE"
    ANONYMISE = "ANONYMISE"
    """A learner's data was removed from existing entries."""
