"""A small platform with FastAPI. Run it with ``DATABASE_URL=… uvicorn main:app``; ``/docs`` shows what it offers."""

import os

from fastapi import FastAPI, Request
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, Field

from skilltree import Settings
from skilltree.contrib.fastapi import Learner, Paging, Service, Visitor, install
from skilltree.models import (
    Completion,
    Dashboard,
    LeaderboardPlace,
    LoadedTree,
    Page,
    SkillId,
    SkillProgress,
    StartedSession,
    Tree,
    TreeId,
    TreeProgress,
    User,
)

# More would only make log-ins slower; the tests use less.
BCRYPT_COST = int(os.environ.get("BCRYPT_COST", "12"))


class Registration(BaseModel):
    username: str = Field(description="The name that others see.")
    email: str = Field(description="The address to log in with.")
    password: str = Field(description="At least eight characters.")


class Credentials(BaseModel):
    email: str = Field(description="The address of the account.")
    password: str = Field(description="Its password.")


class Score(BaseModel):
    score: float | None = Field(default=None, description="The result of the test, from 0 to 100, if there was one.")


app = FastAPI(title="Courses")
install(app, Settings.from_environment())


# --- accounts ---------------------------------------------------------------------------------------------------------


@app.post("/users", status_code=201)
async def register(new: Registration, service: Service) -> User:
    return await service.users.register(
        username=new.username, email=new.email, password=new.password, bcrypt_cost=BCRYPT_COST
    )


@app.post("/sessions", status_code=201)
async def log_in(given: Credentials, service: Service, request: Request) -> StartedSession:
    address = request.client.host if request.client else None
    return await service.accounts.log_in(given.email, given.password, address=address, bcrypt_cost=BCRYPT_COST)


@app.delete("/sessions/current", status_code=204)
async def log_out(learner: Learner) -> None:
    await learner.db.sessions.end(learner.id, learner.session.id)


# --- the catalogue, for everybody -------------------------------------------------------------------------------------


@app.get("/trees")
async def list_trees(visitor: Visitor, paging: Paging) -> Page[Tree]:
    return paging.link(await visitor.db.trees.list(after=paging.after, limit=paging.limit))


@app.get("/trees/{slug}")
async def load_tree(slug: str, visitor: Visitor) -> LoadedTree:
    return await visitor.db.trees.load(slug, visitor.id)


@app.get("/leaderboard")
async def leaderboard(service: Service) -> list[LeaderboardPlace]:
    return await service.leaderboards.top()


# --- what a learner does ----------------------------------------------------------------------------------------------


@app.post("/trees/{tree_id}/start")
async def start_tree(tree_id: TreeId, learner: Learner) -> TreeProgress:
    return await learner.db.progress.start_tree(learner.id, tree_id)


@app.post("/skills/{skill_id}/complete")
async def complete_skill(skill_id: SkillId, learner: Learner, given: Score | None = None) -> Completion:
    score = given.score if given else None
    return await learner.db.progress.complete_skill(learner.id, skill_id, score=score)


@app.get("/me")
async def dashboard(learner: Learner) -> Dashboard:
    return await learner.db.progress.dashboard(learner.id)


@app.get("/me/progress")
async def progress(learner: Learner, paging: Paging) -> Page[SkillProgress]:
    return paging.link(await learner.db.progress.list_for_user(learner.id, after=paging.after, limit=paging.limit))


@app.get("/me/export", response_class=StreamingResponse)
async def export(learner: Learner) -> StreamingResponse:
    """Send all data about the learner, piece by piece. A client that goes away ends the work on the server, too."""
    return StreamingResponse(learner.db.users.export(learner.id), media_type="application/json")
