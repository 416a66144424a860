"""Errors as answers over HTTP: one table of statuses, and problem documents (RFC 9457). No framework is needed for it.

The detail of a 4xx is the error's own message. A 5xx has a fixed text, because its message may repeat the server's; the
log has the error itself.
"""

import re
from collections.abc import Iterable, Mapping
from http import HTTPStatus
from logging import Logger
from typing import NamedTuple

from pydantic import BaseModel, ConfigDict, Field
from pydantic_core import ErrorDetails

from skilltree.errors import (
    AlreadyExists,
    CannotSeeEverything,
    ConcurrentUpdate,
    CyclicGraph,
    GraphError,
    InvalidConnectionString,
    InvalidCredentials,
    InvalidCurriculum,
    InvalidDocument,
    InvalidPassword,
    InvalidToken,
    InvalidTransition,
    InvalidValue,
    LockTimeout,
    NotFound,
    OutcomeUnknown,
    PermissionDenied,
    PoolExhausted,
    PoolNotOpen,
    PrerequisitesNotMet,
    SchemaOutdated,
    ScopeMissing,
    ServerExhausted,
    ServerReadOnly,
    ServerUnavailable,
    SkillTreeError,
    StatementOutdated,
    StatementTimeout,
    TooManyAttempts,
    UnitOfWorkTimeout,
    UnknownCurriculumKeys,
    UnsupportedIsolation,
)

MEDIA_TYPE = "application/problem+json"
_URN = "urn:skilltree:error:"
_SERVER_FAILED = HTTPStatus.INTERNAL_SERVER_ERROR


class LoginRequired(SkillTreeError):
    """The request has no session token. Log in first."""

    challenge = "Bearer"


class SessionExpired(LoginRequired):
    """The session token is unknown, or its session has ended. Log in again."""

    challenge = 'Bearer error="invalid_token"'


class NotReady(SkillTreeError):
    """The database did not answer in time, or not as it should. The cause, if there is one, says why."""


class InvalidRequest(SkillTreeError):
    """The request does not have the required form. The field errors names each faulty part."""

    def __init__(self, errors: Iterable[ErrorDetails | Mapping[str, object]] = ()) -> None:
        # Only the place and the message: the value may be a password.
        self.errors = [{"path": _plain(error["loc"]), "detail": str(error["msg"])} for error in errors]
        super().__init__()


class Answer(NamedTuple):
    """What HTTP answers to an error. Without a detail, it is the error's own message."""

    status: int
    detail: str | None = None
    retry_after: int | None = None


_FAILED = "The request failed. It is not the request's fault; the server's log has the reason."
_LATER = "The service cannot answer now. Try again later."

ANSWERS: dict[type[SkillTreeError], Answer] = {
    # For every class that has no entry, by itself or through a base class.
    SkillTreeError: Answer(500, _FAILED),
    LoginRequired: Answer(401),
    InvalidCredentials: Answer(401),
    PermissionDenied: Answer(403, "This account may not do this."),
    NotFound: Answer(404),
    AlreadyExists: Answer(409),
    GraphError: Answer(409),
    InvalidTransition: Answer(409),
    InvalidToken: Answer(410),
    InvalidRequest: Answer(422),
    InvalidValue: Answer(422),
    InvalidCurriculum: Answer(422),
    TooManyAttempts: Answer(429),
    # Faults of the application, though a base class has another answer.
    InvalidConnectionString: Answer(500, _FAILED),
    UnsupportedIsolation: Answer(500, _FAILED),
    ScopeMissing: Answer(500, _FAILED),
    CannotSeeEverything: Answer(500, _FAILED),
    # No 503, because many clients repeat the request after a 503.
    OutcomeUnknown: Answer(500, "The work may be written or not. Check before you try again."),
    ServerUnavailable: Answer(503, _LATER, 5),
    UnitOfWorkTimeout: Answer(503, "The work took too long. Nothing was written.", 5),
    ServerExhausted: Answer(503, _LATER, 30),
    ServerReadOnly: Answer(503, "The service accepts no changes now. Try again later.", 5),
    SchemaOutdated: Answer(503, "The database lacks what this version needs. Try again later.", 5),
    StatementOutdated: Answer(503, _LATER, 1),
    PoolExhausted: Answer(503, _LATER, 1),
    PoolNotOpen: Answer(503, _LATER, 5),
    NotReady: Answer(503, _LATER, 5),
    LockTimeout: Answer(503, "Somebody else's change is not finished. Nothing was written: try again in a moment.", 1),
    ConcurrentUpdate: Answer(503, "The work met other work. Nothing was written: try again in a moment.", 1),
    StatementTimeout: Answer(504, "The work took too long. Nothing was written."),
}


class FaultyPart(BaseModel):
    """A part of a request that does not have the required form."""

    path: list[str | int] = Field(description="Where it is: in the body, the path or the query, and the keys to it.")
    detail: str = Field(description="What is wrong with it.")


