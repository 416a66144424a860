"""The measured peer: skilltree, in the way an application uses it."""

from typing import Any
from uuid import UUID

from skilltree import AsyncDatabase, Database
from tools.bench.peers import Brought


class Skilltree:
    """The repositories of a pool. With ``as_user``, each call runs for one learner, under row-level security."""

    def __init__(self, url: str, size: int, *, is_async: bool, as_user: UUID | None = None) -> None:
        self.name = "skilltree" if as_user is None else "skilltree, as_user"
        self.is_async = is_async
        # Sync or async: a method returns its result, or an awaitable.
        self._db: Any = (AsyncDatabase if is_async else Database)(url, min_size=size, max_size=size)
        self._as_user = as_user

    def open(self) -> object:
        return self._db.open()

    def close(self) -> object:
        return self._db.close()

    def get(self, tree_id: UUID) -> object:
        return self._for(self._as_user).trees.get(tree_id)

    def load(self, slug: str, user_id: UUID) -> object:
        return self._for(user_id).trees.load(slug, user_id)

    def page(self) -> object:
        return self._for(self._as_user).trees.list()

    def search(self, text: str) -> object:
        return self._for(self._as_user).trees.search(text)

    def progress(self, user_id: UUID, tree_id: UUID) -> object:
        return self._for(user_id).progress.calculate_tree_progress(user_id, tree_id)

    def missing(self, user_id: UUID, skill_id: UUID) -> object:
        return self._for(user_id).progress.missing_prerequisites(user_id, skill_id)

    def complete(self, user_id: UUID, skill_id: UUID) -> object:
        return self._for(user_id).progress.complete_skill(user_id, skill_id)

    def bulk(self, rows: Brought, tree_id: UUID) -> object:
        return self._db.progress.import_rows(rows)

    def _for(self, user_id: UUID | None) -> Any:
        return self._db if self._as_user is None else self._db.as_user(user_id)
