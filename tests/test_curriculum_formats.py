"""Curriculum files from real life: saved on Windows, from a spreadsheet, in YAML, with faults."""

import json
from pathlib import Path
from unicodedata import normalize

import pytest

from skilltree.curriculum import check_file, check_tree, in_order, parse_document, parse_file, parse_tree
from skilltree.curriculum.files import Format, format_of, read_file, template, write_file
from skilltree.errors import CyclicDependency, CyclicPrerequisites, InvalidCurriculum, UnknownCurriculumKeys
from skilltree.models.curriculum import CurriculumTree


def tree(*skills: dict[str, object], **fields: object) -> dict[str, object]:
    return {"slug": "bread", "name": "Bread", "category": "Cooking", "skills": list(skills)} | fields


def skill(key: str, *needed: str, **fields: object) -> dict[str, object]:
    return {"key": key, "name": key, "dependencies": list(needed)} | fields


def problems_of(data: str | bytes, form: Format = Format.JSON) -> list[str]:
    with pytest.raises(InvalidCurriculum) as caught:
        read_file(data.encode() if isinstance(data, str) else data, form)
    return list(caught.value.problems)


FILE = json.dumps({"trees": [tree(skill("crème"))]}, ensure_ascii=False)


# --- JSON ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_a_file_can_have_any_unicode_encoding(encoding: str) -> None:
    assert parse_file(FILE.encode(encoding)).trees[0].skills[0].key == "crème"


def test_a_text_with_a_byte_order_mark_is_read() -> None:
    assert parse_file("\ufeff" + FILE) == parse_file(FILE)


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"", "it is empty"),
        (b" \n", "it is empty"),
        (FILE.encode("latin-1"), "line 1: the byte 0xe8 is not UTF-8; save the file as UTF-8"),
        (FILE + "x", "more text after its end"),
        (FILE + FILE, "more text after its end"),
        ("[1]", "it is a list"),
        ("null", "it is null"),
        ('{"trees": [{"xp_value": NaN}]}', "NaN is not a number"),
        ('{"trees": [{"xp_value": -Infinity}]}', "-Infinity is not a number"),
        ('{"trees": [{"x": ' + "9" * 5000 + "}]}", "is too large"),
        ('{"trees": [{"slug": "a", "slug": "b"}]}', "b: the field slug appears 2 times"),
        ("[" * 100_000, "nested too deeply"),
        ('{"trees": [}', "line 1, column 12: Expecting value"),
    ],
)
def test_an_unreadable_file_is_refused(data: str | bytes, told: str) -> None:
    assert told in " ".join(problems_of(data))


def test_a_tree_given_twice_is_refused() -> None:
    twice = json.dumps({"trees": [tree(), tree(slug="cake"), tree()]})

    assert problems_of(twice) == ["tree bread: trees 1 and 3 of the file have this slug"]


def test_a_fault_names_its_tree_skill_field_and_value() -> None:
    bad = json.dumps({"trees": [tree(skill("a"), skill("b", dependencies=["a", 5], xp_value="many"))]})

    found = problems_of(bad)

    assert len(found) == 2
    assert found[0].startswith("tree bread: skill b: dependencies.1: ")
    assert found[0].endswith(", not 5")
    assert found[1].startswith("tree bread: skill b: xp_value: ")
    assert found[1].endswith(", not 'many'")


# --- the graph -------------------------------------------------------------------------------------------------------


def test_all_cycles_are_reported_together_with_their_trees() -> None:
    given = tree(
        skill("a", "b"), skill("b", "a", "c"), skill("c", "b"), skill("x", "y"), skill("y", "x"), skill("z", "z")
    )

    with pytest.raises(CyclicDependency) as caught:
        check_tree(parse_tree(given), leave_out_unknown=False)

    told = str(caught.value).split("\n  ")
    assert all(line.startswith("tree bread: dependency cycle: ") for line in told)
    assert [line.rpartition(": ")[2] for line in told] == ["a → b → a", "b → c → b", "x → y → x", "z → z"]
    assert caught.value.path == ("a", "b", "a")


