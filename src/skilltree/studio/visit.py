"""What a page gets: the request, the viewpoint, the repositories; and the links to other pages."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeVar
from urllib.parse import quote, urlencode
from uuid import UUID

from starlette.requests import Request

from skilltree._core.messages import shown
from skilltree._sync.unit import UnitOfWork
from skilltree.errors import InvalidValue, NotFound, UserNotFound
from skilltree.models.users import User
from skilltree.studio.viewpoint import Viewpoint

T = TypeVar("T")


class Shown(NamedTuple):
    """A page to show: its template, and what the template needs."""

    template: str
    values: Mapping[str, Any]


@dataclass(frozen=True)
class Visit:
    """One request for a page."""

    request: Request
    view: Viewpoint
    is_default_view: bool
    unit: UnitOfWork

    def text(self, name: str) -> str:
        """Return a parameter of the address without spaces around it; empty if it is not there."""
        return self.request.query_params.get(name, "").strip()

    def optional(self, name: str) -> str | None:
        """Return a parameter of the address, or ``None`` if it is missing or empty."""
        return self.text(name) or None

    def path_id(self, name: str = "id") -> UUID:
        """Return an id of the path. Raises NotFound if it is no id."""
        given = str(self.request.path_params[name])
        try:
            return UUID(given)
        except ValueError:
            raise NotFound(id=given) from None

    def link(self, path: str, /, **params: object) -> str:
        """Return the address of a page for the same viewpoint. Parameters that are ``None`` are left out."""
        return address(path, None if self.is_default_view else self.view, **params)

    def learner(self, name: str = "learner") -> User | None:
        """Return the learner whom a parameter names by id, user name or e-mail address; a learner names themselves.

        Raises UserNotFound.
        """
        given = self.text(name)
        if given:
            return find_user(self.unit, given)
        return None if self.view.user_id is None else self.unit.users.get(self.view.user_id)


Handler = Callable[[Visit], Shown]


def address(path: str, view: Viewpoint | None, /, **params: object) -> str:
    """Return the address of a page."""
    given = {name.rstrip("_"): str(value) for name, value in params.items() if value is not None}
    if view is not None:
        given["as"] = view.text
    return quote(path) + (f"?{urlencode(given)}" if given else "")


def find_user(unit: UnitOfWork, given: str) -> User:
    """Return the account of an id, user name or e-mail address. Raises UserNotFound, PermissionDenied."""
    id_ = uuid_or_none(given)
    if id_ is not None:
        return unit.users.get(id_)  # type: ignore[arg-type] # any id is asked for
    found = unit.users.find_by_email(given) if "@" in given else unit.users.find_by_username(given)
    if found is None:
        raise UserNotFound(name=given)
    return found


def uuid_or_none(text: str) -> UUID | None:
    """Return the id that a text is, or ``None``."""
    try:
        return UUID(text)
    except ValueError:
        return None


def required_uuid(text: str, field: str) -> UUID:
    """Return the id that a text is. Raises InvalidValue."""
    found = uuid_or_none(text)
    if found is None:
        raise InvalidValue(f"{field} must be an id, not {shown(text)}", field=field)
    return found
