"""A small platform with Flask. Run it with ``DATABASE_URL=… waitress-serve app:app``, or any other WSGI server."""

import os
from uuid import UUID

from flask import Flask, Response, request
from pydantic import BaseModel

from skilltree import Settings
from skilltree.contrib.flask import body_as, install, learner, page_request, respond, service, visitor
from skilltree.models import SkillId, TreeId

# More would only make log-ins slower; the tests use less.
BCRYPT_COST = int(os.environ.get("BCRYPT_COST", "12"))


class Registration(BaseModel):
    username: str
    email: str
    password: str


class Credentials(BaseModel):
    email: str
    password: str


class Score(BaseModel):
    score: float | None = None


app = Flask(__name__)
install(app, Settings.from_environment())


# --- accounts ---------------------------------------------------------------------------------------------------------


@app.post("/users")
def register() -> Response:
    new = body_as(Registration)
    user = service().users.register(
        username=new.username, email=new.email, password=new.password, bcrypt_cost=BCRYPT_COST
    )
    return respond(user, 201)


@app.post("/sessions")
def log_in() -> Response:
    given = body_as(Credentials)
    started = service().accounts.log_in(
        given.email, given.password, address=request.remote_addr, bcrypt_cost=BCRYPT_COST
    )
    return respond(started, 201)


@app.delete("/sessions/current")
def log_out() -> Response:
    me = learner()
    me.db.sessions.end(me.id, me.session.id)
    return Response(status=204)


# --- the catalogue, for everybody -------------------------------------------------------------------------------------


@app.get("/trees")
def list_trees() -> Response:
    page = page_request()
    return respond(visitor().db.trees.list(after=page.after, limit=page.limit))


@app.get("/trees/<slug>")
def load_tree(slug: str) -> Response:
    me = visitor()
    return respond(me.db.trees.load(slug, me.id))


@app.get("/leaderboard")
def leaderboard() -> Response:
    return respond(service().leaderboards.top())


# --- what a learner does ----------------------------------------------------------------------------------------------


@app.post("/trees/<uuid:tree_id>/start")
def start_tree(tree_id: UUID) -> Response:
    me = learner()
    return respond(me.db.progress.start_tree(me.id, TreeId(tree_id)))


@app.post("/skills/<uuid:skill_id>/complete")
def complete_skill(skill_id: UUID) -> Response:
    me = learner()
    score = body_as(Score).score if request.content_length else None
    return respond(me.db.progress.complete_skill(me.id, SkillId(skill_id), score=score))


@app.get("/me")
def dashboard() -> Response:
    me = learner()
    return respond(me.db.progress.dashboard(me.id))


@app.get("/me/progress")
def progress() -> Response:
    me, page = learner(), page_request()
    return respond(me.db.progress.list_for_user(me.id, after=page.after, limit=page.limit))


@app.get("/me/export")
def export() -> Response:
    """Send all data about the learner, piece by piece."""
    me = learner()
    return Response(me.db.users.export(me.id), content_type="application/json")