def test_faults_of_all_kinds_in_all_trees_are_reported_together() -> None:
    curriculum = parse_document(
        {
            "trees": [
                tree(skill("a", "nothing"), skill("b", "b")),
                tree(skill("a"), skill("a"), slug="cake"),
                tree(skill("a"), slug="tea"),
            ]
        }
    )

    with pytest.raises(InvalidCurriculum) as caught:
        check_file(curriculum, leave_out_unknown=False)

    assert caught.value.problems == (
        "tree bread: a: nothing is not a skill of the tree",
        "tree bread: b: dependency cycle: b → b".replace("b: dependency", "dependency"),
        "tree cake: a: 2 skills have this key",
    )


def test_a_long_list_of_faults_is_cut_off_with_a_count() -> None:
    skills = [skill(f"k{number}", f"nothing {number}") for number in range(131)]

    with pytest.raises(UnknownCurriculumKeys) as caught:
        check_tree(parse_tree(tree(*skills)), leave_out_unknown=False)

    assert str(caught.value).endswith("… and 31 more")
    assert len(caught.value.problems) == 131


@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_keys_are_normalised_so_that_references_match(form: str) -> None:
    given = parse_tree(
        tree(skill(normalize("NFC", "zoë")), skill("b", normalize(form, "zoë"), parent=normalize(form, "zoë")))
    )

    checked, left_out = check_tree(given, leave_out_unknown=False)

    assert left_out == ()
    assert checked.skills[1].dependencies == (checked.skills[0].key,) == (checked.skills[1].parent,)


@pytest.mark.parametrize("other", ["HTML", "html\u200b", "\u202ehtml", "ht\u00adml", " html "])
def test_keys_that_look_the_same_are_refused(other: str) -> None:
    with pytest.raises(InvalidCurriculum, match="look the same"):
        check_tree(parse_tree(tree(skill("html"), skill(other))), leave_out_unknown=False)


@pytest.mark.parametrize("other", ["HTML", "html\u200b", "htlm"])
def test_an_unknown_dependency_suggests_a_similar_key(other: str) -> None:
    with pytest.raises(UnknownCurriculumKeys, match=r"did you mean html\?"):
        check_tree(parse_tree(tree(skill("html"), skill("css", other))), leave_out_unknown=False)


# --- tables ----------------------------------------------------------------------------------------------------------

TABLE = """tree,key,name,description,dependencies,minutes,xp,optional
Baking bread,flour,Flour,"What flour does, when wet",,30,10,no
Baking bread,knead,Kneading,,flour,45,20,
Baking bread,loaf,A loaf: crème,,"flour; knead",,,yes
"""


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_a_table_is_read_as_spreadsheets_save_it(encoding: str, separator: str) -> None:
    if separator == ",":
        text = TABLE
    else:
        text = TABLE.replace('"What flour does, when wet"', '"What flour does, when wet"'.replace(",", "§"))
        text = text.replace(",", separator).replace("§", ",")
    data = text.replace("\n", "\r\n").encode(encoding)

    (read,) = read_file(data, Format.CSV).trees

    assert (read.slug, read.name, read.category) == ("baking-bread", "Baking bread", "Imported")
    assert [
        (each.key, each.dependencies, each.estimated_minutes, each.xp_value, each.optional) for each in read.skills
    ] == [
        ("flour", (), 30, 10, False),
        ("knead", ("flour",), 45, 20, False),
        ("loaf", ("flour", "knead"), None, 10, True),
    ]
    assert (read.skills[0].description, read.skills[2].name) == ("What flour does, when wet", "A loaf: crème")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "it is empty"),
        ("tree,name,colour\n", "row 1, column colour: this column is unknown"),
        ("tree,key\n", "row 1: the column name is missing"),
        ("tree,name,name\n", "row 1: the column name appears twice"),
        ("tree,name\n", "there is no row below the header"),
        ("tree,name,xp\nt,a,1\nt,b,much\n", "row 3, column xp: 'much' is not a whole number"),
        ("tree,name,minutes\nt,a,2.5\n", "row 2, column minutes: '2.5' is not a whole number"),
        ('tree,name,xp\nt,a,"1,000"\n', "row 2, column xp: '1,000' is not a whole number, such as 1200"),
        ("tree,name,minutes\nt,a,1.000\n", "row 2, column minutes: '1.000' is not a whole number"),
        ("tree,name\nC,a\nC++,b\n", "row 3, column tree: 'C++' and 'C' would be the same tree, c; give each a slug"),
        ("\n,,\ntree,name,colour\n", "row 3, column colour: this column is unknown"),
        ("tree,name,optional\nt,a,perhaps\n", "row 2, column optional: 'perhaps' is not yes or no"),
        ("tree,name\nt,a\n,b\n", "row 3, column tree: it is empty"),
        ("tree,key,name\nt,a,\n", "row 2, column name: it is empty"),
        ("tree,name\nt,a\n\nt,a\n", "row 4, column key: a is already in row 2"),
        ("tree,name\nt,a,b,c\n", "row 2: it has 4 cells, but the header has 2"),
        ("tree,name,xp\nt,a,-5\n", "row 2, column xp: "),
        ("tree,name,difficulty\nt,a,hard\n", "row 2, column difficulty: "),
        ('tree,name\nt,"a\n', "row 2: unexpected end of data"),
        ("tree,name\nt,a\0\n", "NUL"),
    ],
)
def test_a_fault_in_a_table_names_its_row_and_column(text: str, told: str) -> None:
    assert told in " ".join(problems_of(text, Format.CSV))


