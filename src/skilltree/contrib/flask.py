"""SkillTree in a Flask application. ``docs/frameworks.md`` shows how to use it."""

from typing import Any

from flask import Flask, Response, current_app, g, request
from pydantic import BaseModel
from typing_extensions import TypeVar
from werkzeug.exceptions import HTTPException

from skilltree import Database, Observer, Settings
from skilltree._sync.database import Scope
from skilltree.contrib import problems, requests
from skilltree.contrib.requests import Learner, PageRequest, Visitor
from skilltree.contrib.wsgi import WsgiDatabase
from skilltree.errors import SkillTreeError
from skilltree.models.base import Page

__all__ = ["body_as", "database", "install", "learner", "page_request", "respond", "service", "visitor"]

B = TypeVar("B", bound=BaseModel)
S = TypeVar("S", bound=Scope[Any], default=Scope)


def install(
    app: Flask, settings: Settings, *, database: type[Database] = Database, observer: Observer | None = None
) -> None:
    """Add SkillTree to an application. ``database`` may be your own class, with more repositories.

    The pool opens at the first use in each worker process, and closes when the process ends. Errors become problem
    documents. ``/health/live`` and ``/health/ready`` are added.
    """
    app.extensions["skilltree"] = WsgiDatabase(settings, database, observer=observer)
    app.register_error_handler(SkillTreeError, _answer_error)
    app.register_error_handler(HTTPException, _answer_status)
    app.add_url_rule("/health/live", "skilltree_live", _live)
    app.add_url_rule("/health/ready", "skilltree_ready", _ready)


def _installed() -> WsgiDatabase:
    installed: WsgiDatabase = current_app.extensions["skilltree"]
    return installed


# --- who asks ---------------------------------------------------------------------------------------------------------


def database() -> Database:
    """Return the database. In a request, ``visitor``, ``learner`` or ``service`` is nearly always what is wanted."""
    return _installed().database()


def visitor(scope: type[S] | None = None) -> Visitor[S]:
    """Return who sends the request, logged in or not. An invalid token is answered with 401.

    With your own class of the database, ``scope`` is its scope, so that type checkers know the repositories of ``db``.
    """
    if "skilltree_visitor" not in g:
        installed = _installed()
        name = installed.settings.session_cookie
        token = requests.token_of(request.headers.get("Authorization"), request.cookies, name)
        g.skilltree_visitor = installed.visitor(token)
    return requests.visitor_of(g.skilltree_visitor, scope)


def learner(scope: type[S] | None = None) -> Learner[S]:
    """Return the learner who sends the request. Everybody else is answered with 401. See ``visitor`` for ``scope``."""
    return requests.learner_of(visitor(scope))


def service(scope: type[S] | None = None) -> S:
    """Return the repositories for work across learners, for everybody. See ``visitor`` for ``scope``."""
    return requests.scope_of(database().as_service(), scope)


# --- what is sent -----------------------------------------------------------------------------------------------------


def body_as(model: type[B]) -> B:
    """Read the JSON body of the request as a model. An invalid one is answered with 422."""
    return requests.body_as(model, request.get_data())


def page_request() -> PageRequest:
    """Read ``after`` and ``limit`` of a list. Invalid ones are answered with 422."""
    return requests.page_request(_query())


def respond(value: object, status: int = 200) -> Response:
    """Answer with models, or lists and dictionaries of them, as JSON. A page that has a next one gets a header Link."""
    body = requests.json_of(value, camel_case=_installed().settings.camel_case)
    answer = Response(body, status, content_type="application/json")
    if isinstance(value, Page) and value.next_cursor is not None:
        answer.headers["Link"] = requests.next_link(_query(), value.next_cursor)
    return answer


def _query() -> str:
    return request.query_string.decode("latin-1")


# --- errors and health ------------------------------------------------------------------------------------------------


def _sent(answer: problems.Response) -> Response:
    return Response(answer.body, answer.status, answer.headers)


def _answer_error(error: SkillTreeError) -> Response:
    return _sent(problems.response_to(error, method=request.method, path=request.path, log=current_app.logger))


def _answer_status(error: HTTPException) -> Response:
    headers = {name: value for name, value in error.get_headers() if name != "Content-Type"}
    return _sent(problems.response_of_status(error.code or 500, error.description, path=request.path, headers=headers))


def _live() -> Response:
    return Response(requests.HEALTHY, content_type="application/json")


def _ready() -> Response:
    _installed().ready()
    return Response(requests.HEALTHY, content_type="application/json")
