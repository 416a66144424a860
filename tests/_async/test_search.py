"""Searching in the language of a tree, by word prefixes, and in scripts without spaces."""

import pytest

from _async.factories import add_category, add_skills, add_tree, expect_refusal, value
from skilltree.errors import InvalidValue


async def found(db, text, **given):
    return {hit.slug for hit in await db.trees.search(text, **given)}


async def test_a_tree_is_searched_in_its_own_language(db, subtests):
    for language, name, description, words in [
        ("de", "Häuser bauen", "Für Anfängerinnen", ["Haus", "Häusern", "gebaut bauen", "Anfänger"]),
        ("fr", "Économie générale", "Les élèves apprennent", ["economie", "élève", "apprennent"]),
        ("ru", "Программирование", "Курсы для начинающих", ["курс", "курсов", "программированию"]),
        ("es", "Cocinas del mundo", "Recetas rápidas", ["cocina", "receta", "rapido"]),
        ("pt-BR", "Formações", "Aprenda a cantar", ["formações", "formacoes", "cantando"]),
        ("tr", "Kitaplar", "Okumak için", ["kitap", "kitaplar"]),
    ]:
        tree = await add_tree(db, language.lower(), name=name, description=description, language=language)
        for text in words:
            with subtests.test(language=language, text=text):
                assert tree.slug in await found(db, text.split()[-1])
        await db.trees.delete(tree.id)


async def test_text_in_scripts_without_spaces_is_found_by_any_part(db, subtests):
    await add_tree(db, "ja", name="日本語入門", description="日本語の基礎を学ぶ", language="ja")
    await add_tree(db, "zh", name="Python编程入门", language="zh")
    await add_tree(db, "ko", name="한국어 배우기", language="ko")
    await add_tree(db, "th", name="ภาษาไทยเบื้องต้น", language="th")

    for text, slug in [
        ("日本語", "ja"),
        ("入門", "ja"),
        ("門", "ja"),
        ("本", "ja"),
        ("基礎", "ja"),
        ("编程", "zh"),
        ("python", "zh"),
        ("Python 入门", "zh"),
        ("한국", "ko"),
        ("배우", "ko"),
        ("ไทย", "th"),
    ]:
        with subtests.test(text=text):
            assert await found(db, text) == {slug}
    assert await found(db, "語日") == set()


async def test_emoji_are_found(db):
    await add_tree(db, "snake", name="Learn 🐍", description="snakes")
    await add_tree(db, "crab", name="Learn 🦀", description="crabs")

    assert await found(db, "🐍") == {"snake"}
    assert await found(db, "learn 🦀") == {"crab"}


async def test_accents_and_case_make_no_difference(db, subtests):
    await add_tree(db, "folded", name="Œuvre de Curaçao, Straße, Øresund, Łódź", language="simple")

    for text in ["oeuvre", "CURACAO", "strasse", "oresund", "lodz", "ŒUVRE", "Straße", "curac\u0327ao"]:
        with subtests.test(text=text):
            assert await found(db, text) == {"folded"}


async def test_the_last_word_may_be_a_prefix(db, subtests):
    await add_tree(db, "pg", name="Practical PostgreSQL Indexing", description="How to index running databases")

    for text in ["po", "postgr", "postgresql ind", "practical indexin", "PRACT"]:
        with subtests.test(text=text):
            assert await found(db, text) == {"pg"}
    for text in ["p", "stgres", "postgr indexing", '"practical post"']:
        with subtests.test(text=text):
            assert await found(db, text) == set()


async def test_a_search_has_the_syntax_of_web_search_engines(db):
    await add_tree(db, "sql", name="Learning SQL", description="queries and joins")
    await add_tree(db, "css", name="Learning CSS", description="grids and joins")

    assert await found(db, "learning -css") == {"sql"}
    assert await found(db, "css or sql") == {"sql", "css"}
    assert await found(db, '"grids and joins"') == {"css"}
    assert await found(db, "learned join") == {"sql", "css"}


async def test_a_search_without_words_finds_nothing(db, subtests):
    await add_tree(db, "web")

    for text in [
        "",
        " ",
        '"',
        "-",
        "'",
        "&|!",
        "\\",
        "a\\",
        "or",
        ":*",
        "<->",
        "\u0301",
        "\U0001f1e9",
        "((",
        "it's :*",
    ]:
        with subtests.test(text=text):
            assert await found(db, text) == set()


async def test_a_whole_word_ranks_above_a_prefix(db):
    await add_tree(db, "artisans", name="Artisans")
    await add_tree(db, "art", name="Art")

    assert [hit.slug for hit in await db.trees.search("art")] == ["art", "artisans"]


async def test_skills_are_searched_in_the_language_of_their_tree(db, connection):
    tree = await add_tree(db, "bau", name="Bau", language="de")
    haus, _ = await add_skills(db, tree, "Häuser", "Gärten")

    hits = await db.skills.search("Häusern")

    assert [hit.id for hit in hits] == [haus.id]
    assert await value(connection, "select count(*) from skills where language = 'de'") == 2


async def test_changing_the_language_of_a_tree_changes_that_of_its_skills(db, connection):
    tree = await add_tree(db, "bau", name="Bau")
    (haus,) = await add_skills(db, tree, "Häuser")
    before = await db.skills.search("Häusern")

    changed = await db.trees.change_language(tree.id, "de")

    assert (before, changed.language) == ([], "de")
    assert [hit.id for hit in await db.skills.search("Häusern")] == [haus.id]
    assert (await db.skills.create(tree.id, name="Gärten")).id in {hit.id for hit in await db.skills.search("Garten")}


async def test_a_curriculum_contains_its_language(db):
    curriculum = {
        "slug": "bau",
        "name": "Bau",
        "category": "Handwerk",
        "language": "de",
        "skills": [{"key": "h", "name": "Häuser"}],
    }
    await db.trees.import_tree({**curriculum, "language": "en"})

    report = await db.trees.import_tree(
        {**curriculum, "skills": [*curriculum["skills"], {"key": "g", "name": "Gärten"}]}
    )

    assert report.tree_changed
    assert {hit.name for text in ("Häusern", "Gärtens") for hit in await db.skills.search(text, published=None)} == {
        "Häuser",
        "Gärten",
    }
    assert (await db.trees.export_tree("bau")).language == "de"


@pytest.mark.parametrize("language", ["", "d", "DE", "de_DE", "de-", "de-toolongsubtag", "x" * 40])
async def test_an_unknown_language_is_refused(db, connection, language):
    category = await add_category(db)

    async with expect_refusal(connection, InvalidValue, match="language must be a language code"):
        await db.trees.create(category.id, name="Bau", slug="bau", language=language)


async def test_a_language_without_a_stemmer_is_searched_by_exact_words(db):
    await add_tree(db, "cs", name="Domy a zahrady", language="cs")

    assert await found(db, "domy") == {"cs"}
    assert await found(db, "zahrad") == {"cs"}
    assert await found(db, "domech") == set()