def test_fields_without_a_column_keep_their_values() -> None:
    there = parse_tree(
        tree(
            skill("a", description="old", resources=[{"type": "link", "title": "x", "url": "#a"}]),
            skill("b", "a", milestone=True),
            tags=["x"],
        )
    )
    table = "tree,key,name,description,dependencies\nbread,a,New,,\nbread,b,B,,\n"

    (read,) = read_file(table.encode(), Format.CSV, known=lambda slug: there if slug == "bread" else None).trees

    assert (read.name, read.category, read.tags) == ("Bread", "Cooking", ("x",))
    assert (read.skills[0].name, read.skills[0].description, read.skills[0].resources) == (
        "New",
        None,
        there.skills[0].resources,
    )
    assert (read.skills[1].milestone, read.skills[1].dependencies) == (True, ())


@pytest.mark.parametrize(("there", "fits"), [("C++", True), ("c++", True), ("C", False), ("C#", False)])
def test_a_table_does_not_match_a_different_tree_with_the_same_slug(there: str, fits: bool) -> None:
    held = parse_tree(tree(skill("a"), slug="c", name=there))

    if fits:
        [read] = read_file(b"tree,name\nC++,b\n", Format.CSV, known=lambda slug: held).trees
        assert (read.slug, read.name) == ("c", there)
    else:
        with pytest.raises(InvalidCurriculum, match="would be the same tree, c; give each a slug"):
            read_file(b"tree,name\nC++,b\n", Format.CSV, known=lambda slug: held)


def test_a_tree_named_by_its_slug_in_a_table_keeps_its_name() -> None:
    held = parse_tree(tree(skill("a"), slug="baking-bread", name="All about bread"))

    [read] = read_file(b"tree,name\nBaking bread,b\n", Format.CSV, known=lambda slug: held).trees

    assert (read.slug, read.name) == ("baking-bread", "All about bread")


def test_an_exported_table_contains_no_formulas() -> None:
    given = parse_document({"trees": [tree(skill("=1+1", description="@x", name="-a"))]})

    text = write_file(given, Format.CSV)

    assert ",'=1+1,'-a,'@x," in text
    assert read_file(text.encode(), Format.CSV).trees[0].skills[0].key == "=1+1"


# --- YAML ------------------------------------------------------------------------------------------------------------


