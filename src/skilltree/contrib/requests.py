"""What the integrations of web frameworks share besides errors: who asks, pages, bodies, JSON and health."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar, cast
from urllib.parse import parse_qsl, urlencode

from pydantic import BaseModel, ValidationError
from pydantic_core import to_json

from skilltree.contrib.problems import InvalidRequest, LoginRequired
from skilltree.errors import InvalidSettings
from skilltree.models.ids import UserId
from skilltree.models.sessions import Session

PAGE_SIZE = 50
MOST_PER_PAGE = 1000
HEALTHY = b'{"status":"ok"}'

S = TypeVar("S")
B = TypeVar("B", bound=BaseModel)


@dataclass(frozen=True)
class Visitor(Generic[S]):
    """Who sends a request. ``id`` and ``session`` are ``None`` for somebody who is not logged in."""

    id: UserId | None
    session: Session | None
    db: S
    """The repositories for this learner alone, or for a visitor: only the catalogue."""


@dataclass(frozen=True)
class Learner(Generic[S]):
    """The learner who sends a request."""

    id: UserId
    session: Session
    db: S
    """The repositories for this learner alone: nobody else's rows can be read or changed."""


def learner_of(visitor: Visitor[S]) -> Learner[S]:
    """Return the learner who sends the request. Raises LoginRequired."""
    if visitor.id is None or visitor.session is None:
        raise LoginRequired
    return Learner(visitor.id, visitor.session, visitor.db)


def scope_of(db: object, scope: type[S] | None) -> S:
    """Return the repositories as the class that the caller wants, if it wants one. Raises InvalidSettings."""
    if scope is not None and not isinstance(db, scope):
        raise InvalidSettings(
            problems=(
                f"the repositories are those of {type(db).__name__}, not of {scope.__name__}: install your own class"
                " of the database",
            )
        )
    return cast(S, db)


def visitor_of(visitor: Visitor[Any], scope: type[S] | None) -> Visitor[S]:
    """Return the visitor with the repositories as the class that the caller wants. Raises InvalidSettings."""
    return Visitor(visitor.id, visitor.session, scope_of(visitor.db, scope))


class PageRequest(BaseModel):
    """The part of a list that a request asks for."""

    after: str | None = None
    """The cursor of the page before it: ``next_cursor``, or from the header Link."""
    limit: int = PAGE_SIZE
    """The greatest number of items."""


def token_of(authorization: str | None, cookies: Mapping[str, str], name: str | None) -> str | None:
    """Return the session token of a request, or ``None``. The header Authorization goes before the cookie.

    ``name`` is the cookie's. Without it, no cookie counts: browsers also send some without a name.
    """
    scheme, _, token = (authorization or "").strip().partition(" ")
    return token.strip() if scheme.lower() == "bearer" else cookies.get(name) if name else None


def page_request(query: str) -> PageRequest:
    """Read ``after`` and ``limit`` from the query of a URL. Raises InvalidRequest."""
    given = {name: value for name, value in parse_qsl(query) if name in PageRequest.model_fields}
    try:
        asked = PageRequest.model_validate(given)
    except ValidationError as error:
        raise InvalidRequest(
            [{"loc": ("query", *one["loc"]), "msg": one["msg"]} for one in error.errors(include_url=False)]
        ) from None
    if not 1 <= asked.limit <= MOST_PER_PAGE:
        raise InvalidRequest([{"loc": ("query", "limit"), "msg": f"must be from 1 to {MOST_PER_PAGE}"}])
    return asked


def next_link(query: str, cursor: str) -> str:
    """Return the header Link to the next page: the same URL with another ``after``."""
    kept = [(name, value) for name, value in parse_qsl(query, keep_blank_values=True) if name != "after"]
    return f'<?{urlencode([*kept, ("after", cursor)])}>; rel="next"'


def body_as(model: type[B], body: bytes) -> B:
    """Read the JSON body of a request as a model. Raises InvalidRequest."""
    try:
        return model.model_validate_json(body)
    except ValidationError as error:
        faults = error.errors(include_url=False, include_input=False)
    # Raised outside of the except block, because pydantic's error holds the values.
    raise InvalidRequest([{"loc": ("body", *one["loc"]), "msg": one["msg"]} for one in faults])


def json_of(value: object, *, camel_case: bool) -> bytes:
    """Return models, or lists and dictionaries of them, as JSON. Keys are in camelCase or snake_case throughout."""
    return to_json(value, by_alias=camel_case)
