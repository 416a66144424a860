"""Rows for tests, with defaults for what a test does not care about."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Final
from uuid import uuid4

from skilltree._async.database import AsyncDatabase
from skilltree.models.skills import SkillBody
from skilltree.models.trees import LoadedTree
from skilltree.models.users import User


class AsyncFactory:
    """Makes trees and learners for tests, in any number. It works as the service, whichever role ``db`` logs in as."""

    PASSWORD: Final = "correct horse"  # noqa: S105 (of test data)
    """The password of each learner who is given no other."""

    def __init__(self, db: AsyncDatabase) -> None:
        self._service = db.as_service()

    async def tree(
        self,
        *skills: str,
        needs: Mapping[str, Sequence[str]] | None = None,
        slug: str | None = None,
        published: bool = True,
    ) -> LoadedTree:
        """Make a tree, and return it with its skills in the order given. Their keys and names are ``skills``.

        Each skill needs the one before it. With ``needs``, each needs what is listed there for it; a skill that is not
        listed needs nothing. Without ``skills``, there are three: ``first``, ``second``, ``third``.
        """
        names = skills or ("first", "second", "third")
        chain = {name: [before] for before, name in pairwise(names)}
        dependencies: Mapping[str, Sequence[str]] = chain if needs is None else needs
        slug = slug or f"tree-{uuid4().hex[:12]}"
        curriculum = {
            "slug": slug,
            "name": slug.replace("-", " ").capitalize(),
            "category": "Made for tests",
            "skills": [
                {
                    "key": name,
                    "name": name,
                    "dependencies": [*dependencies.get(name, ())],
                    "position": [0, 100 * place],
                }
                for place, name in enumerate(names)
            ],
        }
        async with self._service.transaction() as unit:
            made = await unit.trees.import_tree(curriculum)
            if published:
                await unit.trees.publish(made.tree_id)
            return await unit.trees.load(slug)

    async def learner(
        self,
        *,
        completed: Iterable[SkillBody] = (),
        username: str | None = None,
        email: str | None = None,
        password: str = PASSWORD,
        timezone: str = "UTC",
    ) -> User:
        """Register a learner who has completed these skills, in this order. Raises PrerequisitesNotMet.

        The cost of the password's hash is the lowest, which is fast.
        """
        username = username or f"learner-{uuid4().hex[:12]}"
        learner = await self._service.users.register(
            username=username,
            email=email or f"{username}@example.org",
            password=password,
            timezone=timezone,
            bcrypt_cost=4,
        )
        for skill in completed:
            await self._service.progress.complete_skill(learner.id, skill.id)
        return learner
