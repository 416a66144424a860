"""The site of the documentation builds without a warning, loads nothing from elsewhere, and works for everybody."""

import shutil
import subprocess
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from playwright.sync_api import Browser

from tools.site.__main__ import build

PATHS = ["", "tutorial/", "guide/", "reference/schema/", "reference/queries/sessions/", "reference/errors/"]
SIZES = {"desktop": (1280, 900), "phone": (390, 844)}


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (the name in the base class)
        pass


@pytest.fixture(scope="module")
def origin(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("site") / "docs"
    assert build(folder) == 0
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder / "html"))) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


@pytest.fixture(scope="module")
def axe(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if shutil.which("npm") is None:
        pytest.skip("npm, which fetches axe-core, is not installed: apt-get install npm")
    folder = tmp_path_factory.mktemp("axe")
    subprocess.run(["npm", "install", "--silent", "axe-core@4"], cwd=folder, check=True, capture_output=True)
    return folder / "node_modules" / "axe-core" / "axe.min.js"


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pages_meet_wcag_aa_and_load_nothing_from_elsewhere(
    origin: str, axe: Path, browser: Browser, scheme: str, size: str
) -> None:
    width, height = SIZES[size]
    context = browser.new_context(viewport={"width": width, "height": height}, color_scheme=scheme)  # type: ignore[arg-type]  # one of both
    page = context.new_page()
    elsewhere: list[str] = []
    page.on("request", lambda request: elsewhere.append(request.url) if not request.url.startswith(origin) else None)
    found = {}
    for path in PATHS:
        page.goto(origin + path)
        page.add_script_tag(path=str(axe))
        result = page.evaluate("axe.run({runOnly: ['wcag2a', 'wcag2aa', 'wcag21aa']})")
        found[path] = [(fault["id"], fault["nodes"][0]["html"]) for fault in result["violations"]]

        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    context.close()

    assert found == {path: [] for path in PATHS}
    assert elsewhere == []


def test_the_search_is_used_with_the_keyboard(origin: str, browser: Browser) -> None:
    page = browser.new_page()
    page.goto(origin)
    page.locator("input[name=q]").first.focus()
    page.keyboard.type("streak")
    page.keyboard.press("Enter")
    page.locator("#search-results li a").first.wait_for()

    assert page.locator("#search-results li").count() > 0
    page.close()
