"""SkillTree in a Django project, beside Django's own models or without any. ``docs/frameworks.md`` shows how to use it.

Functions whose names begin with ``a`` are for async views under ASGI, and use a pool of their own; the others are for
views under WSGI.
"""

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from logging import getLogger
from typing import Any

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.apps import AppConfig, apps
from django.conf import settings as django_settings
from django.http import HttpRequest, HttpResponse
from pydantic import BaseModel
from typing_extensions import TypeVar

from skilltree import AsyncDatabase, Database, Settings
from skilltree._async.database import AsyncScope
from skilltree._sync.database import Scope
from skilltree.contrib import problems, requests
from skilltree.contrib.asgi import AsgiDatabase
from skilltree.contrib.requests import Learner, PageRequest, Visitor
from skilltree.contrib.wsgi import WsgiDatabase
from skilltree.errors import InvalidSettings, SkillTreeError
from skilltree.models.base import Page

__all__ = [
    "SkillTreeConfig",
    "SkillTreeMiddleware",
    "adatabase",
    "alearner",
    "aservice",
    "avisitor",
    "body_as",
    "database",
    "learner",
    "page_request",
    "problem_view",
    "respond",
    "service",
    "visitor",
    "with_lifespan",
]

B = TypeVar("B", bound=BaseModel)
S = TypeVar("S", bound=Scope[Any], default=Scope)
A = TypeVar("A", bound=AsyncScope[Any], default=AsyncScope)
AsgiApplication = Callable[[Any, Any, Any], Awaitable[None]]

_LOG = getLogger("django.request")
_FIRST_ERROR = 400


class SkillTreeConfig(AppConfig):
    """The Django application: put ``"skilltree.contrib.django.SkillTreeConfig"`` into INSTALLED_APPS.

    The setting SKILLTREE is a ``skilltree.Settings``; without it, they come from the environment. SKILLTREE_DATABASE
    and SKILLTREE_ASYNC_DATABASE may be your own classes of databases, with more repositories. The pool opens at its
    first use in each worker process.
    """

    name = "skilltree.contrib.django"
    label = "skilltree"

    def ready(self) -> None:
        found = getattr(django_settings, "SKILLTREE", None)
        if found is not None and not isinstance(found, Settings):
            raise InvalidSettings(problems=("SKILLTREE, in Django's settings, must be a skilltree.Settings",))
        self.settings = found or Settings.from_environment()
        observer = getattr(django_settings, "SKILLTREE_OBSERVER", None)
        own = getattr(django_settings, "SKILLTREE_DATABASE", Database)
        own_async = getattr(django_settings, "SKILLTREE_ASYNC_DATABASE", AsyncDatabase)
        self.sync_database = WsgiDatabase(self.settings, own, observer=observer)
        self.async_database = AsgiDatabase(self.settings, own_async, observer=observer)


def _installed() -> SkillTreeConfig:
    installed: SkillTreeConfig = apps.get_app_config("skilltree")
    return installed


# --- who asks ---------------------------------------------------------------------------------------------------------


def _token_of(request: HttpRequest) -> str | None:
    cookies: dict[str, str] = request.COOKIES
    return requests.token_of(request.headers.get("Authorization"), cookies, _installed().settings.session_cookie)


def database() -> Database:
    """Return the database. In a view, ``visitor``, ``learner`` or ``service`` is nearly always what is wanted."""
    return _installed().sync_database.database()


def visitor(request: HttpRequest, scope: type[S] | None = None) -> Visitor[S]:
    """Return who sends the request, logged in or not. An invalid token is answered with 401.

    With your own class of the database, ``scope`` is its scope, so that type checkers know the repositories of ``db``.
    """
    return requests.visitor_of(_installed().sync_database.visitor(_token_of(request)), scope)


def learner(request: HttpRequest, scope: type[S] | None = None) -> Learner[S]:
    """Return the learner who sends the request. Everybody else is answered with 401. See ``visitor`` for ``scope``."""
    return requests.learner_of(visitor(request, scope))


def service(scope: type[S] | None = None) -> S:
    """Return the repositories for work across learners, for everybody. See ``visitor`` for ``scope``."""
    return requests.scope_of(database().as_service(), scope)


async def adatabase() -> AsyncDatabase:
    """Return the async database. See ``database``."""
    return await _installed().async_database.database()


async def avisitor(request: HttpRequest, scope: type[A] | None = None) -> Visitor[A]:
    """Return who sends the request, as ``visitor`` does."""
    return requests.visitor_of(await _installed().async_database.visitor(_token_of(request)), scope)


