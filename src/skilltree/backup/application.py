"""What a restore must know of an application that has tables of its own beside SkillTree's."""

from pathlib import Path
from typing import NamedTuple

from skilltree._core.own_queries import Hooks


class Application(NamedTuple):
    """An application's migrations, and its query files that erase a learner's rows."""

    migrations: Path | None = None
    hooks: Hooks = Hooks((), ())


NONE = Application()
"""There are no tables but SkillTree's."""
