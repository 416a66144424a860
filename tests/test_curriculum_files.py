"""Curriculum files: the checks before anything is sent, and the curricula in the package."""

import json
from collections.abc import Mapping
from importlib.resources import files
from itertools import pairwise
from uuid import UUID

import networkx as nx
import pytest

from skilltree.curriculum import (
    check_tree,
    parse_file,
    parse_tree,
    relative_links,
    skill_id,
    skill_rows,
    slug_of,
    tree_id,
)
from skilltree.errors import CyclicDependency, CyclicParents, InvalidCurriculum, UnknownCurriculumKeys
from skilltree.models.curriculum import CurriculumTree

SEEDS = sorted(
    (one for one in files("skilltree.seed").iterdir() if one.name.endswith(".json")), key=lambda one: one.name
)


def tree(**dependencies: list[str]) -> dict[str, object]:
    return {
        "slug": "frontend",
        "name": "Frontend",
        "category": "Web",
        "skills": [{"key": key, "name": key, "dependencies": needed} for key, needed in dependencies.items()],
    }


def with_skill(**fields: object) -> dict[str, object]:
    return {**tree(), "skills": [{"key": "html", "name": "HTML", **fields}]}


def parents(**parent: str | None) -> CurriculumTree:
    skills = [{"key": key, "name": key, "parent": above} for key, above in parent.items()]
    return parse_tree({**tree(), "skills": skills})


# --- ids and slugs ---------------------------------------------------------------------------------------------------


def test_ids_are_the_same_everywhere_and_forever() -> None:
    assert tree_id("frontend-web-development") == UUID("ddb3ea53-8bae-5950-8585-dc59a9c9ba26")
    assert skill_id("frontend-web-development", "html") == UUID("f6885499-c1f7-5d41-b387-739c0e325e7f")


def test_ids_of_different_trees_and_keys_differ() -> None:
    ids = {tree_id("a"), tree_id("b"), skill_id("a", "x"), skill_id("a", "y"), skill_id("b", "x"), skill_id("b", "y")}

    assert len(ids) == 6


def test_ids_do_not_collide_when_slug_and_key_are_split_differently() -> None:
    ids = {skill_id("a", "bc"), skill_id("ab", "c"), skill_id("a-b", "c"), skill_id("a", "b-c"), tree_id("abc")}

    assert len(ids) == 5


@pytest.mark.parametrize(
    ("name", "slug"),
    [
        ("Web Development", "web-development"),
        ("web-development", "web-development"),
        ("  C++ & C#  ", "c-c"),
        ("100% Python", "100-python"),
        ("--a--", "a"),
        ("Über uns", "ber-uns"),
    ],
)
def test_a_slug_consists_of_the_letters_and_digits_of_a_name(name: str, slug: str) -> None:
    assert slug_of(name) == slug


@pytest.mark.parametrize(
    "name", ["a", "x" * 300, "a " * 300, "日本語", "+++", "-", "ß", "\n", "a" * 99 + " b", "İ" * 60]
)
def test_the_slug_of_any_name_is_valid(name: str) -> None:
    slug = slug_of(name)

    assert 1 <= len(slug) <= 100
    assert all(part.isalnum() and part.isascii() and part == part.lower() for part in slug.split("-"))


def test_names_without_latin_letters_have_different_slugs() -> None:
    assert slug_of("日本語") != slug_of("한국어")
    assert slug_of("日本語") == slug_of("日本語")


# --- refused files ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "null", "1", '"x"', b"\xff\xfe", "{}", '{"trees": 1}', '{"trees": [1]}']
)
def test_a_file_that_is_not_a_curriculum_is_refused(text: str | bytes) -> None:
    with pytest.raises(InvalidCurriculum) as caught:
        parse_file(text)

    assert caught.value.problems


