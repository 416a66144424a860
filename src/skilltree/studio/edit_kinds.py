"""What can be edited: each edit is a repository method, with its fields, the rows it changes, and what it tells."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple
from uuid import UUID

from skilltree._core.messages import shown
from skilltree._sync.unit import UnitOfWork
from skilltree.errors import InvalidValue
from skilltree.models.curriculum import CurriculumImpact, CurriculumTree
from skilltree.models.ids import SkillId, TreeId, UserId

Given = Mapping[str, str]

_MOST_DAYS = 14


class Row(NamedTuple):
    """A row on the audit trail."""

    table: str
    key: UUID | date
    learner: UserId | None = None


class Field(NamedTuple):
    """A field of a form. ``kind`` is text, lines or choice."""

    name: str
    label: str
    kind: str = "text"
    default: str = ""


@dataclass(frozen=True)
class Edit:
    """An edit: the method that it calls, its form, and its functions.

    ``subject`` returns the row's name as ``subject``, and the present values of the fields. ``apply`` makes the edit,
    and returns the consequences in sentences.
    """

    title: str
    method: str
    fields: tuple[Field, ...]
    subject: Callable[[UnitOfWork, UUID], dict[str, str]]
    rows: Callable[[UUID, Given], list[Row]]
    apply: Callable[[UnitOfWork, UUID, Given], list[str]]


def _tree(unit: UnitOfWork, id_: UUID) -> dict[str, str]:
    return {"subject": unit.trees.get(TreeId(id_)).name}


def _skill(unit: UnitOfWork, id_: UUID) -> dict[str, str]:
    skill = unit.skills.get(SkillId(id_))
    optional = "yes" if skill.is_optional else "no"
    return {"subject": skill.name, "name": skill.name, "description": skill.description or "", "optional": optional}


def _learner(unit: UnitOfWork, id_: UUID) -> dict[str, str]:
    return {"subject": unit.users.get(UserId(id_)).username}


def _publish(unit: UnitOfWork, id_: UUID, _: Given) -> list[str]:
    tree = unit.trees.publish(TreeId(id_))
    return [f"Visitors and learners see {tree.name} in the catalogue.", _learners_in(unit, tree.slug)]


def _unpublish(unit: UnitOfWork, id_: UUID, _: Given) -> list[str]:
    tree = unit.trees.unpublish(TreeId(id_))
    return [f"Only authors and learners who have started {tree.name} see it.", _learners_in(unit, tree.slug)]


def _learners_in(unit: UnitOfWork, slug: str) -> str:
    count = unit.trees.preview_changes(unit.trees.export_tree(slug)).learners
    return f"{_learners(count)} with progress in it: it is kept."


def _learners(count: int) -> str:
    return "1 learner" if count == 1 else f"{count:,} learners"


def _change_skill(unit: UnitOfWork, id_: UUID, given: Given) -> list[str]:
    if given["optional"] not in {"yes", "no"}:
        raise InvalidValue(f"optional must be yes or no, not {shown(given['optional'])}", field="optional")
    skill = unit.skills.get(SkillId(id_))
    (tree,) = unit.trees.get_many([skill.skill_tree_id])
    exported = unit.trees.export_tree(tree.slug)
    is_optional = given["optional"] == "yes"
    changed = [
        each.model_copy(update={"optional": is_optional, "name": given["name"]}) if each.key == skill.key else each
        for each in exported.skills
    ]
    form = CurriculumTree.model_validate(exported.model_copy(update={"skills": tuple(changed)}).model_dump())
    impact = unit.trees.preview_changes(form)
    unit.skills.update(
        SkillId(id_), name=given["name"], description=given["description"] or None, is_optional=is_optional
    )
    return _sentences(impact)


def _sentences(impact: CurriculumImpact) -> list[str]:
    counts = {
        ("gain an open skill", "gains an open skill"): impact.gain_open,
        ("lose an open skill", "loses an open skill"): impact.lose_open,
        ("have a higher percentage", "has a higher percentage"): impact.percent_up,
        ("have a lower percentage", "has a lower percentage"): impact.percent_down,
        ("complete the tree", "completes the tree"): impact.gain_completion,
        ("lose the completion of a skill", "loses the completion of a skill"): impact.lose_completion,
    }
    told = [f"{_learners(count)} of {impact.learners:,} {what[count == 1]}." for what, count in counts.items() if count]
    return told or [f"Nothing changes for {_learners(impact.learners)} with progress in the tree."]


def _days(given: Given) -> list[date]:
    try:
        days = [date.fromisoformat(each) for each in given["days"].replace(",", " ").split()]
    except ValueError:
        raise InvalidValue(f"days must be written as YYYY-MM-DD, not {shown(given['days'])}", field="days") from None
    if not 1 <= len(days) <= _MOST_DAYS:
        raise InvalidValue(f"days must be from 1 to {_MOST_DAYS} here, not {len(days)}", field="days")
    return days


def _give_days_back(unit: UnitOfWork, id_: UUID, given: Given) -> list[str]:
    before = unit.users.get_profile(UserId(id_))
    done = unit.progress.restore_streak(UserId(id_), _days(given), reason=given["reason"])
    told = [
        f"Days that count from now on: {', '.join(map(str, done.days)) or 'none, they all counted before'}.",
        f"The streak is {done.current_streak} days instead of {before.current_streak},"
        f" the longest {done.max_streak} instead of {before.max_streak}.",
    ]
    return told + [f"The achievement {each.name} is earned, for {each.xp} XP." for each in done.achievements]


def _tree_row(id_: UUID, _: Given) -> list[Row]:
    return [Row("skill_trees", id_)]


KINDS: Mapping[str, Edit] = {
    "publish": Edit("Publish a tree", "trees.publish", (), _tree, _tree_row, _publish),
    "unpublish": Edit("Unpublish a tree", "trees.unpublish", (), _tree, _tree_row, _unpublish),
    "skill": Edit(
        "Edit a skill",
        "skills.update",
        (
            Field("name", "Name"),
            Field("description", "Description", "lines"),
            Field("optional", "Optional", "choice", "no"),
        ),
        _skill,
        lambda id_, _: [Row("skills", id_)],
        _change_skill,
    ),
    "streak": Edit(
        "Give days back to a streak",
        "progress.restore_streak",
        (
            Field("days", f"Days as YYYY-MM-DD, at most {_MOST_DAYS}"),
            Field("reason", "Reason, which the learner reads"),
        ),
        _learner,
        lambda id_, given: [Row("user_activity_days", day, UserId(id_)) for day in _days(given)],
        _give_days_back,
    ),
}
"""The edits by their names in the address."""
