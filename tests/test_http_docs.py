"""The examples of docs/frameworks.md are served as they are written, and its tables say what the code does."""

import re
from pathlib import Path

import pytest

from skilltree import Database
from skilltree.contrib.problems import ANSWERS
from skilltree.testing import Factory
from web_server import serving

TEXT = (Path(__file__).parents[1] / "docs" / "frameworks.md").read_text()
FASTAPI, FLASK, SETTINGS, URLS = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)
WSGI = "from django.core.wsgi import get_wsgi_application\n\napplication = get_wsgi_application()\n"

SERVED = {
    "fastapi": ({"main.py": FASTAPI}, ["uvicorn", "main:app", "--port={port}"]),
    "flask": ({"app.py": FLASK}, ["waitress", "--listen=127.0.0.1:{port}", "app:app"]),
    "django": (
        {"settings.py": SETTINGS, "urls.py": URLS, "wsgi.py": WSGI},
        ["waitress", "--listen=127.0.0.1:{port}", "wsgi:application"],
    ),
}


@pytest.mark.parametrize("framework", SERVED)
def test_the_example_is_served_as_written(framework: str, migrated_url: str, tmp_path: Path) -> None:
    files, command = SERVED[framework]
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    with Database(migrated_url) as db:
        factory = Factory(db)
        trees = [factory.tree(slug=f"tree-{number}") for number in range(2)]
        ada = factory.learner(completed=trees[0].skills)
        token = db.as_service().sessions.start(ada.id).token
    url = f"{migrated_url} user=skilltree_app"

    with serving(command, folders=[tmp_path], url=url, DJANGO_SETTINGS_MODULE="settings") as server:
        page = server.ask("GET", "/trees?limit=1")
        me = server.ask("GET", "/me", token=token)
        answers = {
            "stranger": server.ask("GET", "/me"),
            "expired": server.ask("GET", "/trees", token="none"),
            "limit": server.ask("GET", "/trees?limit=x"),
            "cursor": server.ask("GET", "/trees?after=x"),
            "nowhere": server.ask("GET", "/nowhere"),
        }
        first = server.ask("GET", "/leaderboard").json()[0]
        ready = server.ask("GET", "/health/ready")

    assert page.json()["items"][0]["slug"] == "tree-0"
    assert page.headers["link"].endswith('>; rel="next"')
    assert (me.json()["userId"], me.json()["skillsCompleted"]) == (str(ada.id), 3)
    assert first["userId"] == str(ada.id)
    assert ready.json() == {"status": "ok"}
    assert {name: (reply.status, reply.json()["type"].rpartition(":")[2]) for name, reply in answers.items()} == {
        "stranger": (401, "LoginRequired"),
        "expired": (401, "SessionExpired"),
        "limit": (422, "InvalidRequest"),
        "cursor": (422, "InvalidCursor"),
        "nowhere": (404, "blank"),
    }
    assert answers["limit"].json()["errors"][0]["path"] == ["query", "limit"]


def test_the_table_of_errors_is_that_of_the_code() -> None:
    listed = {
        (int(status), name)
        for status, names in re.findall(r"^\| (\d{3}) \| (.*) \|$", TEXT, re.MULTILINE)
        for name in re.findall(r"`(\w+)`", names)
    }

    assert listed == {(answer.status, kind.__name__) for kind, answer in ANSWERS.items()}
