"""The actor of a transaction, and the roles under which its statements run."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple, Protocol, TypeVar
from uuid import UUID

from skilltree._core.messages import shown
from skilltree._core.queries import Query, read
from skilltree._core.rows import Params
from skilltree.errors import InvalidValue, PermissionDenied

_LEARNER = "app_user"
_ENGINE = "app_engine"


class _Step(Protocol):
    @property
    def query(self) -> Query: ...


S = TypeVar("S", bound=_Step)


class Actor(NamedTuple):
    """The query that begins a transaction for an actor, its parameters, and whether the actor is one learner."""

    begin: Query | None
    params: Params
    is_learner: bool


ANYBODY = Actor(None, {}, is_learner=False)
"""No particular actor: statements run with the rights of the login role."""


def learner(user_id: UUID | None) -> Actor:
    """Return one learner as the actor; ``None`` is a visitor without rows of their own."""
    return Actor(read("roles/begin_as_user"), {"user_id": _checked(user_id, "user_id")}, is_learner=True)


def service(actor_id: UUID | None, statement_timeout: int | None = None) -> Actor:
    """Return the service as the actor, which works across learners, optionally on behalf of one user.

    ``statement_timeout`` is in milliseconds; without it, the setting of the role applies.
    """
    params = {"actor_id": _checked(actor_id, "actor_id"), "statement_timeout": statement_timeout}
    return Actor(read("roles/begin_as_service"), params, is_learner=False)


def roles_taken(steps: Sequence[S], actor: Actor, *, goes_on: bool) -> Iterator[S | Query]:
    """Yield the steps, with the queries that change the role between them.

    In an open transaction (``goes_on``), the first step always sets its role, because an earlier step may have failed
    halfway. Raises PermissionDenied if a learner runs a query that works across learners.
    """
    if not actor.is_learner:
        yield from steps
        return
    current = None if goes_on else _LEARNER
    for step in steps:
        role = step.query.role or _LEARNER
        if role != current:
            yield _taken(role, step.query)
            current = role
        yield step


def _taken(role: str, query: Query) -> Query:
    if role == _LEARNER:
        return read("roles/take_user")
    if role == _ENGINE:
        return read("roles/take_engine")
    raise PermissionDenied(f"{query.name} works across learners; {PermissionDenied.advice}", sqlstate="42501")


def _checked(value: object, field: str) -> UUID | None:
    if value is not None and not isinstance(value, UUID):
        raise InvalidValue(f"{field} must be a UUID or None, not {shown(value)}", field=field)
    return value