def test_yaml_values_are_read_as_text() -> None:
    text = """
trees:
  - slug: bread
    name: no
    category: 2024
    version: 1.10
    description: null
    skills:
      - key: 2024-01-01
        name: yes
        xp_value: 20
        optional: yes
      - {key: 1_000, name: on, dependencies: [2024-01-01], milestone: true, estimated_minutes: 5}
"""

    (read,) = read_file(text.encode("utf-8-sig"), Format.YAML).trees

    assert (read.name, read.category, read.version, read.description) == ("no", "2024", "1.10", None)
    first, second = read.skills
    assert (first.key, first.name, first.xp_value, first.optional) == ("2024-01-01", "yes", 20, True)
    assert (second.key, second.name, second.dependencies, second.milestone) == ("1_000", "on", ("2024-01-01",), True)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "it is empty"),
        ("trees: [", "line 1, column 9"),
        ("a: &x [1]\nb: *x", "line 1, column 4: anchors and aliases"),
        ("trees:\n  - slug: a\n    slug: b", "line 3, column 5: the field slug appears twice"),
        ("trees: !!python/object/apply:os.system [ls]", "tag"),
        ("--- {}\n--- {}", "found another document"),
        ("- 1", "it is a list"),
        ("[" * 100_000, "nested too deeply"),
        ("- " * 100_000, "nested too deeply"),
        ("trees: [{slug: a, name: a, category: a, skills: [{key: b, name: b, xp_value: lots}]}]", "skill b: xp_value"),
    ],
)
def test_a_fault_in_yaml_names_its_place(text: str, told: str) -> None:
    assert told in " ".join(problems_of(text, Format.YAML))


# --- several trees ---------------------------------------------------------------------------------------------------


def test_trees_come_after_their_prerequisites() -> None:
    curriculum = parse_document(
        {
            "trees": [
                tree(skill("a"), slug="last", prerequisites=["middle", "elsewhere"]),
                tree(skill("a"), slug="middle", prerequisites=["first"]),
                tree(skill("a"), slug="first"),
            ]
        }
    )

    assert [each.slug for each in in_order(curriculum)] == ["first", "middle", "last"]


def test_a_cycle_of_trees_is_refused_with_its_path() -> None:
    curriculum = parse_document(
        {
            "trees": [
                tree(skill("a"), slug="egg", prerequisites=["hen"]),
                tree(skill("a"), slug="hen", prerequisites=["egg"]),
                tree(skill("a"), slug="self", prerequisites=["self"]),
            ]
        }
    )

    with pytest.raises(CyclicPrerequisites) as caught:
        check_file(curriculum, leave_out_unknown=False)

    assert "egg → hen → egg" in str(caught.value)
    assert "self → self" in str(caught.value)


# --- round trips -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", list(Format))
def test_a_template_can_be_imported_as_it_is(form: Format) -> None:
    (read,) = read_file(template(form).encode(), form).trees

    assert [each.key for each in read.skills] == ["flour", "knead", "sourdough", "loaf"]
    assert check_tree(read, leave_out_unknown=False) == (read, ())


@pytest.mark.parametrize("form", list(Format))
def test_real_curricula_are_unchanged_after_writing_and_reading(shared_data: Path, form: Format) -> None:
    given: list[CurriculumTree] = list(parse_file((shared_data / "exercism.json").read_bytes()).trees)
    given = [check_tree(each, leave_out_unknown=True)[0] for each in given]
    by_slug = {each.slug: each for each in given}

    for each in given:
        text = write_file(parse_document({"trees": [each.to_form()]}), form)

        (read,) = read_file(text.encode(), form, known=by_slug.get).trees

        assert [one.key for one in read.skills] == [one.key for one in each.skills]
        assert [one.dependencies for one in read.skills] == [one.dependencies for one in each.skills]
        if form is not Format.CSV:
            assert read == each


def test_the_format_follows_from_the_file_name() -> None:
    assert [format_of(name) for name in ("a.json", "a.YML", "b.yaml", "c.csv", "d.tsv", "-", "e")] == [
        Format.JSON, Format.YAML, Format.YAML, Format.CSV, Format.CSV, Format.JSON, Format.JSON,
    ]  # fmt: skip
