"""Repositories of an application behind a web framework."""

import json
from typing import Any

import pytest
from fastapi import FastAPI
from flask import Flask

import shop_web
from _sync.shop import ShopScope
from skilltree import Settings
from skilltree.contrib import flask
from skilltree.errors import InvalidSettings

PATHS = ("/visitor", "/service", "/plain")


@pytest.fixture
def settings(migrated_url: str) -> Settings:
    return Settings(url=f"{migrated_url} user=skilltree_app")


async def got(app: FastAPI, path: str) -> tuple[int, Any]:
    """Send a request to an application without a server."""
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b""}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "GET", "path": path, "query_string": b"", "headers": []}
    await app(scope, receive, send)
    return sent[0]["status"], json.loads(b"".join(each.get("body", b"") for each in sent))


async def test_fastapi_gives_the_repositories_of_the_application(settings: Settings) -> None:
    app = shop_web.with_fastapi(settings)

    async with app.router.lifespan_context(app):
        told = [await got(app, path) for path in PATHS]
        refused, _ = await got(app, "/learner")

    assert told == [(200, "AsyncCourses"), (200, "AsyncCourses"), (200, "AsyncShopScope")]
    assert refused == 401


def test_flask_gives_the_repositories_of_the_application(settings: Settings) -> None:
    client = shop_web.with_flask(settings).test_client()

    assert [client.get(path).text for path in PATHS] == ["Courses", "Courses", "ShopScope"]
    assert client.get("/learner").status_code == 401


def test_a_scope_that_is_not_installed_is_refused(settings: Settings) -> None:
    app = Flask(__name__)
    flask.install(app, settings)

    with app.test_request_context(), pytest.raises(InvalidSettings, match="those of Scope, not of ShopScope"):
        flask.service(ShopScope)
    with app.test_request_context(), pytest.raises(InvalidSettings, match="install your own class of the database"):
        flask.visitor(ShopScope)
