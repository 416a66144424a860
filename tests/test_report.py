"""The HTML report of plans, in a real browser."""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page
from typer.testing import CliRunner

from skilltree.cli import app
from skilltree.errors import SkillTreeError
from skilltree.explain.report import model_of
from skilltree.explain.report_assets import assets

NAMES = ("trees/load", "progress/complete_skill", "leaderboards/top", "doctor/xp_total")


@pytest.fixture
def report(loaded_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    if shutil.which("npm") is None:
        pytest.skip("npm, which fetches pev2, is not installed: apt-get install npm")
    monkeypatch.setenv("DATABASE_URL", loaded_url)
    path = tmp_path / "plans.html"
    done = CliRunner().invoke(app, ["explain", *NAMES, "--html", str(path)], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return path


# EXPLAIN rounds the times of each node. pev2 subtracts the time of an InitPlan from each node that uses it, and warns
# when the result is negative. Rounding can cause this, so the test ignores the warning.
ROUNDED = "Duration is negative. This is probably a bug. Please report it at https://github.com/dalibo/pev2."


def console_errors_of(page: Page) -> list[str]:
    """Return a list that collects the errors and warnings of a page, except those about rounded times."""
    console_errors: list[str] = []

    def note(text: str) -> None:
        if " ".join(text.split()) != ROUNDED:
            console_errors.append(text)

    page.on("console", lambda message: note(message.text))
    page.on("pageerror", lambda error: console_errors.append(str(error)))
    return console_errors


@pytest.fixture
def page(browser: Browser, report: Path) -> Iterator[Page]:
    """The opened page. At the end it must have loaded no other resource and logged no warning."""
    page = browser.new_page()
    requests: list[str] = []
    console_errors = console_errors_of(page)
    page.on("request", lambda request: requests.append(request.url))
    page.goto(report.as_uri())
    yield page
    assert (requests, console_errors) == ([report.as_uri()], [])
    page.close()


def test_every_plan_is_drawn(page: Page) -> None:
    for name in NAMES:
        page.get_by_role("link", name=name).click()
        page.get_by_role("heading", name=name, exact=True).wait_for()
        page.locator(".plan .plan-node").first.wait_for()

        assert page.locator(".plan .plan-node").count() >= 2


def test_each_query_is_shown_with_its_sql_model_and_budget(page: Page) -> None:
    page.get_by_role("link", name="trees/load").click()
    page.get_by_text("SQL", exact=True).click()

    text = page.locator("main").inner_text()

    assert "A tree with its active skills" in text
    assert "with tree as (" in text
    for label, value in (("model", "LoadedTree"), ("as", "app_user")):
        assert page.locator("dl div", has=page.locator("dt", has_text=label)).first.locator("dd").inner_text() == value
    assert int(page.locator("dl div", has_text="budget").locator("dd").inner_text()) > 0


def test_warnings_are_shown_and_names_can_be_filtered(page: Page) -> None:
    page.get_by_label("Filter by name").fill("doctor")
    page.get_by_role("link").filter(has_text="doctor/xp_total").click()

    assert page.locator("nav li").count() == 1
    assert "rows of xp_events" in page.locator(".alert-warning").inner_text()


def test_pev2_shows_its_other_views(page: Page) -> None:
    page.locator(".plan .plan-node").first.wait_for()
    for view in ("Grid", "Raw", "Query", "Stats", "Plan"):
        page.locator(".plan .nav-link", has_text=view).first.click()

    page.locator(".plan .plan-node").first.wait_for()


def test_only_pev2s_warning_about_rounded_times_is_ignored(browser: Browser) -> None:
    [said] = re.findall(r"`(\s+Duration is negative[^`]+)`", "".join(assets().values()))
    page = browser.new_page()
    console_errors = console_errors_of(page)

    for text in (said, f"{said} Or not.", "Duration is negative."):
        page.evaluate("text => console.error(text)", text)
    page.evaluate("setTimeout(() => { throw new Error('broken') })")
    page.wait_for_timeout(100)
    page.close()

    assert console_errors == [f"{said} Or not.", "Duration is negative.", "broken"]


@pytest.mark.parametrize(
    ("query", "model"),
    [
        ("trees/load", "LoadedTree"),
        ("progress/complete_skill", "CompletionResult"),
        ("doctor/xp_total", "Drift"),
        ("progress/settle", "Outcome"),
        ("trees/lock", None),
    ],
)
def test_the_model_of_a_query_is_that_of_its_repository_method(query: str, model: str | None) -> None:
    assert model_of(query) == model


def test_a_package_with_a_wrong_checksum_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    (tmp_path / "skilltree").mkdir()
    (tmp_path / "skilltree" / "pev2-1.21.0.tgz").write_bytes(b"something else")

    with pytest.raises(SkillTreeError, match=r"is not the published pev2 1\.21\.0; remove it"):
        assets()
