"""A web application with repositories of its own. Type checkers read this, too, and know each repository."""

from typing import assert_type
from uuid import UUID

from fastapi import FastAPI
from flask import Flask

from _async.shop import AsyncCourses, AsyncShop, AsyncShopScope, AsyncShopUnit
from _sync.shop import Courses, Shop, ShopScope
from skilltree import AsyncScope, Scope, Settings
from skilltree.contrib import fastapi, flask
from skilltree.contrib.fastapi import Learner, Service, Visitor


def with_fastapi(settings: Settings) -> FastAPI:
    """Return an application whose answers tell the classes of its repositories."""
    app = FastAPI()
    fastapi.install(app, settings, database=AsyncShop)

    @app.get("/visitor")
    async def visitor(visitor: Visitor[AsyncShopScope]) -> str:
        assert_type(visitor.db.courses, AsyncCourses)
        async with visitor.db as unit:
            assert_type(unit, AsyncShopUnit)
        return type(visitor.db.courses).__name__

    @app.get("/service")
    async def service(service: Service[AsyncShopScope]) -> str:
        assert_type(service, AsyncShopScope)
        return type(service.courses).__name__

    @app.get("/plain")
    async def plain(visitor: Visitor, service: Service) -> str:
        assert_type(visitor.db, AsyncScope)
        assert_type(service, AsyncScope)
        return type(visitor.db).__name__

    @app.get("/learner")
    async def learner(learner: Learner[AsyncShopScope]) -> UUID:
        assert_type(learner.db, AsyncShopScope)
        return learner.id

    return app


def with_flask(settings: Settings) -> Flask:
    """Return an application whose answers tell the classes of its repositories."""
    app = Flask(__name__)
    flask.install(app, settings, database=Shop)

    @app.get("/visitor")
    def visitor() -> str:
        visitor = flask.visitor(ShopScope)
        assert_type(visitor.db.courses, Courses)
        return type(visitor.db.courses).__name__

    @app.get("/service")
    def service() -> str:
        assert_type(flask.service(ShopScope), ShopScope)
        return type(flask.service(ShopScope).courses).__name__

    @app.get("/plain")
    def plain() -> str:
        assert_type(flask.visitor().db, Scope)
        return type(flask.visitor().db).__name__

    @app.get("/learner")
    def learner() -> str:
        assert_type(flask.learner(ShopScope).db, ShopScope)
        return str(flask.learner(ShopScope).id)

    return app
