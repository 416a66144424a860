"""SkillTree in a FastAPI application. ``docs/frameworks.md`` shows how to use it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, Any

from fastapi import APIRouter, Depends, FastAPI, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.logger import logger
from fastapi.routing import APIRoute, iter_route_contexts
from fastapi.security import HTTPBearer
from starlette.exceptions import HTTPException
from typing_extensions import TypeVar

from skilltree import AsyncDatabase, Observer, Settings
from skilltree._async.database import AsyncScope
from skilltree.contrib import problems, requests
from skilltree.contrib.asgi import AsgiDatabase
from skilltree.contrib.openapi import completed
from skilltree.contrib.problems import InvalidRequest
from skilltree.contrib.requests import MOST_PER_PAGE, PAGE_SIZE
from skilltree.errors import InvalidSettings, SkillTreeError
from skilltree.models.base import Page

__all__ = ["Database", "Learner", "Paging", "Service", "SnakeCaseRoute", "Visitor", "install"]

T = TypeVar("T")
S = TypeVar("S", bound=AsyncScope[Any], default=AsyncScope)
D = TypeVar("D", bound=AsyncDatabase[Any, Any], default=AsyncDatabase)


class SnakeCaseRoute(APIRoute):
    """A route whose answers have snake_case keys: for your own routers, with ``camel_case=False``."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **{**options, "response_model_by_alias": False})


def install(
    app: FastAPI,
    settings: Settings,
    *,
    database: type[AsyncDatabase] = AsyncDatabase,
    observer: Observer | None = None,
) -> None:
    """Add SkillTree to an application, before its routes. ``database`` may be your own class, with more repositories.

    The pool opens when the application starts, and closes when it ends; each worker process has its own. Errors become
    problem documents. ``/health/live`` and ``/health/ready`` are added. OpenAPI describes every field.
    """
    installed = AsgiDatabase(settings, database, observer=observer)
    app.state.skilltree = installed
    lifespan = app.router.lifespan_context

    @asynccontextmanager
    async def opened(running: FastAPI) -> AsyncIterator[Any]:
        if not settings.camel_case:
            _refuse_camel_case(app)
        async with installed.opened(), lifespan(running) as state:
            yield state

    app.router.lifespan_context = opened
    if not settings.camel_case:
        app.router.route_class = SnakeCaseRoute
    app.add_exception_handler(SkillTreeError, _answer_error)
    app.add_exception_handler(RequestValidationError, _answer_invalid_request)
    app.add_exception_handler(HTTPException, _answer_status)
    app.add_exception_handler(Exception, _answer_crash)
    app.include_router(_health)
    generate = app.openapi

    def openapi() -> dict[str, Any]:
        return completed(generate(), camel_case=settings.camel_case)

    # FastAPI's own way to extend the schema.
    app.openapi = openapi  # type: ignore[method-assign]


def _refuse_camel_case(app: FastAPI) -> None:
    """Refuse routes of routers that were made without ``SnakeCaseRoute``: their answers would differ."""
    wrong = [
        found.path
        for found in iter_route_contexts(app.routes)
        if isinstance(found.original_route, APIRoute)
        and found.original_route.response_field is not None
        and found.original_route.response_model_by_alias
    ]
    if wrong:
        raise InvalidSettings(
            problems=(
                f"camel_case is False, but {wrong[0]} answers in camelCase: make its router with"
                " APIRouter(route_class=SnakeCaseRoute), after install()",
            )
        )


# --- who asks ---------------------------------------------------------------------------------------------------------


def _installed(request: Request) -> AsgiDatabase:
    installed: AsgiDatabase = request.app.state.skilltree
    return installed


async def _database(request: Request) -> AsyncDatabase:
    return await _installed(request).database()


async def _service(database: Annotated[AsyncDatabase, Depends(_database)]) -> AsyncScope:
    return database.as_service()


async def _visitor(request: Request) -> requests.Visitor[AsyncScope]:
    installed = _installed(request)
    name = installed.settings.session_cookie
    return await installed.visitor(requests.token_of(request.headers.get("Authorization"), request.cookies, name))


_bearer = HTTPBearer(auto_error=False, description="The token that logging in has returned.")


async def _learner(
    visitor: Annotated[requests.Visitor[AsyncScope], Depends(_visitor)], _: Annotated[object, Depends(_bearer)]
) -> requests.Learner[AsyncScope]:
    return requests.learner_of(visitor)


# With your own class of the database, type checkers learn of its repositories by `Learner[AsyncShopScope]`.

Database = Annotated[D, Depends(_database)]
"""The database. For a request, ``Visitor``, ``Learner`` or ``Service`` is nearly always what is wanted."""

Visitor = Annotated[requests.Visitor[S], Depends(_visitor)]
"""Who sends the request, logged in or not. An invalid token is answered with 401."""

Learner = Annotated[requests.Learner[S], Depends(_learner)]
"""The learner who sends the request. Everybody else is answered with 401."""

Service = Annotated[S, Depends(_service)]
"""The repositories for work across learners: accounts, leaderboards, authoring. Nobody needs to be logged in for it."""


# --- pages ------------------------------------------------------------------------------------------------------------


class _Paging:
    """The page that a request asks for."""

    def __init__(
        self,
        request: Request,
        response: Response,
        after: Annotated[str | None, Query(description="The cursor of the page before this one.")] = None,
        limit: Annotated[int, Query(ge=1, le=MOST_PER_PAGE, description="The greatest number of items.")] = PAGE_SIZE,
    ) -> None:
        self.after = after
        self.limit = limit
        self._query = request.url.query
        self._response = response

    def link(self, page: Page[T]) -> Page[T]:
        """Return the page, and add the header Link to the response if there is a next one."""
        if page.next_cursor is not None:
            self._response.headers["Link"] = requests.next_link(self._query, page.next_cursor)
        return page


Paging = Annotated[_Paging, Depends()]
"""``after`` and ``limit`` of a list: ``paging.link(await db.trees.list(after=paging.after, limit=paging.limit))``."""


# --- errors -----------------------------------------------------------------------------------------------------------


def _sent(answer: problems.Response) -> Response:
    return Response(answer.body, answer.status, answer.headers)


async def _answer_error(request: Request, error: Any) -> Response:
    return _sent(problems.response_to(error, method=request.method, path=request.url.path, log=logger))


async def _answer_invalid_request(request: Request, error: Any) -> Response:
    return await _answer_error(request, InvalidRequest(error.errors()))


async def _answer_status(request: Request, error: Any) -> Response:
    return _sent(
        problems.response_of_status(error.status_code, str(error.detail), path=request.url.path, headers=error.headers)
    )


async def _answer_crash(request: Request, _: Exception) -> Response:
    # Starlette raises the error again after the answer, so that the server logs it.
    return _sent(problems.response_of_status(500, path=request.url.path))


# --- health -----------------------------------------------------------------------------------------------------------

_health = APIRouter(prefix="/health", tags=["health"])


# Load balancers ask with HEAD.
@_health.head("/live", include_in_schema=False)
@_health.get("/live", summary="Whether the process answers", response_class=Response)
async def _live() -> Response:
    return Response(requests.HEALTHY, media_type="application/json")


@_health.head("/ready", include_in_schema=False)
@_health.get("/ready", summary="Whether the database answers", response_class=Response)
async def _ready(request: Request) -> Response:
    await _installed(request).ready()
    return Response(requests.HEALTHY, media_type="application/json")
