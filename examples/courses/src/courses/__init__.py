"""A shop of courses on SkillTree."""

from courses._async.database import AsyncShop
from courses._sync.database import Shop

__all__ = ["AsyncShop", "Shop"]