async def alearner(request: HttpRequest, scope: type[A] | None = None) -> Learner[A]:
    """Return the learner who sends the request, as ``learner`` does."""
    return requests.learner_of(await avisitor(request, scope))


async def aservice(scope: type[A] | None = None) -> A:
    """Return the repositories for work across learners, as ``service`` does."""
    return requests.scope_of((await adatabase()).as_service(), scope)


# --- what is sent -----------------------------------------------------------------------------------------------------


def body_as(request: HttpRequest, model: type[B]) -> B:
    """Read the JSON body of a request as a model. An invalid one is answered with 422."""
    return requests.body_as(model, request.body)


def page_request(request: HttpRequest) -> PageRequest:
    """Read ``after`` and ``limit`` of a list. Invalid ones are answered with 422."""
    return requests.page_request(request.META["QUERY_STRING"])


def respond(request: HttpRequest, value: object, status: int = 200) -> HttpResponse:
    """Answer with models, or lists and dictionaries of them, as JSON. A page that has a next one gets a header Link."""
    body = requests.json_of(value, camel_case=_installed().settings.camel_case)
    answer = HttpResponse(body, status=status, content_type="application/json")
    if isinstance(value, Page) and value.next_cursor is not None:
        answer["Link"] = requests.next_link(request.META["QUERY_STRING"], value.next_cursor)
    return answer


# --- errors and health ------------------------------------------------------------------------------------------------


class SkillTreeMiddleware:
    """Turns errors into problem documents, and answers ``/health/live`` and ``/health/ready``.

    Put it first into MIDDLEWARE: probes then need neither an allowed host nor a session. It works under WSGI and ASGI.
    """

    sync_capable = True
    async_capable = True

    def __init__(self, get_response: Callable[[HttpRequest], Any]) -> None:
        self._get_response = get_response
        self._is_async = iscoroutinefunction(get_response)
        if self._is_async:
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> Any:
        if self._is_async:
            return self._answer_async(request)
        match request.path_info:
            case "/health/live":
                return _healthy()
            case "/health/ready":
                try:
                    _installed().sync_database.ready()
                except SkillTreeError as error:
                    return _answer_error(request, error)
                return _healthy()
        return _with_problem(request, self._get_response(request))

    async def _answer_async(self, request: HttpRequest) -> HttpResponse:
        match request.path_info:
            case "/health/live":
                return _healthy()
            case "/health/ready":
                try:
                    await _installed().async_database.ready()
                except SkillTreeError as error:
                    return _answer_error(request, error)
                return _healthy()
        return _with_problem(request, await self._get_response(request))

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        """Answer an error of SkillTree's that a view has raised, and leave all others to Django."""
        return _answer_error(request, error) if isinstance(error, SkillTreeError) else None


def _answer_error(request: HttpRequest, error: SkillTreeError) -> HttpResponse:
    answer = _sent(problems.response_to(error, method=request.method or "", path=request.path, log=_LOG))
    # The cause is in the log already; Django would add a line without it.
    vars(answer)["_has_been_logged"] = True
    return answer


def _healthy() -> HttpResponse:
    return HttpResponse(requests.HEALTHY, content_type="application/json")


def _with_problem(request: HttpRequest, answer: HttpResponse) -> HttpResponse:
    """Give an error without a body, such as that of a method that is not allowed, a problem document."""
    if answer.status_code < _FIRST_ERROR or answer.streaming or answer.content:
        return answer
    kept = {name: value for name, value in answer.items() if name.lower() not in {"content-type", "content-length"}}
    return _sent(problems.response_of_status(answer.status_code, path=request.path, headers=kept))


def _sent(answer: problems.Response) -> HttpResponse:
    return HttpResponse(answer.body, status=answer.status, headers=answer.headers)


def problem_view(status: int) -> Callable[..., HttpResponse]:
    """Return a view that answers with this status: ``handler404 = problem_view(404)`` in the root URLconf."""

    def view(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
        return _sent(problems.response_of_status(status, path=request.path))

    return view


# --- ASGI -------------------------------------------------------------------------------------------------------------


def with_lifespan(application: AsgiApplication) -> AsgiApplication:
    """Open the async pool when the ASGI server starts, and close it when it ends. Django itself does not tell.

    ``application = with_lifespan(get_asgi_application())``
    """

    async def wrapped(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "lifespan":
            await application(scope, receive, send)
            return
        opened: AbstractAsyncContextManager[None] = _installed().async_database.opened()
        await receive()
        try:
            await opened.__aenter__()
        except Exception as error:
            await send({"type": "lifespan.startup.failed", "message": str(error)})
            return
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await opened.__aexit__(None, None, None)
        await send({"type": "lifespan.shutdown.complete"})

    return wrapped
