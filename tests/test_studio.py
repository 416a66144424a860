"""Studio over real HTTP: who sees what, that nothing is written, and that a stranger sees nothing."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from playwright.sync_api import Page, sync_playwright
from typer.testing import CliRunner

from deployment import Deployment
from skilltree import Database
from skilltree._core.queries import made
from skilltree.cli import app
from skilltree.errors import InvalidValue, ServerReadOnly, StatementTimeout
from skilltree.explain.samples import find, has_plan, names
from skilltree.studio import database, run, server
from skilltree.studio.access import Access, RemoteBindRefused
from skilltree.studio.database import Reader, read_only
from skilltree.studio.viewpoint import Viewpoint, viewpoint
from studio_client import Client, studio

OWNER, SERVICE = Viewpoint("owner"), Viewpoint("service")
HOSTILE = """<script>alert("1")</script><img src=x onerror='alert(2)'>"""


@pytest.fixture(scope="module")
def inside(deployment: Deployment) -> Iterator[Client]:
    """Studio for the owner, who is no superuser, of a database with the learners ada and grace."""
    with studio(deployment.owner_url) as client:
        yield client


def pages(deployment: Deployment) -> dict[str, str]:
    """Return a page of each kind. Those with a learner are grace's."""
    grace = deployment.grace
    return {
        "catalogue": "/",
        "search": "/?q=web",
        "tree": f"/trees/{grace.slug}",
        "tree of learner": f"/trees/{grace.slug}?learner={grace.user_id}",
        "tree by id": f"/trees/id/{grace.tree_id}",
        "skill": f"/skills/{grace.locked_id}",
        "skill of learner": f"/skills/{grace.locked_id}?learner={grace.user_id}",
        "learners": "/learners",
        "learner found": f"/learners?q={grace.username}",
        "learner": f"/learners/{grace.user_id}",
        "trail": "/trail",
        "trail of a row": f"/trail?table=skills&id={grace.locked_id}",
        "trail of a learner": f"/trail?table=user_skill_progress&id={grace.done_id}&learner={grace.user_id}",
        "queries": "/queries",
        "query": "/queries/trees/load",
        "run": f"/queries/trees/load?p.slug={grace.slug}&p.user_id={grace.user_id}&run=1",
        "plan": f"/queries/trees/load?p.slug={grace.slug}&plan=1",
    }


def with_view(path: str, view: str) -> str:
    return f"{path}{'&' if '?' in path else '?'}as={view}"


# --- strangers --------------------------------------------------------------------------------------------------------


def test_a_stranger_gets_403_for_every_address(inside: Client, deployment: Deployment) -> None:
    access = inside.server.access
    others = ["/static/studio.css", "/static/../access.py", "/edits/publish", "/nothing", "//", "/?token=", "/?token=x"]
    strangers = [
        Client(inside.server),
        Client(inside.server, f"{access.cookie}={access.token}"),
        Client(inside.server, f"{access.cookie}="),
        Client(inside.server, f"studio-1={access.session}"),
    ]

    for path in [*pages(deployment).values(), *others]:
        for stranger in strangers:
            for method in ("GET", "POST", "HEAD", "OPTIONS", "DELETE"):
                answer = stranger.send(method, path)

                assert (answer.status, path) == (403, path)
                assert answer.text == "" or answer.text.startswith("403 Forbidden.")
                assert "set-cookie" not in answer.headers


def test_a_rebound_host_name_and_another_sites_form_get_403_even_with_the_cookie(inside: Client) -> None:
    for host in ("evil.example", f"evil.example:{inside.port}", "127.0.0.1", f"127.0.0.1:{inside.port + 1}"):
        assert inside.send("GET", "/", headers={"Host": host}).status == 403
    for host in (f"localhost:{inside.port}", f"127.0.0.1:{inside.port}"):
        assert inside.send("GET", "/", headers={"Host": host}).status == 200
    assert inside.post("/edits/publish", {}, Origin="https://evil.example").status == 403


def test_the_token_becomes_a_cookie_that_scripts_and_other_sites_cannot_use(inside: Client) -> None:
    token = inside.server.access.token

    answer = Client(inside.server).get("/trees/web", learner="ada", token=token)
    twisted = Client(inside.server).send("GET", f"//evil.example/?token={token}")

    assert (answer.status, answer.headers["location"]) == (303, "/trees/web?learner=ada")
    assert re.search("; HttpOnly.*; SameSite=strict", answer.headers["set-cookie"])
    assert token not in answer.headers["set-cookie"]
    assert twisted.headers["location"] == "/evil.example/"
    assert answer.headers["content-security-policy"].startswith(
        "default-src 'none'; style-src 'self'; script-src 'self'"
    )
    assert "unsafe" not in answer.headers["content-security-policy"]


