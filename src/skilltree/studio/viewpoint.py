"""As whom Studio reads: the login role, the service, a visitor, or one learner under row-level security."""

from contextlib import AbstractContextManager
from typing import Literal, NamedTuple
from uuid import UUID

from skilltree._core.messages import shown
from skilltree._core.roles import ANYBODY, Actor, learner, service
from skilltree._sync.database import Database
from skilltree._sync.unit import UnitOfWork
from skilltree.errors import InvalidValue
from skilltree.models.ids import UserId

Kind = Literal["owner", "service", "visitor", "learner"]
_KINDS: dict[str, Kind] = {"owner": "owner", "service": "service", "visitor": "visitor"}
_LABELS: dict[Kind, str] = {"owner": "the login role", "service": "the service", "visitor": "a visitor"}
_LEARNER = "learner:"


class Viewpoint(NamedTuple):
    """As whom a page reads."""

    kind: Kind
    user_id: UserId | None = None

    @property
    def text(self) -> str:
        """Return the value of ``as`` in an address."""
        return self.kind if self.user_id is None else f"{_LEARNER}{self.user_id}"

    @property
    def label(self) -> str:
        """Return who this is, in words."""
        return _LABELS.get(self.kind, f"learner {self.user_id}")

    @property
    def actor(self) -> Actor:
        """Return the actor whose statements begin a transaction for this viewpoint."""
        if self.kind == "owner":
            return ANYBODY
        return service(None) if self.kind == "service" else learner(self.user_id)

    def transaction(self, db: Database) -> AbstractContextManager[UnitOfWork]:
        """Open a unit of work for this viewpoint."""
        if self.kind == "owner":
            return db.transaction()
        scope = db.as_service() if self.kind == "service" else db.as_user(self.user_id)
        return scope.transaction()


def viewpoint(text: str) -> Viewpoint:
    """Return the viewpoint that an address names. Raises InvalidValue."""
    if text in _KINDS:
        return Viewpoint(_KINDS[text])
    if text.startswith(_LEARNER):
        try:
            return Viewpoint("learner", UserId(UUID(text.removeprefix(_LEARNER))))
        except ValueError:
            pass
    raise InvalidValue(f"as must be owner, service, visitor or learner:<id>, not {shown(text)}", field="as")
