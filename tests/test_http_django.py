"""The Django example over real HTTP: async views under ASGI. Sync views under WSGI are in test_http_docs.py."""

from pathlib import Path

import pytest

import web_load
from web_server import EXAMPLES, serving

# The example, and a route that shows the pool.
SERVED = """
from learning.asgi import application
from learning.urls import urlpatterns
from django.http import JsonResponse
from django.urls import path
from skilltree.contrib.django import adatabase

async def statistics(request):
    return JsonResponse((await adatabase()).statistics())

urlpatterns.append(path("statistics", statistics))
"""
COMMAND = ["uvicorn", "served:application", "--port={port}", "--log-level=warning"]


def test_the_example_serves_learners_and_leaks_nothing(migrated_url: str, tmp_path: Path) -> None:
    (tmp_path / "served.py").write_text(SERVED)
    trees = web_load.prepare(migrated_url)
    url = f"{migrated_url} user=skilltree_app"

    with serving(COMMAND, folders=[tmp_path, EXAMPLES / "django_app"], url=url) as server:
        web_load.check_a_journey(server, trees)
        met = web_load.check_many_requests(server, trees)
        web_load.check_nothing_leaked(server, migrated_url)
        web_load.check_an_absent_database(server, migrated_url)
        web_load.check_the_end(server, migrated_url)

    assert met["broken off"] > 30
    assert met["SessionExpired"] > 10


def test_an_application_that_cannot_reach_its_database_does_not_start(tmp_path: Path) -> None:
    command = ["uvicorn", "learning.asgi:application", "--port={port}"]

    with (
        pytest.raises(AssertionError, match="Application startup failed"),
        serving(command, folders=[EXAMPLES / "django_app"], url=f"host={tmp_path} dbname=none"),
    ):
        pass
