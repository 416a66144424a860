"""1,000 mixed requests to an example application, some of which break off, and what must hold during and after them."""

import asyncio
import random
import re
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus

import psycopg

from skilltree import Database, errors
from skilltree.contrib import problems
from skilltree.contrib.problems import ANSWERS, answer_to
from skilltree.models import LoadedTree
from skilltree.testing import Factory
from web_server import Reply, Server, ask, break_off

REQUESTS = 1000
AT_ONCE = 16
BROKEN_OFF = 0.05

CLASSES = {
    kind.__name__: kind
    for module in (errors, problems)
    for kind in vars(module).values()
    if isinstance(kind, type) and issubclass(kind, errors.SkillTreeError)
}


@dataclass
class Member:
    """A learner as the client knows it."""

    id: str
    name: str
    token: str


@dataclass
class Request:
    """A request, the possible statuses and errors, and a check of a good answer."""

    method: str
    path: str
    expected: set[int | str]
    body: object = None
    token: str | None = None
    check: Callable[[Reply], bool] = lambda _: True


def prepare(url: str) -> list[LoadedTree]:
    """Make the trees of the catalogue."""
    with Database(url) as db:
        return [Factory(db).tree("first", "second", "third", slug=f"tree-{number}") for number in range(5)]


def check_a_journey(server: Server, trees: list[LoadedTree], *, camel_case: bool = True) -> None:
    """Register, log in, read the catalogue, learn, and log out, as one learner after the other requests."""

    def key(name: str) -> str:
        first, *others = name.split("_")
        return first + "".join(map(str.capitalize, others)) if camel_case else name

    ada = join(server.ask, "ada")
    pages = [server.ask("GET", "/trees?limit=2")]
    while link := pages[-1].headers.get("link"):
        assert link.startswith("<?")
        assert link.endswith('>; rel="next"')
        pages.append(server.ask("GET", f"/trees{link[1:].partition('>')[0]}"))
    assert [[tree["slug"] for tree in page.json()["items"]] for page in pages] == [
        ["tree-0", "tree-1"],
        ["tree-2", "tree-3"],
        ["tree-4"],
    ]
    assert key("category_id") in pages[0].json()["items"][0]
    tree = trees[0]
    started = server.ask("POST", f"/trees/{tree.id}/start", token=ada.token).json()
    assert (started[key("user_id")], started["status"]) == (ada.id, "IN_PROGRESS")
    done = server.ask("POST", f"/skills/{tree.skills[0].id}/complete", {"score": 90}, token=ada.token).json()
    assert [skill["name"] for skill in done["unlocked"]] == ["second"]
    assert [skill["status"] for skill in server.ask("GET", "/trees/tree-0", token=ada.token).json()["skills"]] == [
        "COMPLETED",
        "AVAILABLE",
        "LOCKED",
    ]
    assert server.ask("GET", "/trees/tree-0").json()["skills"][0]["status"] == "AVAILABLE"
    assert server.ask("GET", "/me", token=ada.token).json()[key("skills_completed")] == 1
    mine = server.ask("GET", "/me/progress", token=ada.token).json()["items"]
    assert [one[key("completion_score")] for one in mine if one["status"] == "COMPLETED"] == [90]
    assert server.ask("GET", "/leaderboard").json()[0][key("user_id")] == ada.id
    assert server.ask("DELETE", "/sessions/current", token=ada.token).status == HTTPStatus.NO_CONTENT
    ended = server.ask("GET", "/me", token=ada.token)
    assert (ended.status, ended.headers["www-authenticate"]) == (401, 'Bearer error="invalid_token"')


def join(send: Callable[..., Reply], name: str) -> Member:
    account = {"email": f"{name}@example.org", "password": f"secret of {name}"}
    made = send("POST", "/users", {"username": name, **account})
    assert made.status == HTTPStatus.CREATED, made
    started = send("POST", "/sessions", account)
    assert started.status == HTTPStatus.CREATED, started
    return Member(made.json()["id"], name, started.json()["token"])


