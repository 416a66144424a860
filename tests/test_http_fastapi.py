"""The FastAPI example over real HTTP."""

import runpy
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import uvicorn
from fastapi import APIRouter, FastAPI
from pydantic.alias_generators import to_camel, to_snake

import web_load
from skilltree import Database, Settings
from skilltree.contrib.fastapi import Database as Db
from skilltree.contrib.fastapi import Learner, SnakeCaseRoute, install
from skilltree.errors import InvalidSettings
from skilltree.models import Page, Standing, Tree, UserId
from skilltree.testing import Factory
from web_server import EXAMPLES, Reply, free_port, request, serving

# The example, and a route that shows the pool.
SERVED = """
from main import app
from skilltree.contrib.fastapi import Database

@app.get("/statistics", include_in_schema=False)
async def statistics(db: Database) -> dict[str, int]:
    return db.statistics()
"""
COMMAND = ["uvicorn", "served:app", "--port={port}", "--log-level=warning"]


def test_the_example_serves_learners_and_leaks_nothing(migrated_url: str, tmp_path: Path) -> None:
    (tmp_path / "served.py").write_text(SERVED)
    trees = web_load.prepare(migrated_url)
    url = f"{migrated_url} user=skilltree_app"

    with serving(COMMAND, folders=[tmp_path, EXAMPLES / "fastapi_app"], url=url) as server:
        web_load.check_a_journey(server, trees)
        met = web_load.check_many_requests(server, trees)
        web_load.check_nothing_leaked(server, migrated_url)
        web_load.check_an_absent_database(server, migrated_url)
        web_load.check_the_end(server, migrated_url)

    assert met["broken off"] > 30
    assert met["SessionExpired"] > 10


@pytest.mark.parametrize("camel_case", [True, False])
def test_openapi_describes_every_field_and_every_error(monkeypatch: pytest.MonkeyPatch, *, camel_case: bool) -> None:
    monkeypatch.setenv("DATABASE_URL", "dbname=none")
    monkeypatch.setenv("SKILLTREE_CAMEL_CASE", str(camel_case))
    app = runpy.run_path(str(EXAMPLES / "fastapi_app" / "main.py"))["app"]

    document = app.openapi()

    schemas = document["components"]["schemas"]
    unnamed = [
        f"{name}.{key}" for name, one in schemas.items() for key, told in fields(one) if "description" not in told
    ]
    assert unnamed == []
    assert {"Problem", "Dashboard", "Page_Tree_"} <= {*schemas}
    assert "HTTPValidationError" not in str(document)
    for path in document["paths"].values():
        for operation in path.values():
            assert "application/problem+json" in operation["responses"]["default"]["content"]
    keys = {key for name in ("Tree", "Page_Tree_", "LoadedTree", "LayoutConfig") for key, _ in fields(schemas[name])}
    assert ("categoryId" in keys, "category_id" in keys) == (camel_case, not camel_case)
    assert ("nodeSpacing" in keys, "node_spacing" in keys) == (camel_case, not camel_case)
    assert all(key == (to_camel(key) if camel_case else to_snake(key)) for key in keys)
    assert {*schemas["Tree"]["required"]} <= keys
    assert app.openapi() == document


def fields(schema: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    return [*schema.get("properties", {}).items()]


@contextmanager
def thread_server(app: FastAPI) -> Iterator[Callable[..., Reply]]:
    """Serve an application from a thread of this process."""
    port = free_port()
    server = uvicorn.Server(uvicorn.Config(app, port=port, log_level="critical"))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started:
            assert thread.is_alive()
            time.sleep(0.01)
        yield lambda path, **headers: request(port, "GET", path, **headers)
    finally:
        server.should_exit = True
        thread.join()


async def test_an_own_router_must_answer_in_the_same_case(migrated_url: str) -> None:
    settings = Settings(url=migrated_url, camel_case=False)
    router, other = APIRouter(), APIRouter(route_class=SnakeCaseRoute)

    @router.get("/one")
    @other.get("/other")
    def one() -> Standing:
        return Standing(total_xp=1, level=1, current_streak=0, max_streak=0)

    app = FastAPI()
    install(app, settings)
    app.include_router(other)
    async with app.router.lifespan_context(app):
        pass

    app.include_router(router)
    with pytest.raises(InvalidSettings, match="/one answers in camelCase"):
        async with app.router.lifespan_context(app):
            pass


def test_a_cookie_a_crash_and_the_life_of_the_application(migrated_url: str) -> None:
    life: list[str] = []

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        life.append("begun")
        yield
        life.append("ended")

    app = FastAPI(lifespan=lifespan)
    install(app, Settings(url=f"{migrated_url} user=skilltree_app", session_cookie="session"))

    @app.get("/crash")
    def crash() -> None:
        raise RuntimeError("hunter2")

    @app.get("/me")
    async def me(learner: Learner) -> UserId:
        return learner.id

    @app.get("/fault")
    async def fault(db: Db) -> Page[Tree]:
        await db.progress.dashboard(UserId(uuid4()))
        raise AssertionError

    with Database(migrated_url) as db:
        ada = Factory(db).learner()
        token = db.as_service().sessions.start(ada.id).token

    with thread_server(app) as ask:
        assert life == ["begun"]
        assert ask("/me", Cookie=f"session={token}").json() == str(ada.id)
        assert ask("/me", Cookie=f"session={token}", Authorization="Bearer none").status == 401
        crashed = ask("/crash")
        assert (crashed.status, crashed.json()["title"]) == (500, "Internal Server Error")
        assert b"hunter2" not in crashed.body
        faulty = ask("/fault")
        assert (faulty.status, faulty.json()["type"]) == (500, "urn:skilltree:error:ScopeMissing")
    assert life == ["begun", "ended"]
