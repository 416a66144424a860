"""The FastAPI example over real HTTP."""

from pathlib import Path

import web_load
from web_server import EXAMPLES, serving

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