class MissingItem(BaseModel):
    """A skill or tree to complete first."""

    id: str = Field(description="Its id.")
    name: str = Field(description="Its name.")


class Problem(BaseModel):
    """A problem document (RFC 9457): why a request was not done."""

    model_config = ConfigDict(frozen=True)

    type: str = Field(description="The class of the error, as a URN; about:blank if the status says it all.")
    title: str = Field(description="The class of the error in words.")
    status: int = Field(description="The HTTP status.")
    detail: str | None = Field(default=None, description="What happened, and what to do.")
    instance: str | None = Field(default=None, description="The path of the request.")
    field: str | None = Field(default=None, description="The argument that is not accepted.")
    reason: str | None = Field(default=None, description="A keyword for why a password is refused.")
    path: list[str | int] | None = Field(default=None, description="The way to a faulty value, or along a cycle.")
    ids: list[str] | None = Field(default=None, description="The skills or trees involved.")
    missing: list[MissingItem] | None = Field(default=None, description="What to complete first, in this order.")
    problems: list[str] | None = Field(default=None, description="Every fault of a curriculum.")
    unknown: list[tuple[str, str]] | None = Field(
        default=None, description="Each skill of a curriculum, and its dependency that does not exist."
    )
    errors: list[FaultyPart] | None = Field(default=None, description="Every faulty part of the request.")


class Response(NamedTuple):
    """An answer for any framework. The header Content-Type is among the headers."""

    status: int
    headers: dict[str, str]
    body: bytes


def answer_to(kind: type[SkillTreeError]) -> Answer:
    """Return the answer to an error: that of its class, or of the nearest base class."""
    return next(ANSWERS[base] for base in kind.__mro__ if base in ANSWERS)


def unready(error: SkillTreeError) -> SkillTreeError:
    """Return what a probe answers with 503: the error itself if it passes, or else NotReady."""
    return error if answer_to(type(error)).status == HTTPStatus.SERVICE_UNAVAILABLE else NotReady()


def response_to(error: SkillTreeError, *, method: str, path: str, log: Logger) -> Response:
    """Return the problem document of an error. A failure of the server (5xx) is written to the log."""
    answer = answer_to(type(error))
    if answer.status >= _SERVER_FAILED:
        log.error("%s %s: %s", method, path, type(error).__name__, exc_info=error)
    headers = {}
    if answer.status == HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = error.challenge if isinstance(error, LoginRequired) else LoginRequired.challenge
    retry_after = error.retry_after if isinstance(error, TooManyAttempts) else answer.retry_after
    if retry_after is not None:
        headers["Retry-After"] = str(retry_after)
    name = type(error).__name__
    document = Problem.model_validate(
        {
            "type": f"{_URN}{name}",
            "title": re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).capitalize(),
            "status": answer.status,
            "detail": str(error) if answer.detail is None else answer.detail,
            "instance": path,
            **(_fields_of(error) if answer.status < _SERVER_FAILED else {}),
        }
    )
    return _response(document, headers)


def response_of_status(
    status: int, detail: str | None = None, *, path: str, headers: Mapping[str, str] | None = None
) -> Response:
    """Return the problem document of a status that is no error of SkillTree's, such as a path that does not exist."""
    title = HTTPStatus(status).phrase
    shown = None if detail == title else detail
    return _response(
        Problem(type="about:blank", title=title, status=status, detail=shown, instance=path), dict(headers or {})
    )


def _response(document: Problem, headers: dict[str, str]) -> Response:
    body = document.model_dump_json(exclude_none=True).encode()
    return Response(document.status, {**headers, "Content-Type": MEDIA_TYPE}, body)


def _fields_of(error: SkillTreeError) -> dict[str, object]:  # noqa: PLR0911 (a list of cases)
    """Return what a client may know of an error besides its message. Names of constraints and SQLSTATEs are not."""
    match error:
        case InvalidRequest():
            return {"errors": error.errors}
        case InvalidDocument():
            return {"field": error.field, "path": _plain(error.path)}
        case InvalidPassword():
            return {"field": error.field, "reason": error.reason}
        case InvalidValue():
            return {"field": error.field}
        case UnknownCurriculumKeys():
            return {"problems": error.problems, "unknown": error.unknown}
        case InvalidCurriculum():
            return {"problems": error.problems}
        case CyclicGraph():
            return {"ids": _texts(error.ids), "path": _texts(error.path)}
        case GraphError():
            return {"ids": _texts(error.ids)}
        case PrerequisitesNotMet():
            return {"missing": [{"id": str(id_), "name": name} for id_, name in error.missing]}
    return {}


def _texts(values: Iterable[object]) -> list[str]:
    return [str(value) for value in values]


def _plain(path: object) -> list[str | int]:
    return [part if isinstance(part, int) else str(part) for part in path] if isinstance(path, (tuple, list)) else []
