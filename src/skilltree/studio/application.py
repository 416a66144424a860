"""The web application: its routes, one read-only transaction for each page, and errors as pages."""

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from skilltree._core.terminal_text import harmless
from skilltree.errors import (
    InvalidValue,
    NotFound,
    PermissionDenied,
    ServerUnavailable,
    SkillTreeError,
    StatementTimeout,
)
from skilltree.studio import catalogue, learners, queries, trail
from skilltree.studio.access import Access, Guard
from skilltree.studio.database import Page, Reader
from skilltree.studio.edits import Editor
from skilltree.studio.viewpoint import Viewpoint, viewpoint
from skilltree.studio.visit import Handler, Shown, Visit, address

_FOLDER = Path(__file__).parent
_STATUSES: tuple[tuple[type[SkillTreeError], int], ...] = (
    (NotFound, 404),
    (InvalidValue, 400),
    (PermissionDenied, 403),
    (ServerUnavailable, 503),
    (StatementTimeout, 504),
)
_AREAS = (("/", "Catalogue"), ("/learners", "Learners"), ("/queries", "Query files"), ("/trail", "Audit trail"))


class Studio:
    """The pages of one run. ``editor`` is there only if edits are allowed; ``own`` has an application's query files."""

    def __init__(
        self,
        access: Access,
        reader: Reader,
        default_view: Viewpoint,
        editor: Editor | None = None,
        own: Path | None = None,
    ) -> None:
        self._access = access
        self._reader = reader
        self._default_view = default_view
        self._editor = editor
        self._own = own
        self._templates = _environment()

    def application(self) -> Starlette:
        """Return the application. Every request passes the guard first."""
        pages: dict[str, Handler] = {
            "/": catalogue.catalogue,
            "/trees/{slug}": catalogue.tree,
            "/trees/id/{id}": catalogue.tree_by_id,
            "/skills/{id}": catalogue.skill,
            "/learners": learners.learners,
            "/learners/{id}": learners.learner,
            "/trail": trail.trail,
            "/queries": partial(queries.queries, own=self._own),
            "/queries/{folder}/{name}": partial(
                queries.query, url=self._reader.url, timeout=self._reader.timeout, own=self._own
            ),
        }
        routes: list[BaseRoute] = [Route(path, self._endpoint(page), methods=["GET"]) for path, page in pages.items()]
        if self._editor is not None:
            routes.append(Route("/edits/{name}", self._endpoint(self._editor.form), methods=["GET"]))
            routes.append(Route("/edits/{name}", self._edit, methods=["POST"]))
        routes.append(Mount("/static", StaticFiles(directory=_FOLDER / "static")))
        made = Starlette(
            routes=routes,
            exception_handlers={HTTPException: self._http_error, Exception: self._failure},
            lifespan=self._lifespan,
        )
        made.add_middleware(Guard, access=self._access)
        return made

    @asynccontextmanager
    async def _lifespan(self, _: Starlette) -> AsyncIterator[None]:
        opened: list[Reader | Editor] = [self._reader, *([self._editor] if self._editor else [])]
        for each in opened:
            await run_in_threadpool(each.open)
        try:
            yield
        finally:
            for each in opened:
                await run_in_threadpool(each.close)

    def _endpoint(self, handler: Handler) -> Callable[[Request], Response]:
        def answer(request: Request) -> Response:
            return self._answer(request, handler)

        return answer

    def _answer(self, request: Request, handler: Handler) -> Response:
        """Run a page in one read-only transaction, and show it or its error."""
        view = self._default_view
        try:
            if "as" in request.query_params:
                view = viewpoint(request.query_params["as"])
            with self._reader.page(view) as (unit, page):
                shown = handler(Visit(request, view, view == self._default_view, unit))
        except SkillTreeError as error:
            return self._problem(request, view, error)
        if shown.template == "redirect":
            return RedirectResponse(shown.values["to"], status_code=303)
        return self._page(request, view, shown, page=page)

    async def _edit(self, request: Request) -> Response:
        assert self._editor is not None  # noqa: S101 (the route exists only then)
        form = await _form(request)
        return await run_in_threadpool(self._edited, request, self._editor, form)

    def _edited(self, request: Request, editor: Editor, form: dict[str, str]) -> Response:
        if not self._access.is_form_token(form.pop("form_token", "")):
            return self._problem(request, self._default_view, PermissionDenied("the form is not one of this Studio"))
        try:
            shown = editor.submit(str(request.path_params["name"]), form)
        except SkillTreeError as error:
            return self._problem(request, self._default_view, error)
        if shown.template == "redirect":
            return RedirectResponse(shown.values["to"], status_code=303)
        return self._page(request, self._default_view, shown)

    def _page(
        self, request: Request, view: Viewpoint, shown: Shown, *, page: Page | None = None, status: int = 200
    ) -> Response:
        default = self._default_view

        def link(path: str, /, **params: object) -> str:
            return address(path, None if view == default else view, **params)

        kept = [
            (name, value) for name, value in request.query_params.multi_items() if name not in {"as", "run", "token"}
        ]
        values: dict[str, Any] = {
            "areas": _AREAS,
            "path": request.url.path,
            "view": view,
            "default_view": default,
            "kept": kept,
            "page_cost": page,
            "link": link,
            "may_edit": self._editor is not None,
            "form_token": self._access.form_token,
        }
        text = self._templates.get_template(shown.template).render(values | dict(shown.values))
        headers = {} if page is None else {"Studio-Statements": str(len(page.ran)), "Studio-Buffers": str(page.buffers)}
        return HTMLResponse(text, status_code=status, headers=headers)

    def _problem(self, request: Request, view: Viewpoint, error: SkillTreeError) -> Response:
        status = next((status for kind, status in _STATUSES if isinstance(error, kind)), 500)
        return self._page(
            request, view, Shown("error.html", {"name": type(error).__name__, "error": error}), status=status
        )

    def _http_error(self, request: Request, error: Exception) -> Response:
        status = error.status_code if isinstance(error, HTTPException) else 500
        shown = Shown("error.html", {"name": f"Status {status}", "error": "there is no such page"})
        return self._page(request, self._default_view, shown, status=status)

    def _failure(self, request: Request, error: Exception) -> Response:
        return self._page(
            request,
            self._default_view,
            Shown("error.html", {"name": type(error).__name__, "error": "Studio failed. The terminal has the reason."}),
            status=500,
        )