def test_every_fault_of_a_file_is_listed_with_its_place() -> None:
    faulty: dict[str, object] = {
        "slug": "Not A Slug",
        "name": "",
        "category": "Web",
        "colour": "red",
        "skills": [{"key": "a"}, {"key": "b", "name": "b", "xp_value": -1, "resources": [{"type": "link"}]}],
    }

    with pytest.raises(InvalidCurriculum) as caught:
        parse_file(json.dumps({"trees": [faulty]}))

    places = {tuple(problem.split(": ")[:-1]) for problem in caught.value.problems}
    assert places == {
        ("tree Not A Slug", "slug"),
        ("tree Not A Slug", "name"),
        ("tree Not A Slug", "colour"),
        ("tree Not A Slug", "skill a", "name"),
        ("tree Not A Slug", "skill b", "xp_value"),
        ("tree Not A Slug", "skill b", "resources.0.title"),
        ("tree Not A Slug", "skill b", "resources.0.url"),
    }
    assert all(problem in str(caught.value) for problem in caught.value.problems)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("key", ""),
        ("key", "k" * 201),
        ("name", ""),
        ("name", "n" * 201),
        ("short_name", "s" * 51),
        ("skill_type", "GAME"),
        ("difficulty", "HARD"),
        ("estimated_minutes", -1),
        ("xp_value", 1_000_001),
        ("node_size", 4),
        ("position", [0]),
        ("position", [0, float("nan")]),
        ("position", [float("inf"), 0]),
        ("content", {"type": "video"}),
        ("dependencies", [1]),
        ("id", "x"),
    ],
)
def test_an_invalid_field_of_a_skill_is_refused(field: str, value: object) -> None:
    key = "html" if field != "key" else str(value)[:150] or "number 1"

    with pytest.raises(InvalidCurriculum) as caught:
        parse_tree(with_skill(**{field: value}))

    assert any(
        problem.startswith(f"tree frontend: skill {key}") and field in problem for problem in caught.value.problems
    )


def test_all_contradictions_in_a_tree_are_listed() -> None:
    given = tree(a=["b", "b"], b=[])
    skills = [*given["skills"], {"key": "b", "name": "again"}, {"key": "c", "name": "c", "parent": "nobody"}]  # type: ignore[misc]

    with pytest.raises(InvalidCurriculum) as caught:
        check_tree(parse_tree({**given, "skills": skills}), leave_out_unknown=False)

    assert len(caught.value.problems) == 3
    assert {problem.split(": ")[1] for problem in caught.value.problems} == {"a", "b", "c"}


def test_unknown_dependencies_are_all_named() -> None:
    with pytest.raises(UnknownCurriculumKeys) as caught:
        check_tree(parse_tree(tree(a=["x", "y"], b=["a", "z"])), leave_out_unknown=False)

    assert caught.value.unknown == (("a", "x"), ("a", "y"), ("b", "z"))


def test_unknown_dependencies_can_be_left_out() -> None:
    checked, left_out = check_tree(parse_tree(tree(a=["x"], b=["a", "z"])), leave_out_unknown=True)

    assert left_out == (("a", "x"), ("b", "z"))
    assert {skill.key: skill.dependencies for skill in checked.skills} == {"a": (), "b": ("a",)}


@pytest.mark.parametrize("length", [1, 2, 3, 50, 1000])
def test_the_path_of_a_cycle_goes_from_each_skill_to_its_dependency(length: int) -> None:
    edges = {f"k{place}": [f"k{(place - 1) % length}"] for place in range(length)}

    with pytest.raises(CyclicDependency) as caught:
        check_tree(parse_tree(tree(**edges, innocent=["k0"])), leave_out_unknown=False)

    path = caught.value.path
    assert path[0] == path[-1]
    assert len(path) == length + 1
    assert all(next_ in edges[str(one)] for one, next_ in pairwise(path))
    assert " → ".join(map(str, path)) in str(caught.value)


def test_the_path_of_a_cycle_of_parents_goes_from_child_to_parent() -> None:
    with pytest.raises(CyclicParents) as caught:
        check_tree(parents(a="b", b="c", c="a"), leave_out_unknown=False)

    assert set(pairwise(caught.value.path)) == {("a", "b"), ("b", "c"), ("c", "a")}


def test_a_skill_that_is_its_own_parent_is_refused() -> None:
    with pytest.raises(CyclicParents) as caught:
        check_tree(parents(a="a"), leave_out_unknown=False)

    assert caught.value.path == ("a", "a")


