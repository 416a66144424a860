"""Django over real HTTP: the example, which has async views, under ASGI, and sync views under WSGI."""

from pathlib import Path

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