_MOST_BYTES = 64 * 1024


async def _form(request: Request) -> dict[str, str]:
    """Return the fields of a form. Raises HTTPException for one of another kind, or a huge one."""
    if request.headers.get("content-type", "").partition(";")[0] != "application/x-www-form-urlencoded":
        raise HTTPException(415)
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > _MOST_BYTES:
            raise HTTPException(413)
    return dict(parse_qsl(body.decode("utf8", "replace"), keep_blank_values=True))


def _environment() -> Environment:
    made = Environment(
        loader=FileSystemLoader(_FOLDER / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_harmless,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {"moment": _moment, "words": _words, "document": _document, "thousands": "{:,}".format}
    return made


def _harmless(value: Any) -> Any:
    """Make control characters visible, such as those that reverse a text."""
    return harmless(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _moment(value: datetime | date | None) -> Markup:
    if value is None:
        return Markup("never")
    if isinstance(value, datetime):
        value = value.astimezone(UTC)
        return Markup('<time datetime="{}">{}</time>').format(value.isoformat(), f"{value:%Y-%m-%d %H:%M}")
    return Markup('<time datetime="{0}">{0}</time>').format(value.isoformat())


def _words(value: object) -> str:
    """Return a value of an enum as words: ``IN_PROGRESS`` is ``in progress``."""
    return str(value).lower().replace("_", " ")


def _document(value: object) -> Markup:
    text = value if isinstance(value, str) else json.dumps(value, indent=1, ensure_ascii=False, default=str)
    return escape(harmless(text))