def test_a_cycle_through_an_unknown_skill_is_not_reported() -> None:
    checked, left_out = check_tree(parse_tree(tree(a=["ghost"], b=["a"])), leave_out_unknown=True)

    assert len(checked.skills) == 2
    assert left_out == (("a", "ghost"),)


# --- sent rows -------------------------------------------------------------------------------------------------------


def test_rows_have_position_id_and_documents_in_camel_case() -> None:
    module = {"title": "Tags", "type": "article", "estimatedMinutes": 5, "resources": []}
    given = parse_tree(with_skill(content={"type": "structured", "modules": [module]}, position=[1, 2]))

    (row,) = json.loads(skill_rows(given))

    assert (row["place"], row["key"], row["new_id"]) == (1, "html", str(skill_id("frontend", "html")))
    assert row["content"] == {"type": "structured", "modules": [module]}
    assert (row["position_x"], row["position_y"], row["is_placed"]) == (1, 2, True)


def test_a_skill_without_a_position_gets_none() -> None:
    (row,) = json.loads(skill_rows(parse_tree(with_skill())))

    assert (row["position_x"], row["position_y"], row["is_placed"]) == (0, 0, False)


@pytest.mark.parametrize(
    ("url", "relative"),
    [
        ("#page=2", True),
        ("page.html", True),
        ("/a/b", True),
        ("//host/x", True),
        ("https://example.org", False),
        ("mailto:a@b.org", False),
    ],
)
def test_links_without_a_scheme_are_reported_as_relative(url: str, relative: bool) -> None:
    given = parse_tree(with_skill(resources=[{"type": "link", "title": "x", "url": url}]))

    assert relative_links(given) == ((("html", url),) if relative else ())


@pytest.mark.parametrize(
    "url", ["javascript:alert(1)", "data:text/html,x", "a b", "x\ny", "", "vbscript:x", " https://x.org"]
)
def test_dangerous_or_broken_links_are_refused(url: str) -> None:
    with pytest.raises(InvalidCurriculum):
        parse_tree(with_skill(resources=[{"type": "link", "title": "x", "url": url}]))


def test_a_tree_written_to_a_file_can_be_read_again() -> None:
    given = parse_tree(
        with_skill(optional=True, difficulty="EXPERT", resources=[{"type": "link", "title": "x", "url": "#a"}])
    )

    again = parse_tree(json.loads(json.dumps(given.to_form())))

    assert again == given


# --- the curricula of the package ------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", SEEDS, ids=lambda seed: seed.name)
def test_every_curriculum_of_the_package_is_valid(seed: object) -> None:
    curriculum = parse_file(seed.read_text("utf-8"))  # type: ignore[attr-defined]

    checked = [check_tree(one, leave_out_unknown=False) for one in curriculum.trees]

    assert checked
    assert all(left_out == () for _, left_out in checked)
    assert all(relative_links(one) == () for one, _ in checked)
    assert curriculum.license


def all_seeds() -> list[CurriculumTree]:
    return [one for seed in SEEDS for one in parse_file(seed.read_text("utf-8")).trees]


def test_trees_of_the_package_have_different_slugs() -> None:
    slugs = [one.slug for one in all_seeds()]

    assert len(set(slugs)) == len(slugs)


def test_prerequisites_of_packaged_trees_are_in_the_package() -> None:
    needed: Mapping[str, tuple[str, ...]] = {one.slug: one.prerequisites for one in all_seeds()}

    assert {slug for slugs in needed.values() for slug in slugs} <= set(needed)
    assert nx.is_directed_acyclic_graph(nx.DiGraph([(slug, one) for slug, slugs in needed.items() for one in slugs]))


def test_one_tree_of_the_package_uses_every_feature() -> None:
    shown = [one for one in all_seeds() if len(one.skills) >= 30]

    assert any(
        any(skill.milestone for skill in one.skills)
        and any(skill.optional for skill in one.skills)
        and any(skill.parent for skill in one.skills)
        and all(skill.content and skill.content.modules for skill in one.skills)
        and all(skill.resources for skill in one.skills)
        and all(skill.description and skill.objectives for skill in one.skills)
        and len({skill.position for skill in one.skills}) == len(one.skills)
        and len({skill.difficulty for skill in one.skills}) >= 3
        and len({skill.skill_type for skill in one.skills}) >= 4
        for one in shown
    )
