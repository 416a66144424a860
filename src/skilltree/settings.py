"""The settings of an application, from the environment and from arguments. ``docs/settings.md`` lists them."""

import os
from collections.abc import Mapping
from difflib import get_close_matches
from typing import TYPE_CHECKING, Annotated, Any, Self, TypeVar, overload

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, field_validator, model_validator
from pydantic.functional_validators import ModelWrapValidatorHandler

from skilltree._core.messages import shown
from skilltree._core.urls import checked_url
from skilltree.errors import InvalidConnectionString, InvalidSettings

if TYPE_CHECKING:
    from skilltree._async.database import AsyncDatabase
    from skilltree._core.observer import Observer
    from skilltree._sync.database import Database

D = TypeVar("D", bound="Database[Any, Any]")
A = TypeVar("A", bound="AsyncDatabase[Any, Any]")

PREFIX = "SKILLTREE_"
OTHERS = {"SKILLTREE_BACKUPS", "SKILLTREE_DATA", "SKILLTREE_TEST_URL"}
"""Variables that are read elsewhere: by the embedded server, and by the pytest plugin."""

_LONGEST_SHOWN = 60
_WEB = {"camel_case", "ready_timeout", "session_cookie"}


def _none(value: object) -> object:
    """Read the word ``none``: a variable of the environment cannot hold None."""
    return None if isinstance(value, str) and value.lower() == "none" else value


_MOST_SECONDS = 2_147_483
"""PostgreSQL counts in milliseconds, with 31 bits."""

Seconds = Annotated[float, Field(gt=0, le=_MOST_SECONDS, allow_inf_nan=False)]
OptionalSeconds = Annotated[Seconds | None, BeforeValidator(_none)]


