"""The checklist of a release refuses what must not be released."""

import subprocess
from pathlib import Path

import pytest

from tools.release import faults


def git(folder: Path, *arguments: str) -> None:
    identity = ["-c", "user.name=Ada", "-c", "user.email=ada@example.org"]
    subprocess.run(["git", *identity, *arguments], cwd=folder, check=True, capture_output=True)


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    (tmp_path / "pyproject.toml").write_text('[project]\nversion = "1.2.0"\n')
    (tmp_path / "CITATION.cff").write_text("version: 1.2.0\n")
    (tmp_path / "CHANGELOG.md").write_text(
        "## [1.2.0] - 2026-11-29\n\n- A change.\n\n## [1.1.0] - 2026-01-01\n\n- Old.\n"
    )
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-q", "-m", "Start")
    return tmp_path


def commit(checkout: Path, file: str, text: str) -> None:
    (checkout / file).write_text(text)
    git(checkout, "commit", "-q", "-a", "-m", "Change")


def test_a_clean_checkout_with_an_entry_is_ready(checkout: Path) -> None:
    assert faults(checkout) == []


def test_a_dirty_tree_is_refused(checkout: Path) -> None:
    (checkout / "new.txt").write_text("new")

    assert faults(checkout) == ["the tree is not clean:\n?? new.txt"]


def test_a_version_with_a_tag_is_refused(checkout: Path) -> None:
    git(checkout, "tag", "v1.2.0")

    assert faults(checkout) == ["the tag v1.2.0 exists; raise the version in pyproject.toml"]


@pytest.mark.parametrize(
    "text", ["## [1.1.0] - 2026-01-01\n\n- Old.\n", "## [1.2.0] - 2026-11-29\n\n## [1.1.0]\n\n- Old.\n"]
)
def test_a_missing_or_empty_entry_is_refused(checkout: Path, text: str) -> None:
    commit(checkout, "CHANGELOG.md", text)

    assert faults(checkout) == ["CHANGELOG.md has no entry for 1.2.0"]


def test_an_entry_without_a_date_is_refused(checkout: Path) -> None:
    commit(checkout, "CHANGELOG.md", "## [1.2.0] - unreleased\n\n- A change.\n")

    assert faults(checkout) == ["CHANGELOG.md gives no date for 1.2.0: ## [1.2.0] - YYYY-MM-DD"]


def test_another_version_to_cite_is_refused(checkout: Path) -> None:
    commit(checkout, "CITATION.cff", "version: 1.1.0\n")

    assert faults(checkout) == ["CITATION.cff has another version than 1.2.0"]
