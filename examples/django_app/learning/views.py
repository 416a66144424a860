"""The views."""

from uuid import UUID

from django.conf import settings
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.views.decorators.http import require_GET, require_http_methods, require_POST
from pydantic import BaseModel

from skilltree.contrib.django import alearner, aservice, avisitor, body_as, page_request, respond
from skilltree.models import SkillId, TreeId


class Registration(BaseModel):
    username: str
    email: str
    password: str


class Credentials(BaseModel):
    email: str
    password: str


class Score(BaseModel):
    score: float | None = None


# --- accounts ---------------------------------------------------------------------------------------------------------


@require_POST
async def register(request: HttpRequest) -> HttpResponse:
    new, service = body_as(request, Registration), await aservice()
    user = await service.users.register(
        username=new.username, email=new.email, password=new.password, bcrypt_cost=settings.BCRYPT_COST
    )
    return respond(request, user, 201)


@require_POST
async def log_in(request: HttpRequest) -> HttpResponse:
    given, service = body_as(request, Credentials), await aservice()
    started = await service.accounts.log_in(
        given.email, given.password, address=request.META["REMOTE_ADDR"] or None, bcrypt_cost=settings.BCRYPT_COST
    )
    return respond(request, started, 201)


@require_http_methods(["DELETE"])
async def log_out(request: HttpRequest) -> HttpResponse:
    me = await alearner(request)
    await me.db.sessions.end(me.id, me.session.id)
    return HttpResponse(status=204)


# --- the catalogue, for everybody -------------------------------------------------------------------------------------


@require_GET
async def list_trees(request: HttpRequest) -> HttpResponse:
    me, page = await avisitor(request), page_request(request)
    return respond(request, await me.db.trees.list(after=page.after, limit=page.limit))


@require_GET
async def load_tree(request: HttpRequest, slug: str) -> HttpResponse:
    me = await avisitor(request)
    return respond(request, await me.db.trees.load(slug, me.id))


@require_GET
async def leaderboard(request: HttpRequest) -> HttpResponse:
    return respond(request, await (await aservice()).leaderboards.top())


# --- what a learner does ----------------------------------------------------------------------------------------------


@require_POST
async def start_tree(request: HttpRequest, tree_id: UUID) -> HttpResponse:
    me = await alearner(request)
    return respond(request, await me.db.progress.start_tree(me.id, TreeId(tree_id)))


@require_POST
async def complete_skill(request: HttpRequest, skill_id: UUID) -> HttpResponse:
    me = await alearner(request)
    score = body_as(request, Score).score if request.body else None
    return respond(request, await me.db.progress.complete_skill(me.id, SkillId(skill_id), score=score))


@require_GET
async def dashboard(request: HttpRequest) -> HttpResponse:
    me = await alearner(request)
    return respond(request, await me.db.progress.dashboard(me.id))


@require_GET
async def progress(request: HttpRequest) -> HttpResponse:
    me, page = await alearner(request), page_request(request)
    return respond(request, await me.db.progress.list_for_user(me.id, after=page.after, limit=page.limit))


@require_GET
async def export(request: HttpRequest) -> StreamingHttpResponse:
    """Send all data about the learner, piece by piece."""
    me = await alearner(request)
    return StreamingHttpResponse(me.db.users.export(me.id), content_type="application/json")