def check_many_requests(server: Server, trees: list[LoadedTree], *, camel_case: bool = True) -> Counter[str]:
    """Send the requests, check each answer, and return how often each error was met."""
    chance = random.Random(14)  # noqa: S311 (not for secrets)
    members = [join(server.ask, f"learner-{number}") for number in range(AT_ONCE)]
    met: Counter[str] = Counter()

    async def work(member: Member, requests: list[Request]) -> None:
        for one in requests:
            if chance.random() < BROKEN_OFF:
                share = chance.choice([0.3, 0.9, 1, 1])
                await break_off(server.port, one.method, one.path, one.body, one.token, share)
                met["broken off"] += 1
                continue
            reply = await ask(server.port, one.method, one.path, one.body, token=one.token)
            met[check(one, reply, member)] += 1

    async def all_of_them() -> None:
        await asyncio.gather(
            *(
                work(member, [chance.choice(kinds)(member) for _ in range(REQUESTS // AT_ONCE + 1)])
                for member in members
            )
        )

    kinds = kinds_of_requests(trees, "userId" if camel_case else "user_id", chance)
    asyncio.run(all_of_them())
    return met


def kinds_of_requests(
    trees: list[LoadedTree], user_id: str, chance: random.Random
) -> list[Callable[[Member], Request]]:
    def owned(member: Member, *path: str) -> Callable[[Reply], bool]:
        def check(reply: Reply) -> bool:
            found = reply.json()
            for name in path:
                found = found[name]
            return found is None or found[user_id] == member.id

        return check

    def skill(place: int) -> str:
        return f"/skills/{chance.choice(trees[1:]).skills[place].id}/complete"

    return [
        lambda me: Request("GET", "/me", {200}, token=me.token, check=owned(me)),
        lambda me: Request("GET", "/trees/tree-1", {200}, token=me.token, check=owned(me, "progress")),
        lambda me: Request("GET", "/trees/tree-1", {200}, check=lambda reply: reply.json()["progress"] is None),
        lambda me: Request("GET", "/trees?limit=3", {200}, check=lambda reply: "link" in reply.headers),
        lambda me: Request("GET", "/leaderboard", {200}),
        lambda me: Request(
            "GET",
            "/me/progress?limit=1000",
            {200},
            token=me.token,
            check=lambda reply: {one[user_id] for one in reply.json()["items"]} <= {me.id},
        ),
        lambda me: Request(
            "GET", "/me/export", {200}, token=me.token, check=lambda reply: reply.json()["account"]["id"] == me.id
        ),
        lambda me: Request("POST", f"/trees/{trees[0].id}/start", {200}, token=me.token, check=owned(me)),
        lambda me: Request("POST", skill(0), {200}, token=me.token, body={}, check=owned(me, "progress")),
        lambda me: Request("POST", skill(2), {"PrerequisitesNotMet"}, token=me.token),
        lambda me: Request("POST", f"/skills/{trees[0].id}/complete", {"SkillNotFound"}, token=me.token),
        lambda me: Request("GET", "/trees/none", {"TreeNotFound"}),
        lambda me: Request("GET", "/trees?limit=0", {"InvalidRequest"}),
        lambda me: Request("GET", "/trees?after=none", {"InvalidCursor"}),
        lambda me: Request("GET", "/me", {"LoginRequired"}),
        lambda me: Request("GET", "/me", {"SessionExpired"}, token="none"),
        lambda me: Request("POST", "/users", {"InvalidRequest"}, body={"password": "a secret"}),
        lambda me: Request(
            "POST",
            "/users",
            {"UsernameTaken", "EmailTaken"},
            body={"username": me.name, "email": f"{me.name}@example.org", "password": "correct horse"},
        ),
        lambda me: Request(
            "POST",
            "/sessions",
            {"InvalidCredentials", "TooManyAttempts"},
            body={"email": "nobody@example.org", "password": "a secret"},
        ),
        lambda me: Request("GET", "/nowhere", {404}),
        lambda me: Request("PUT", "/trees", {405}),
    ]


def check(request: Request, reply: Reply, member: Member) -> str:
    """Check an answer, and return what it is: the status, or the class of the error."""
    if reply.status < HTTPStatus.BAD_REQUEST:
        assert reply.status in request.expected, (request, reply)
        assert request.check(reply), (request, member, reply)
        return str(reply.status)
    document = reply.json()
    assert reply.headers["content-type"] == "application/problem+json", (request, reply)
    assert document["status"] == reply.status
    assert document["instance"] == request.path.partition("?")[0]
    assert b"a secret" not in reply.body
    if document["type"] == "about:blank":
        assert reply.status in request.expected, (request, reply)
        return str(reply.status)
    name = document["type"].removeprefix("urn:skilltree:error:")
    assert name in request.expected, (request, reply)
    assert reply.status == answer_to(CLASSES[name]).status
    assert ("www-authenticate" in reply.headers) == (reply.status == HTTPStatus.UNAUTHORIZED)
    return name


def check_nothing_leaked(server: Server, url: str) -> None:
    """No connection is lent, no session of the server is in a transaction, and the server still answers."""
    until = time.monotonic() + 5
    while (statistics := server.ask("GET", "/statistics").json())["lent"] and time.monotonic() < until:
        time.sleep(0.05)
    assert statistics["lent"] == 0
    with psycopg.connect(url) as connection:
        rows = connection.execute(
            "select state, query from pg_stat_activity"
            " where datname = current_database() and usename = 'skilltree_app' and state <> 'idle'"
        ).fetchall()
    assert rows == []
    assert server.ask("GET", "/health/ready").json() == {"status": "ok"}


def check_an_absent_database(server: Server, url: str) -> None:
    """Without the database, the process is alive and not ready, and errors show nothing of the server."""
    name = psycopg.conninfo.conninfo_to_dict(url)["dbname"]
    other = psycopg.conninfo.make_conninfo(url, dbname="postgres")
    with psycopg.connect(other, autocommit=True) as connection:
        connection.execute(f"alter database {name} allow_connections false")
        connection.execute("select pg_terminate_backend(pid) from pg_stat_activity where datname = %s", [name])
        try:
            absent = [server.ask("GET", path) for path in ("/health/ready", "/trees")]
            assert server.ask("HEAD", "/health/live").status == HTTPStatus.OK
            alive = server.ask("GET", "/health/live")
        finally:
            connection.execute(f"alter database {name} allow_connections true")
    assert alive.status == HTTPStatus.OK
    for reply in absent:
        assert (reply.status, reply.headers["retry-after"]) == (503, "5")
        assert reply.json()["detail"] == ANSWERS[errors.ServerUnavailable].detail
        assert str(name).encode() not in reply.body
    until = time.monotonic() + 10
    while server.ask("GET", "/health/ready").status != HTTPStatus.OK:
        assert time.monotonic() < until
        time.sleep(0.1)


def check_the_end(server: Server, url: str) -> None:
    """The server ends at once, and leaves no connection to the database."""
    server.stop()
    with psycopg.connect(url) as connection:
        for _ in range(50):
            (left,) = connection.execute(
                "select count(*) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()"
            ).fetchone() or (None,)
            if not left:
                break
            connection.rollback()
            time.sleep(0.05)
    assert left == 0
    logged = set(re.findall(r"(?:GET|POST|PUT|DELETE) /\S*: (\w+)", server.output[0]))
    assert "ServerUnavailable" in logged
    assert logged <= {"ServerUnavailable", "NotReady"}
    assert "Exception in ASGI application" not in server.output[0]
