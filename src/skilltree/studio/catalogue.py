"""The pages of the catalogue: the trees by category, a tree as a graph, a skill."""

from collections.abc import Sequence

from markupsafe import Markup

from skilltree.drawing import levels, svg
from skilltree.errors import TreeNotFound
from skilltree.models.categories import Category
from skilltree.models.enums import SkillProgressStatus
from skilltree.models.ids import SkillId
from skilltree.models.trees import LoadedSkill, LoadedTree, Tree
from skilltree.studio.visit import Shown, Visit

_SATISFIED = {SkillProgressStatus.COMPLETED, SkillProgressStatus.SKIPPED}
_PAGE_SIZE = 100


def catalogue(visit: Visit) -> Shown:
    """Show the categories with their trees, drafts included where the viewpoint may see them."""
    text = visit.text("q")
    categories = visit.unit.categories.list(include_inactive=True)
    if text:
        hits = visit.unit.trees.search(text, published=None, limit=50)
        return Shown("search.html", {"hits": hits, "categories": {each.id: each for each in categories}, "text": text})
    page = visit.unit.trees.list(published=None, after=visit.optional("after"), limit=_PAGE_SIZE)
    return Shown(
        "catalogue.html",
        {"groups": _by_category(categories, page.items), "next": page.next_cursor, "text": text},
    )


def tree(visit: Visit) -> Shown:
    """Show a tree as a graph and as a table, with the status of a learner if one is chosen."""
    learner = visit.learner()
    loaded = visit.unit.trees.load(
        str(visit.request.path_params["slug"]), user_id=None if learner is None else learner.id
    )
    learner_id = None if learner is None else learner.id
    picture = svg(
        loaded,
        with_status=learner is not None,
        link=lambda skill_id: visit.link(f"/skills/{skill_id}", learner=learner_id),
    )
    return Shown(
        "tree.html",
        {
            "tree": loaded,
            "learner": learner,
            "levels": levels(loaded),
            "names": {each.id: each.name for each in loaded.skills},
            "waits_for": _waits_for(loaded),
            # It escapes every text itself.
            "picture": Markup(picture),  # noqa: S704
            "given": visit.text("learner"),
        },
    )


def tree_by_id(visit: Visit) -> Shown:
    """Lead from the id of a tree, as other rows hold it, to its page."""
    found = visit.unit.trees.get_many([visit.path_id()])  # type: ignore[list-item] # any id is asked for
    if not found:
        raise TreeNotFound(id=visit.path_id())
    return Shown("redirect", {"to": visit.link(f"/trees/{found[0].slug}", learner=visit.optional("learner"))})


def skill(visit: Visit) -> Shown:
    """Show a skill, and why it is locked for a learner if one is chosen."""
    skill_id = SkillId(visit.path_id())
    learner = visit.learner()
    found = visit.unit.skills.get(skill_id)
    near = visit.unit.skills.get_many([*found.dependencies, *found.dependents])
    return Shown(
        "skill.html",
        {
            "skill": found,
            "tree": visit.unit.trees.get(found.skill_tree_id),
            "near": {each.id: each for each in near},
            "learner": learner,
            "work": None if learner is None else visit.unit.progress.for_skill(learner.id, skill_id),
            "lock": None if learner is None else visit.unit.progress.explain_lock(learner.id, skill_id),
            "given": visit.text("learner"),
        },
    )


def _by_category(categories: Sequence[Category], trees: Sequence[Tree]) -> list[tuple[Category, list[Tree]]]:
    return [(category, [each for each in trees if each.category_id == category.id]) for category in categories]


def _waits_for(loaded: LoadedTree) -> dict[SkillId, list[LoadedSkill]]:
    """Return the unsatisfied prerequisites of each locked skill."""
    by_id = {each.id: each for each in loaded.skills}
    return {
        each.id: [
            by_id[needed] for needed in each.dependencies if needed in by_id and by_id[needed].status not in _SATISFIED
        ]
        for each in loaded.skills
        if each.status == SkillProgressStatus.LOCKED
    }
