"""The interface of all peers: the same operations, each by one way to work with PostgreSQL."""

from typing import Protocol
from uuid import UUID

Brought = list[dict[str, object]]


class Peer(Protocol):
    """A way to work with PostgreSQL, on one connection or a pool. Methods of an async peer return awaitables."""

    @property
    def name(self) -> str: ...
    @property
    def is_async(self) -> bool: ...

    def open(self) -> object: ...
    def close(self) -> object: ...

    def get(self, tree_id: UUID) -> object:
        """Return a tree by its id."""

    def load(self, slug: str, user_id: UUID) -> object:
        """Return a tree with its skills, their documents, and a learner's progress."""

    def page(self) -> object:
        """Return the first 50 trees of the catalogue, and the position of the next page."""

    def search(self, text: str) -> object:
        """Return the 20 best trees for a text, with rank and snippet."""

    def progress(self, user_id: UUID, tree_id: UUID) -> object:
        """Return how many skills of a tree a learner has completed, and the percentage."""

    def missing(self, user_id: UUID, skill_id: UUID) -> object:
        """Return what a learner must complete before a skill, in the order to learn it."""

    def complete(self, user_id: UUID, skill_id: UUID) -> object:
        """Complete a skill with all consequences, and return the result."""

    def bulk(self, rows: Brought, tree_id: UUID) -> object:
        """Write rows of progress in a tree's skills, all or none."""