@pytest.mark.parametrize("address", ["0.0.0.0", "::", "192.0.2.7", "example.org"])  # noqa: S104 (refused)
def test_an_address_that_others_reach_is_refused_without_tls(address: str, migrated_url: str) -> None:
    with pytest.raises(RemoteBindRefused, match="--behind-tls"):
        Access(address=address, port=1)
    with pytest.raises(InvalidValue, match="such as https://"):
        Access(address=address, port=1, behind_tls="http://studio.example.org")

    done = CliRunner().invoke(app, ["studio", "--address", address], env={"DATABASE_URL": migrated_url})

    assert done.exit_code == 1
    assert "RemoteBindRefused" in done.output


def test_behind_tls_only_the_proxys_name_is_known_and_the_cookie_is_secure(migrated_url: str) -> None:
    with studio(migrated_url, behind_tls="https://studio.example.org") as client:
        token = client.server.access.token
        name = {"Host": "studio.example.org"}

        entered = client.send("GET", f"/?token={token}", headers={**name, "Cookie": ""})

        assert client.server.access.url == f"https://studio.example.org/?token={token}"
        assert re.match("__Host-studio-.*; Secure", entered.headers["set-cookie"])
        assert client.send("GET", "/").status == 403
        assert client.send("GET", "/", headers=name).status == 200


def test_the_command_prints_an_address_that_opens_studio(deployment: Deployment) -> None:
    command = [sys.executable, "-m", "skilltree", "studio", "--port", "0"]
    environment = os.environ | {"DATABASE_URL": deployment.app_url}
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        address = process.stdout.readline().strip()
        process.terminate()

    assert re.fullmatch(r"http://127\.0\.0\.1:\d+/\?token=[\w-]{43}", address)


# --- viewpoints -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("view", ["owner", "service"])
def test_the_owner_and_the_service_open_every_page(inside: Client, deployment: Deployment, view: str) -> None:
    for name, path in pages(deployment).items():
        answer = inside.get(with_view(path, view))

        assert answer.status in {200, 303}, name
        assert answer.status == 303 or "<h1>" in answer.text
        assert 'role="alert"' not in answer.text, name

    lock = inside.get(with_view(pages(deployment)["skill of learner"], view)).text
    learner = inside.get(with_view(pages(deployment)["learner"], view)).text

    assert "grace: " in lock
    assert "The shortest way to open it: 1 step" in lock
    assert deployment.leaked(learner)
    assert "192.0.2.5" in learner


def test_a_learner_sees_what_row_level_security_shows_and_nothing_of_others(
    inside: Client, deployment: Deployment
) -> None:
    view = f"learner:{deployment.ada.user_id}"
    expected = {"tree of learner": 404, "skill of learner": 404, "learner": 404, "learner found": 403}
    expected |= {"trail of a row": 403, "trail of a learner": 403, "tree by id": 303}

    for name, path in pages(deployment).items():
        answer = inside.get(with_view(path, view))

        assert (name, answer.status) == (name, expected.get(name, 200))
        assert deployment.leaked(answer.text.replace('name="q" value="grace"', "")) == [], name

    own = inside.get(f"/learners/{deployment.ada.user_id}", as_=view)
    listed = inside.get("/learners", as_=view).text
    tree = inside.get(f"/trees/{deployment.ada.slug}", as_=view).text

    assert (own.status, "ada@" in own.text) == (200, True)
    assert "as app_engine" in own.text
    assert listed.count('<th scope="row">') == 1
    assert "1 of " in tree


def test_a_visitor_sees_the_published_catalogue(inside: Client, deployment: Deployment) -> None:
    assert inside.get("/", as_="visitor").status == 200
    assert inside.get("/learners", as_="visitor").text.count('<th scope="row">') == 0
    assert inside.get(f"/learners/{deployment.grace.user_id}", as_="visitor").status == 404


def test_the_applications_login_role_begins_as_the_service(deployment: Deployment) -> None:
    with studio(deployment.app_url) as client:
        assert client.get("/learners").text.count('<th scope="row">') >= 2
        assert client.get(f"/learners/{deployment.grace.user_id}", as_="owner").status == 403


