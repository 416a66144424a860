"""Errors as problem documents, and what the integrations share. Nothing here needs a framework or a database."""

import importlib
import json
import logging
import pkgutil
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from pydantic import BaseModel

import skilltree
from skilltree import errors
from skilltree.contrib import requests
from skilltree.contrib.problems import ANSWERS, InvalidRequest, SessionExpired, answer_to, response_to
from skilltree.errors import SkillTreeError

LOG = logging.getLogger("test")
FRAMEWORKS = Path(__file__).parents[1] / "docs" / "frameworks.md"
SECRET = "host=db.internal password=hunter2 select secret from users"


def subclasses(kind: type[SkillTreeError]) -> Iterator[type[SkillTreeError]]:
    yield kind
    for one in kind.__subclasses__():
        yield from subclasses(one)


def all_errors() -> list[type[SkillTreeError]]:
    for module in pkgutil.walk_packages(skilltree.__path__, "skilltree."):
        if module.name != "skilltree.__main__":
            importlib.import_module(module.name)
    return sorted({*subclasses(SkillTreeError)}, key=lambda kind: kind.__name__)


def made(kind: type[SkillTreeError], message: str) -> SkillTreeError:
    """Make an error of any class, whatever its arguments are."""
    error = kind.__new__(kind)
    vars(error).update(
        field="name",
        constraint="c",
        reason="too_short",
        retry_after=9,
        path=("a", 1),
        ids=(),
        missing=(),
        problems=(),
        unknown=(),
        errors=[],
        key={},
        row={},
        sqlstate="XX000",
    ) if not isinstance(error, errors.CyclicGraph) else vars(error).update(ids=(uuid4(),))
    error.args = (message,)
    return error


def document_of(error: SkillTreeError) -> dict[str, object]:
    answer = response_to(error, method="GET", path="/x", log=LOG)
    assert answer.headers["Content-Type"] == "application/problem+json"
    found: dict[str, object] = json.loads(answer.body)
    assert found["status"] == answer.status == answer_to(type(error)).status
    return found


def test_every_error_has_an_answer_and_a_server_failure_shows_nothing(caplog: pytest.LogCaptureFixture) -> None:
    found = all_errors()

    assert {kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, SkillTreeError)} <= {
        *found
    }
    for kind in found:
        caplog.clear()
        document = document_of(made(kind, SECRET))
        assert document["type"] == f"urn:skilltree:error:{kind.__name__}"
        is_failure = answer_to(kind).status >= 500
        assert len(caplog.records) == is_failure
        if is_failure or kind is errors.PermissionDenied:
            assert "hunter2" not in json.dumps(document)
            assert {*document} == {"type", "title", "status", "detail", "instance"}


def test_each_entry_of_the_table_differs_from_that_of_its_base_class() -> None:
    same = [kind for kind, answer in ANSWERS.items() if any(ANSWERS.get(base) == answer for base in kind.__mro__[1:2])]

    assert same == []


def test_errors_that_pass_say_when_to_try_again() -> None:
    for kind in (errors.PoolExhausted, errors.ServerUnavailable, errors.TreeBusy, errors.ConcurrentUpdate):
        assert int(response_to(kind(), method="GET", path="/", log=LOG).headers["Retry-After"]) > 0

    assert [kind for kind, answer in ANSWERS.items() if answer.status == 503 and not answer.retry_after] == []
    assert response_to(errors.TooManyAttempts(7), method="GET", path="/", log=LOG).headers["Retry-After"] == "7"
    assert "Retry-After" not in response_to(errors.OutcomeUnknown(), method="GET", path="/", log=LOG).headers


def test_a_document_has_what_a_client_can_use() -> None:
    one, two = uuid4(), uuid4()

    assert document_of(errors.InvalidValue("no", field="name", constraint="secret_rule")) == {
        "type": "urn:skilltree:error:InvalidValue",
        "title": "Invalid value",
        "status": 422,
        "detail": "no",
        "instance": "/x",
        "field": "name",
    }
    assert document_of(errors.InvalidDocument("no", field="theme", path=("a", 0)))["path"] == ["a", 0]
    assert document_of(errors.InvalidPassword("no", field="password", reason="too_short"))["reason"] == "too_short"
    assert document_of(errors.CyclicDependency("no", ids=[one, two, one]))["path"] == [str(one), str(two), str(one)]
    assert document_of(errors.PrerequisitesNotMet("no", missing=[(one, "HTML")]))["missing"] == [
        {"id": str(one), "name": "HTML"}
    ]
    assert document_of(errors.UnknownCurriculumKeys((("css", "html"),)))["unknown"] == [["css", "html"]]
    assert response_to(SessionExpired(), method="GET", path="/", log=LOG).headers["WWW-Authenticate"] == (
        'Bearer error="invalid_token"'
    )


def test_a_faulty_body_is_named_without_its_values() -> None:
    class Body(BaseModel):
        password: int

    with pytest.raises(InvalidRequest) as refused:
        requests.body_as(Body, b'{"password": "hunter2"}')

    assert document_of(refused.value)["errors"] == [
        {
            "path": ["body", "password"],
            "detail": "Input should be a valid integer, unable to parse string as an integer",
        }
    ]
    assert refused.value.__context__ is None


def test_the_token_comes_from_the_header_or_else_the_cookie() -> None:
    cookies = {"session": "cookie", "": "nameless"}

    assert requests.token_of("Bearer abc", cookies, "session") == "abc"
    assert requests.token_of("bearer  abc ", {}, "session") == "abc"
    assert requests.token_of("Bearer", {}, None) == ""
    assert requests.token_of("Basic abc", {}, None) is None
    assert requests.token_of(None, cookies, "session") == "cookie"
    # Without a name in the settings, no cookie counts.
    assert requests.token_of(None, cookies, None) is None


def test_the_link_to_the_next_page_keeps_the_rest_of_the_query() -> None:
    assert requests.next_link("limit=2&tag=a+b&after=old", "n=w") == '<?limit=2&tag=a+b&after=n%3Dw>; rel="next"'
    assert requests.page_request("after=x&limit=2&other=1") == requests.PageRequest(after="x", limit=2)
    for query in ("limit=0", "limit=1001", "limit=x"):
        with pytest.raises(InvalidRequest):
            requests.page_request(query)
