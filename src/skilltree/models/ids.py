"""Ids with their own types, so that a type checker tells a skill's id from a learner's."""

from typing import NewType
from uuid import UUID

UserId = NewType("UserId", UUID)
CategoryId = NewType("CategoryId", UUID)
TreeId = NewType("TreeId", UUID)
SkillId = NewType("SkillId", UUID)
AchievementId = NewType("AchievementId", UUID)
SessionId = NewType("SessionId", UUID)
TreeProgressId = NewType("TreeProgressId", UUID)
SkillProgressId = NewType("SkillProgressId", UUID)
UserAchievementId = NewType("UserAchievementId", UUID)