@pytest.mark.parametrize(
    "path", ["/?as=root", "/learners?after=x", "/trail?table=users&id=x", f"/trail?table=pg_authid&id={UUID(int=1)}"]
)
def test_a_wrong_parameter_is_named(inside: Client, path: str) -> None:
    answer = inside.get(path)

    assert answer.status == 400
    assert re.search("<h1>Invalid(Value|Cursor)</h1>", answer.text)


# --- nothing is written -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("view", [OWNER, SERVICE])
def test_the_server_refuses_a_write_on_the_connections_of_the_pages(deployment: Deployment, view: Viewpoint) -> None:
    reader = Reader(deployment.owner_url, timeout=5)
    reader.open()
    try:
        with pytest.raises(ServerReadOnly), reader.page(view) as (unit, _):
            unit.trees.unpublish(deployment.ada.tree_id)
    finally:
        reader.close()

    with Database(deployment.url) as db:
        assert db.trees.get(deployment.ada.tree_id).is_published


def test_a_session_that_could_write_is_not_read(deployment: Deployment, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "_READ_ONLY", "-c default_transaction_read_only=off")
    with studio(deployment.owner_url) as client:
        answer = client.get("/")

    assert (answer.status, "<h1>NotReadOnly</h1>" in answer.text) == (500, True)


