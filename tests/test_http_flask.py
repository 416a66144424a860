"""The Flask example over real HTTP."""

from pathlib import Path

import web_load
from web_server import EXAMPLES, serving

# The example, and a route that shows the pool.
SERVED = """
from app import app
from skilltree.contrib.flask import database

@app.get("/statistics")
def statistics():
    return database().statistics()
"""
COMMAND = ["waitress", "--listen=127.0.0.1:{port}", "--threads=8", "served:app"]


def test_the_example_serves_learners_and_leaks_nothing(migrated_url: str, tmp_path: Path) -> None:
    (tmp_path / "served.py").write_text(SERVED)
    trees = web_load.prepare(migrated_url)
    url = f"{migrated_url} user=skilltree_app"

    with serving(COMMAND, folders=[tmp_path, EXAMPLES / "flask_app"], url=url, SKILLTREE_CAMEL_CASE="false") as server:
        web_load.check_a_journey(server, trees, camel_case=False)
        met = web_load.check_many_requests(server, trees, camel_case=False)
        web_load.check_nothing_leaked(server, migrated_url)
        web_load.check_an_absent_database(server, migrated_url)
        web_load.check_the_end(server, migrated_url)

    assert met["broken off"] > 30
    assert met["SessionExpired"] > 10