class Settings(BaseModel):
    """The URL of the database, its pool, and how web frameworks answer. All times are in seconds.

    A wrong value raises InvalidSettings, which names every wrong variable or argument. The URL is in no message and no
    repr, because it may hold a password.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    url: str = Field(repr=False)
    """A libpq connection string. Its variable is ``DATABASE_URL``."""
    replica: Annotated[str | None, BeforeValidator(_none)] = Field(default=None, repr=False)
    """A connection string of a standby, for reads that may be stale."""
    replica_lag: Seconds = 10
    """How far behind the standby may be."""
    min_size: int = Field(default=1, ge=0)
    """The number of connections that the pool keeps open."""
    max_size: int = Field(default=10, ge=1)
    """The greatest number of connections of the pool."""
    timeout: Seconds = 30
    """How long a call waits for a free connection."""
    connect_timeout: int = Field(default=10, ge=1, le=_MOST_SECONDS)
    """How long to wait for the server to answer."""
    statement_timeout: OptionalSeconds = None
    """How long a statement may take. It replaces the roles' own setting; ``None`` leaves that."""
    max_idle: Seconds = 600
    """How long a connection stays open without use."""
    max_lifetime: Seconds = 3600
    """How long a connection stays open in any case."""
    prepare_threshold: Annotated[int | None, BeforeValidator(_none)] = Field(default=5, ge=0)
    """After how many uses a statement is prepared; ``None``: never."""
    attempts: int = Field(default=3, ge=1, le=100)
    """How often a call is tried that did nothing, for example because of a deadlock."""
    validate_rows: bool = False
    """Whether each row that is read is validated, although the types of its columns prove that it fits its model."""
    camel_case: bool = True
    """Whether the answers of web frameworks have keys such as ``categoryId``, or such as ``category_id``."""
    session_cookie: str | None = Field(default=None, pattern=r"^[A-Za-z0-9_-]+$", max_length=100)
    """A cookie that may hold the session's token instead of the Authorization header."""
    ready_timeout: Seconds = 2
    """How long ``/health/ready`` waits for the server."""

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None, /, **given: object) -> Self:
        """Read ``DATABASE_URL`` and the ``SKILLTREE_…`` variables. Arguments go before variables.

        An empty variable counts as not set. A variable whose name is nearly one of these is refused.
        """
        found = dict(os.environ if environment is None else environment)
        for name in sorted(found):
            known = {*map(variable, cls.model_fields), *OTHERS}
            if name.startswith(PREFIX) and name not in known and (like := get_close_matches(name, known, 1, 0.85)):
                raise InvalidSettings(problems=(f"{name} is unknown: did you mean {like[0]}?",))
        values: dict[str, object] = {
            field: found[variable(field)] for field in cls.model_fields if found.get(variable(field))
        }
        return cls.model_validate(values | given, context={field: variable(field) for field in values.keys() - given})

    @overload
    def database(self, *, observer: "Observer | None" = None) -> "Database": ...
    @overload
    def database(self, kind: type[D], *, observer: "Observer | None" = None) -> D: ...
    def database(self, kind: Any = None, *, observer: "Observer | None" = None) -> Any:
        """Return a database with these settings, or one of your own class of it. It is not open yet."""
        from skilltree._sync.database import Database  # noqa: PLC0415 (an application needs only one of both)

        return (kind or Database)(observer=observer, **self._arguments())

    @overload
    def async_database(self, *, observer: "Observer | None" = None) -> "AsyncDatabase": ...
    @overload
    def async_database(self, kind: type[A], *, observer: "Observer | None" = None) -> A: ...
    def async_database(self, kind: Any = None, *, observer: "Observer | None" = None) -> Any:
        """Return an async database with these settings, or one of your own class of it. It is not open yet."""
        from skilltree._async.database import AsyncDatabase  # noqa: PLC0415 (an application needs only one of both)

        return (kind or AsyncDatabase)(observer=observer, **self._arguments())

    def _arguments(self) -> dict[str, Any]:
        return self.model_dump(exclude=_WEB)

    @field_validator("url", "replica")
    @classmethod
    def _usable(cls, url: str | None) -> str | None:
        try:
            if url is not None:
                checked_url(url)
        except InvalidConnectionString as error:
            raise ValueError(str(error)) from None
        return url

    @model_validator(mode="after")
    def _sizes_agree(self) -> Self:
        if self.min_size > self.max_size:
            raise ValueError(f"min_size ({self.min_size}) must not be greater than max_size ({self.max_size})")
        return self

    @model_validator(mode="wrap")
    @classmethod
    def _named(cls, given: object, handler: ModelWrapValidatorHandler[Self], info: Any) -> Self:
        """Raise one error that names every wrong variable or argument."""
        try:
            return handler(given)
        except ValidationError as error:
            found = error.errors(include_url=False, include_context=False)
        # Raised outside of the except block, because pydantic's error holds the values.
        values = given if isinstance(given, Mapping) else {}
        raise InvalidSettings(problems=tuple(_problem(dict(one), values, info.context or {}) for one in found))


def variable(field: str) -> str:
    """Return the name of the environment variable of a setting."""
    return "DATABASE_URL" if field == "url" else f"{PREFIX}{field.upper()}"


def _problem(found: dict[str, Any], values: Mapping[str, object], variables: Mapping[str, str]) -> str:
    location, message = found["loc"], str(found["msg"]).removeprefix("Value error, ")
    if not location:
        return message
    field = str(location[0])
    if found["type"] == "extra_forbidden":
        return f"there is no setting {shown(field)}"
    if found["type"] == "missing":
        return (
            f"{field} is missing: set {variable(field)} to a connection string, such as"
            " postgresql://skilltree_app@db.example.org/learning"
        )
    where = variables.get(field, field)
    if field in {"url", "replica"}:
        return f"{where}: {message}"
    value = values[field]
    if isinstance(value, str) and "://" in value:
        return f"{where}: {message}, and the value, a URL, is not shown"
    is_plain = field in variables and isinstance(value, str) and value.isprintable() and len(value) <= _LONGEST_SHOWN
    return f"{where}={value if is_plain else shown(value)}: {message}"
