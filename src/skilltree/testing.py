"""For tests of code that uses SkillTree: factories of trees and learners. The pytest plugin has the databases."""

from skilltree._async.factory import AsyncFactory
from skilltree._sync.factory import Factory

__all__ = ["AsyncFactory", "Factory"]
