"""The site of the documentation builds without a warning, loads nothing from elsewhere, and works for everybody."""

import re
import shutil
import subprocess
from collections.abc import Iterator
from functools import partial
from html.parser import HTMLParser
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from urllib.parse import unquote, urlsplit

import pytest
from playwright.sync_api import Browser

from skilltree._core.sql_folders import folder
from skilltree.explain.kept_plans import kept
from tools.site import __main__ as builder
from tools.site.__main__ import build, check

PATHS = [
    *["", "tutorial/", "guide/", "comparison/", "benchmarks/", "figures/", "decisions/", "search/?q=streak"],
    *["reference/schema/", "reference/queries/leaderboards/", "reference/queries/sessions/", "reference/errors/"],
]
HOSTS = {"github.com", "keepachangelog.com", "opentelemetry.io", "semver.org", "www.postgresql.org"}
SIZES = {"desktop": (1280, 900), "phone": (390, 844)}


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (the name in the base class)
        pass


class Page(HTMLParser):
    """The ids of a page, and where it leads."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.ids: set[str] = set()
        self.leads_to: set[str] = set()
        self.feed(path.read_text())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        self.ids |= {value for name in ("id", "name") if (value := values.get(name))}
        self.leads_to |= {value for name in ("href", "src", "action", "data") if (value := values.get(name))}


@pytest.fixture(scope="module")
def html(tmp_path_factory: pytest.TempPathFactory) -> Path:
    site = tmp_path_factory.mktemp("site") / "docs"
    assert build(site) == 0
    return site / "html"


@pytest.fixture(scope="module")
def origin(html: Path) -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(html))) as server:
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


def test_every_link_leads_to_a_page_and_an_anchor_of_the_site_or_to_a_known_host(html: Path) -> None:
    pages = {path: Page(path) for path in html.rglob("*.html")}
    lost, hosts = [], set()
    for path, page in pages.items():
        for link in page.leads_to:
            parts = urlsplit(link)
            if parts.scheme:
                hosts.add(parts.netloc or parts.scheme)
                continue
            there = path.parent.joinpath(unquote(parts.path)).resolve() if parts.path else path
            there = there / "index.html" if there.is_dir() else there
            if not there.is_file() or (there in pages and parts.fragment not in {"", *pages[there].ids}):
                lost.append(f"{path.relative_to(html)}: {link}")

    assert lost == []
    assert hosts == HOSTS


def test_a_plan_is_drawn_for_each_query_that_has_one(html: Path) -> None:
    drawn = {
        name
        for path in html.glob("reference/queries/*/index.html")
        for name in re.findall(r"<summary>Plan of ([\w/]+): \d+ nodes?, [\d,]+ buffers", path.read_text())
    }

    assert drawn == set(kept(folder("queries")))


def test_a_page_with_a_broken_link_fails_the_check_each_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    texts = {"index.md": b"# Home\n\n```{toctree}\n:caption: All\n\nother\n```\n", "other.md": b"# Other\n"}
    monkeypatch.setattr(builder, "_pages", lambda: texts)

    assert check(tmp_path) == 0
    texts["other.md"] = b"# Other\n\n[Lost](index.md#nowhere)\n"
    assert [check(tmp_path), check(tmp_path)] == [1, 1]
    assert "other.md:3" in capfd.readouterr().err
    texts["other.md"] = b"# Other\n"
    assert check(tmp_path) == 0
    # A link to what another page has no more.
    texts["index.md"] = texts["index.md"].replace(b"# Home", b"# Home\n\n## Part\n\n[Other](other.md#a-part)")
    texts["other.md"] = b"# Other\n\n## A part\n"
    assert check(tmp_path) == 0
    texts["other.md"] = b"# Other\n\n## Another part\n"
    assert check(tmp_path) == 1


# Colours depend on the scheme, and what fits on the size.
@pytest.mark.parametrize(("scheme", "size"), [("light", "phone"), ("dark", "desktop")])
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


def test_a_plan_is_opened_with_the_keyboard(origin: str, browser: Browser) -> None:
    page = browser.new_page()
    page.goto(f"{origin}reference/queries/leaderboards/")
    closed = page.locator("details:not([open]):has(.plan) > summary").first
    closed.focus()
    page.keyboard.press("Enter")

    page.locator("details[open] .plan").first.wait_for()
    assert page.evaluate("document.activeElement.parentElement.open")
    page.close()


def test_the_search_is_used_with_the_keyboard(origin: str, browser: Browser) -> None:
    page = browser.new_page()
    page.goto(origin)
    page.locator("input[name=q]").first.focus()
    page.keyboard.type("streak")
    page.keyboard.press("Enter")
    page.locator("#search-results li a").first.wait_for()

    assert page.locator("#search-results li").count() > 0
    page.close()
