"""The actor of a transaction, and the role under which its statements run: one role from its beginning to its end."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol
from uuid import UUID

from skilltree._core.messages import shown
from skilltree._core.queries import Query, read
from skilltree._core.rows import Params
from skilltree.errors import InvalidValue, PermissionDenied

_SERVICE = "app_service"


class _Step(Protocol):
    @property
    def query(self) -> Query: ...


class Actor(NamedTuple):
    """The query that begins a transaction for an actor, its parameters, and whether the actor is one learner."""

    begin: Query | None
    params: Params
    is_learner: bool


ANYBODY = Actor(None, {}, is_learner=False)
"""No particular actor: statements run with the rights of the login role."""


def learner(user_id: UUID | None, *, is_acting: bool = True) -> Actor:
    """Return one learner as the actor; ``None`` is a visitor without rows of their own.

    ``is_acting`` says whether the role may write what follows from a learner's actions. It is the same for all calls of
    the library: PostgreSQL would plan a statement again whenever the role changes.
    """
    params = {"user_id": _checked(user_id, "user_id"), "is_acting": is_acting}
    return Actor(read("roles/begin_as_user"), params, is_learner=True)


def service(actor_id: UUID | None, statement_timeout: int | None = None) -> Actor:
    """Return the service as the actor, which works across learners, optionally on behalf of one user.

    ``statement_timeout`` is in milliseconds; without it, the setting of the role applies.
    """
    params = {"actor_id": _checked(actor_id, "actor_id"), "statement_timeout": statement_timeout}
    return Actor(read("roles/begin_as_service"), params, is_learner=False)


def require_role(steps: Sequence[_Step], actor: Actor) -> None:
    """Raise PermissionDenied if a learner runs a query that works across learners."""
    for step in steps:
        if actor.is_learner and step.query.role == _SERVICE:
            raise PermissionDenied(
                f"{step.query.name} works across learners; {PermissionDenied.advice}", sqlstate="42501"
            )


def _checked(value: object, field: str) -> UUID | None:
    if value is not None and not isinstance(value, UUID):
        raise InvalidValue(f"{field} must be a UUID or None, not {shown(value)}", field=field)
    return value