@pytest.mark.parametrize("name", ["trees/unpublish", "audit/drop_partitions", "sessions/expire_idle"])
def test_a_query_file_that_writes_is_refused_by_name_and_by_the_server(
    inside: Client, deployment: Deployment, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    asked = {"p.tree_id": deployment.ada.tree_id, "p.months_kept": 1, "p.idle_for": "0", "p.limit": 9, "run": 1}

    refused = inside.get(f"/queries/{name}", **asked).text
    planned = inside.get(f"/queries/{name}", plan=1).text
    monkeypatch.setattr(run, "writes", lambda query: False)
    tried = inside.get(f"/queries/{name}", **asked).text

    if "/audit/" not in f"/{name}":
        assert "<h3>WritesRefused</h3>" in refused
        assert "only estimated" in planned
    assert 'role="alert"' in tried
    with Database(deployment.url) as db:
        assert db.trees.get(deployment.ada.tree_id).is_published
        assert db.sessions.list_active(deployment.ada.user_id)


def test_a_run_has_a_row_limit_a_time_limit_and_hides_hashes(deployment: Deployment) -> None:
    url = read_only(deployment.owner_url)
    many = made("x/many", b"select generate_series(1, 100000) as n, 'infinity'::date as forever;", "")
    slow = made("x/slow", b"select pg_sleep(9);", "")
    secret = made("x/secret", b"select password_hash, repeat('x', 9000) as long from users limit 1;", "")

    found = run.run(url, many, {}, OWNER, timeout=5)
    ((hidden, long),) = run.run(url, secret, {}, SERVICE, timeout=5).rows

    assert (len(found.rows), found.has_more, found.rows[0]) == (run.MOST_ROWS, True, ["1", "infinity"])
    assert (hidden, len(long or "")) == ("(secret)", 2002)
    with pytest.raises(StatementTimeout):
        run.run(url, slow, {}, OWNER, timeout=0.1)


def test_a_learner_runs_a_query_file_under_row_level_security(inside: Client, deployment: Deployment) -> None:
    ada, grace = deployment.ada, deployment.grace
    found = {
        view: inside.get("/queries/users/get_profile", **{"p.user_id": grace.user_id, "run": 1, "as_": view}).text
        for view in ("service", f"learner:{ada.user_id}", f"learner:{grace.user_id}", "visitor")
    }

    shown = [re.search(r"(\d+) rows? as (\w+),", text) for text in found.values()]

    assert [each and each.groups() for each in shown] == [
        ("1", "app_service"),
        ("0", "app_engine"),
        ("1", "app_engine"),
        ("0", "app_engine"),
    ]


def test_every_query_file_has_a_page_and_those_of_learners_a_measured_plan(inside: Client) -> None:
    for name in names():
        answer = inside.get(f"/queries/{name}")

        assert (answer.status, f"<h1>{name}</h1>" in answer.text) == (200, True), name

    for name in [each for each in names() if each.startswith(("studio/", "trees/l", "users/get"))]:
        plan = inside.get(f"/queries/{name}", samples=1, plan=1).text

        assert has_plan(find(name))
        assert re.search(r"Plan as \w+(: [\d,]+ buffers here, budget [\d,]+|, only estimated)", plan), name


OWN_QUERY = """-- The trees of one learner.
--
-- @sample user_id: (select id from users order by id limit 1)
select user_skill_tree_progress.skill_tree_id
from user_skill_tree_progress
where user_skill_tree_progress.user_id = %(user_id)s
order by user_skill_tree_progress.skill_tree_id;
"""


def test_the_query_files_of_an_application_are_listed_first_and_run(deployment: Deployment, tmp_path: Path) -> None:
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes/own_trees.sql").write_text(OWN_QUERY)
    ada, grace = deployment.ada.user_id, deployment.grace.user_id

    with studio(deployment.owner_url, queries=tmp_path) as client:
        listed = re.findall(r'<th scope="row"><a href="([^"]+)', client.get("/queries").text)
        page = "/queries/notes/own_trees"
        runs = [
            client.get(page, **{"p.user_id": grace, "run": 1, "as_": f"learner:{each}"}).text for each in (grace, ada)
        ]
        plan = client.get(page, samples=1, plan=1).text
        theirs = client.get("/queries/trees/load")

    assert listed[0] == page
    assert len(listed) == len([each for each in names() if not each.startswith("json/")]) + 1
    assert [re.findall(r"(\d+) rows? as", each) for each in runs] == [["1"], ["0"]]
    assert re.search(r"Plan as app_user: [\d,]+ buffers here", plan)
    assert theirs.status == 200


def test_the_command_shows_the_query_files_of_the_project_it_runs_in(
    migrated_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "queries/notes").mkdir(parents=True)
    (tmp_path / "pyproject.toml").write_text('[tool.skilltree]\nqueries = "queries"\n')
    given: list[Path | None] = []
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DATABASE_URL", migrated_url)
    made_with = server.Server.__init__

    def remembering(self: server.Server, url: str, **options: Any) -> None:
        given.append(options["queries"])
        made_with(self, url, **options)

    monkeypatch.setattr(server.Server, "__init__", remembering)
    monkeypatch.setattr(server.Server, "run", lambda self: self._socket.close())

    done = CliRunner().invoke(app, ["studio", "--port", "0"])

    assert (done.exit_code, given) == (0, [tmp_path / "queries"]), done.output


# --- cost -------------------------------------------------------------------------------------------------------------

# The pages with the most statements that each may run, and the buffers it may touch on the large data set.
MOST = {
    "/": (2, 400),
    "/?q=web": (2, 3000),
    "/trees/{slug}": (1, 400),
    "/trees/{slug}?learner={user}": (2, 400),
    "/skills/{skill}?learner={user}": (6, 500),
    "/learners": (1, 400),
    "/learners/{user}": (7, 1200),
    "/trail?table=skills&id={skill}": (1, 400),
    "/queries": (0, 0),
    "/queries/trees/load": (0, 0),
}


@pytest.mark.parametrize("view", ["owner", "service", "learner"])
def test_each_page_has_few_statements_within_its_budget_on_a_large_data_set(loaded_url: str, view: str) -> None:
    with psycopg.connect(loaded_url) as connection:
        (row,) = connection.execute(
            "select user_skill_progress.user_id, skill_id, skill_trees.slug from user_skill_progress"
            " inner join skill_trees on skill_tree_id = skill_trees.id"
            " order by (select skills_completed from user_profiles where user_id = user_skill_progress.user_id) desc"
            " limit 1"
        ).fetchall()
    user, skill, slug = row
    with studio(loaded_url) as client:
        for path, (statements, buffers) in MOST.items():
            if view == "learner" and path.startswith("/trail"):
                continue
            answer = client.get(
                with_view(
                    path.format(user=user, skill=skill, slug=slug), f"learner:{user}" if view == "learner" else view
                )
            )

            assert answer.status == 200, answer.text
            extra = 1 if view == "learner" and "learner=" not in path and path.startswith("/trees") else 0
            assert answer.statements <= statements + extra, (path, answer.statements)
            assert answer.buffers <= buffers, (path, answer.buffers)


# --- edits ------------------------------------------------------------------------------------------------------------


def test_without_allow_edits_there_is_no_form_and_no_edit(inside: Client, deployment: Deployment) -> None:
    fields = {"id": str(deployment.ada.tree_id), "step": "save", "actor": "ada"}

    assert inside.get("/edits/unpublish", id=deployment.ada.tree_id).status == 404
    assert inside.post("/edits/unpublish", {**fields, "form_token": inside.server.access.form_token}).status == 404
    assert "/edits/" not in inside.get(pages(deployment)["tree"]).text


@pytest.fixture
def hostile_url(migrated_url: str) -> str:
    """A database whose every name is hostile, with the learner mallory."""
    with Database(migrated_url) as db:
        mallory = db.users.register(
            email="mallory@example.org", username="mallory", password="correct horse", first_name=HOSTILE, bcrypt_cost=4
        )
        db.users.update_profile(mallory.id, bio=HOSTILE)
        category = db.categories.create(name=HOSTILE[:50], slug="c", description=HOSTILE)
        tree = db.trees.create(category.id, name=HOSTILE, slug="t", description=HOSTILE, short_description=HOSTILE)
        db.trees.publish(tree.id)
        first = db.skills.create(tree.id, name=HOSTILE, short_name=HOSTILE[:50], description=HOSTILE, key="a")
        db.skills.create(tree.id, name=f"Second {HOSTILE}", dependencies=[first.id], key="b")
        db.progress.start_skill(mallory.id, first.id)
        db.sessions.start(mallory.id, device_info={"os": HOSTILE})
    return migrated_url


def test_hostile_names_are_only_text(hostile_url: str) -> None:
    with Database(hostile_url) as db, studio(hostile_url, allow_edits=True) as client:
        tree, user = db.trees.find_by_slug("t"), db.users.find_by_username("mallory")
        assert tree is not None
        assert user is not None
        first, second = db.skills.list_for_tree(tree.id)
        paths = [
            "/",
            "/?q=script",
            f"/?q={HOSTILE[:30].replace(' ', '+')}",
            "/trees/t?learner=mallory",
            f"/skills/{second.id}?learner=mallory",
            f"/learners/{user.id}",
            f"/trail?table=skills&id={first.id}",
            f"/trail?table=users&id={user.id}",
            f"/edits/skill?id={first.id}",
            "/queries/trees/load?p.slug=t&null.user_id=1&run=1",
            '/queries/trees/load?p.slug="><script>alert(1)</script>',
            '/trees/"><script>alert(1)</script>',
            "trail?table=<script>&id=<script>".join(("/", "")),
        ]

        for path in paths:
            answer = client.get(path.replace("<", "%3C").replace(">", "%3E").replace('"', "%22").replace(" ", "+"))

            assert answer.status in {200, 400, 404}, path
            assert "<script>alert" not in answer.text, path
            assert "<img" not in answer.text, path
            assert answer.text.count("<script") == 1, path


def test_an_edit_is_previewed_and_then_saved_with_its_actor_on_the_trail(hostile_url: str) -> None:
    with Database(hostile_url) as db, studio(hostile_url, allow_edits=True) as client:
        tree, user = db.trees.find_by_slug("t"), db.users.find_by_username("mallory")
        assert tree is not None
        assert user is not None
        first, _ = db.skills.list_for_tree(tree.id)

        form = client.get("/edits/skill", id=first.id).hidden("<h1>")
        wanted = {**form, "name": "Named", "description": "Plain.", "optional": "yes", "actor": "mallory"}
        preview = client.post("/edits/skill", {**wanted, "step": "preview"})
        unchanged = db.skills.get(first.id)
        shown = preview.hidden('id="preview"')
        other = client.post("/edits/skill", {**shown, "name": "Not previewed", "step": "save"})
        forged = client.post("/edits/skill", {**shown, "form_token": "x", "step": "save"})
        nobody = client.post("/edits/skill", {**wanted, "actor": "nobody", "step": "preview"})
        untouched = db.skills.get(first.id)
        saved = client.post("/edits/skill", {**shown, "step": "save"})
        trail = client.get(saved.headers["location"])

        assert preview.status == 200
        assert "Preview: nothing is saved yet" in preview.text
        assert ">Named</td>" in preview.text
        assert "Nothing changes for 1 learner with progress" in preview.text
        assert unchanged == untouched == first
        assert (other.status, forged.status, nobody.status) == (400, 403, 404)
        assert saved.status == 303
        changed = db.skills.get(first.id)
        assert (changed.name, changed.description, changed.is_optional) == ("Named", "Plain.", True)
        assert changed.updated_by == user.id
        assert f'app_service<br><a href="/learners/{user.id}">' in trail.text


def test_a_tree_is_unpublished_and_a_day_is_given_back(hostile_url: str) -> None:
    with Database(hostile_url) as db, studio(hostile_url, allow_edits=True) as client:
        tree, user = db.trees.find_by_slug("t"), db.users.find_by_username("mallory")
        assert tree is not None
        assert user is not None
        told = []
        for name, id_, fields in (
            ("unpublish", tree.id, {}),
            ("streak", user.id, {"days": "2026-01-01 2026-01-02", "reason": "An outage"}),
        ):
            form = {**client.get(f"/edits/{name}", id=id_).hidden("<h1>"), **fields, "actor": str(user.id)}
            preview = client.post(f"/edits/{name}", {**form, "step": "preview"})
            told.append(preview.text)
            saved = client.post(f"/edits/{name}", {**preview.hidden('id="preview"'), "step": "save"})
            assert saved.status == 303, saved.text

        assert "1 learner with progress in it: it is kept." in told[0]
        assert "2026-01-01, 2026-01-02" in told[1]
        assert not db.trees.get(tree.id).is_published
        assert db.users.get_profile(user.id).max_streak == 2
        assert client.post("/edits/streak", {**form, "days": "soon", "step": "preview"}).status == 400


# --- the browser ------------------------------------------------------------------------------------------------------


@pytest.fixture
def page(inside: Client) -> Iterator[Page]:
    """A page of Chromium inside Studio. At the end, no page has logged an error or loaded anything from elsewhere."""
    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if program is None:
        pytest.skip("Chromium is not installed: apt-get install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        page = browser.new_page()
        errors: list[str] = []
        elsewhere: list[str] = []
        page.on("console", lambda message: errors.append(message.text))
        page.on("pageerror", lambda error: errors.append(str(error)))
        origin = f"http://127.0.0.1:{inside.port}/"
        page.on("request", lambda request: elsewhere.append(request.url))
        page.goto(inside.server.access.url)
        yield page
        browser.close()
        assert (errors, [url for url in elsewhere if not url.startswith(origin)]) == ([], [])


def test_the_pages_work_in_a_browser_with_the_keyboard(page: Page, inside: Client, deployment: Deployment) -> None:
    base = f"http://127.0.0.1:{inside.port}"
    assert page.url == f"{base}/"
    for path in pages(deployment).values():
        page.goto(base + path)

        assert page.locator("h1").count() == 1
        assert page.locator("main, header, footer, nav").count() == 4
        for field in page.locator("input:not([type=hidden]), select, textarea").all():
            assert field.evaluate("each => each.labels.length") >= 1, (path, field)
        for table in page.locator("table").all():
            assert table.locator("th[scope]").count() >= 1
            assert table.locator("caption").count() == 1

    page.goto(base + "/")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the content"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"

    page.goto(base + pages(deployment)["tree of learner"])
    page.locator(".graph").get_by_role("link", name="locked").first.focus()
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="It waits for").wait_for()
    page.get_by_label("View as").select_option("service")
    page.get_by_role("button", name="View", exact=True).click()
    page.wait_for_url("**as=service*")
    page.get_by_role("heading", name="It waits for").wait_for()

    page.goto(base + "/queries")
    page.get_by_label("Filter by name or purpose").fill("trees/load_map")
    assert page.locator("#files tbody tr:visible").count() == 1
    page.get_by_role("link", name="trees/load_map").click()
    page.get_by_role("button", name="Fill in samples").click()
    page.get_by_role("button", name="Measure the plan").click()
    page.get_by_role("heading", name="Plan as").wait_for()


def test_a_viewpoint_is_read_from_the_address() -> None:
    learner = uuid4()

    assert viewpoint(f"learner:{learner}") == Viewpoint("learner", learner)
    for text in ("", "learner:", "learner:x", "app_service", "OWNER"):
        with pytest.raises(InvalidValue, match="as must be owner"):
            viewpoint(text)


def test_nothing_of_studio_comes_from_elsewhere() -> None:
    folder = Path(run.__file__).parent
    for path in [*folder.rglob("*.html"), *folder.rglob("*.css"), *folder.rglob("*.js")]:
        text = path.read_text()

        assert "//" not in re.sub(r"(?m)^\s*//.*$", "", text).replace("http://www.w3.org", "")
        assert not re.search(r"\sstyle=|\son\w+=|javascript:", text), path
