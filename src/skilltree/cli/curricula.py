"""The commands about trees: import, export, template, show."""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated
from uuid import UUID

import typer

from skilltree._sync.repositories import Repositories
from skilltree._sync.unit import UnitOfWork
from skilltree.cli.application import Json, app, operator
from skilltree.cli.drawing import drawing
from skilltree.cli.run import did_you_mean
from skilltree.cli.terminal import emit, emit_table, err, out
from skilltree.curriculum import check_file, in_order, slug_of
from skilltree.curriculum.files import Format, format_of, read_file, write_file
from skilltree.curriculum.files import template as template_of
from skilltree.drawing import mermaid, svg
from skilltree.errors import InvalidCurriculum, TreeNotFound, UserNotFound
from skilltree.models.curriculum import Curriculum, CurriculumSkill, CurriculumTree
from skilltree.models.trees import TreeMap

InFormat = Annotated[Format | None, typer.Option("--format", help="The file's format; the default is by its name.")]
Slug = Annotated[str, typer.Argument(help="The slug of a tree.")]
Output = Annotated[Path | None, typer.Option("--output", "-o", dir_okay=False, help="Write to this file.")]

_MOST_COMPARED = 1000
_COUNTS = ("added", "changed", "removed", "left_out", "relative_links")


@app.command("import")
def import_(
    file: Annotated[Path, typer.Argument(dir_okay=False, help="A curriculum file, or - for standard input.")],
    *,
    leave_out_unknown: Annotated[bool, typer.Option(help="Leave out dependencies on unknown skills.")] = False,
    publish: Annotated[bool, typer.Option(help="Publish the trees.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the changes, and write nothing.")] = False,
    form: InFormat = None,
    as_json: Json = False,
) -> None:
    """Import the trees of a curriculum file (JSON, YAML, CSV), all or none. See `skilltree template`."""
    data = _read(file)
    with operator() as db:
        chosen = form or format_of(file.name)
        curriculum = read_file(data, chosen, known=lambda slug: _find(db, slug))
        check_file(curriculum, leave_out_unknown=leave_out_unknown)
        if dry_run:
            rows = list(_previewed(db, curriculum, leave_out_unknown=leave_out_unknown))
        else:
            with db.transaction() as unit:
                # Trees are imported after their prerequisites.
                done = {
                    tree.slug: _imported(unit, tree, leave_out_unknown=leave_out_unknown, publish=publish)
                    for tree in in_order(curriculum)
                }
                rows = [done[tree.slug] for tree in curriculum.trees]
    emit_table(rows, as_json=as_json)


def _read(file: Path) -> bytes:
    # typer's own `allow_dash` and `exists` do not work together in newer versions: the dash is taken for a file name.
    if str(file) == "-":
        return typer.get_binary_stream("stdin").read()
    try:
        return file.read_bytes()
    except OSError as error:
        raise typer.BadParameter(f"{file}: {error.strerror}", param_hint="'file'") from error


def _imported(unit: UnitOfWork, tree: CurriculumTree, *, leave_out_unknown: bool, publish: bool) -> dict[str, str]:
    report = unit.trees.import_tree(tree, leave_out_unknown=leave_out_unknown)
    if publish:
        unit.trees.publish(report.tree_id)
    numbers = {name: str(len(getattr(report, name))) for name in _COUNTS}
    return {"tree": tree.slug} | numbers | {"unchanged": str(report.unchanged)}


def _previewed(db: Repositories, curriculum: Curriculum, *, leave_out_unknown: bool) -> Iterator[dict[str, str]]:
    """Yield what an import would change. Writes and locks nothing."""
    trees = {tree.slug: _find(db, tree.slug) for tree in curriculum.trees}
    for tree in curriculum.trees:
        there = trees[tree.slug]
        known = [slug for slug in tree.prerequisites if trees.get(slug) or db.trees.find_by_slug(slug)]
        if unknown := [slug for slug in tree.prerequisites if slug not in trees and slug not in known]:
            raise InvalidCurriculum(
                f"the tree {tree.slug} has prerequisites that do not exist:", problems=tuple(unknown)
            )
        if there is None:
            counts = {"added": len(tree.skills), "changed": 0, "removed": 0, "unchanged": 0}
            yield {"tree": tree.slug, "outcome": "would be added"} | _texts(counts) | _texts(dict.fromkeys(_IMPACT, 0))
            continue
        # Prerequisites that the file itself adds do not exist yet.
        impact = db.trees.preview_changes(
            tree.model_copy(update={"prerequisites": tuple(known)}), leave_out_unknown=leave_out_unknown
        )
        before = {skill.key: skill for skill in there.skills}
        changed = sum(
            _compared(skill, impact.left_out) != _compared(before[skill.key])
            for skill in tree.skills
            if skill.key in before and skill.key not in impact.added
        )
        touched = len(impact.added) + len(impact.removed) + changed
        same_tree = _compared_tree(tree) == _compared_tree(there)
        outcome = "would be changed" if touched or not same_tree else "unchanged"
        counts = {
            "added": len(impact.added),
            "changed": changed,
            "removed": len(impact.removed),
            "unchanged": len(tree.skills) - len(impact.added) - changed,
        }
        yield (
            {"tree": tree.slug, "outcome": outcome}
            | _texts(counts)
            | _texts({name: getattr(impact, name) for name in _IMPACT})
        )


_IMPACT = ("learners", "gain_open", "lose_open", "gain_completion", "lose_completion")


def _texts(numbers: dict[str, int]) -> dict[str, str]:
    return {name: str(number) for name, number in numbers.items()}


@app.command("export")
def export(slug: Slug, *, form: InFormat = None, output: Output = None) -> None:
    """Print a tree as a curriculum file (JSON, YAML, CSV)."""
    with operator() as db, suggested(db, slug):
        tree = db.trees.export_tree(slug)
    chosen = form or (format_of(output.name) if output else Format.JSON)
    if chosen is Format.CSV:
        err.print("CSV has no columns for content, resources and assessments: they are left out.")
    _write(write_file(Curriculum(trees=(tree,)), chosen), output)


@app.command("template")
def template(
    *,
    form: Annotated[Format, typer.Option("--format", help="The format of the file.")] = Format.CSV,
    output: Output = None,
) -> None:
    """Print a small curriculum file, ready to be edited and imported."""
    _write(template_of(format_of(output.name) if output and form is Format.CSV else form), output)


@app.command("show")
def show(
    slug: Slug,
    *,
    learner: Annotated[str | None, typer.Option(help="The e-mail address of a learner, to show their status.")] = None,
    as_svg: Annotated[bool, typer.Option("--svg", help="Print an SVG picture.")] = False,
    as_mermaid: Annotated[
        bool, typer.Option("--mermaid", help="Print a Mermaid chart, for example for Markdown.")
    ] = False,
    output: Output = None,
    as_json: Json = False,
) -> None:
    """Draw a tree: in the terminal with a line for each level, or as SVG, Mermaid or JSON."""
    if as_svg + as_mermaid + as_json > 1:
        raise typer.BadParameter("choose one of --svg, --mermaid and --json")
    with operator() as db, suggested(db, slug):
        user = db.users.find_by_email(learner) if learner else None
        if learner and user is None:
            raise UserNotFound(email=learner)
        tree = db.trees.load_map(slug, user.id if user else None)
    with_status = user is not None
    if as_svg:
        _write(svg(tree, with_status=with_status, positions=positions_of(tree)), output)
    elif as_mermaid:
        _write(mermaid(tree, with_status=with_status), output)
    elif as_json:
        _write(tree.model_dump_json(indent=2) + "\n", output)
    elif output:
        raise typer.BadParameter("--output needs --svg, --mermaid or --json")
    else:
        out.print(drawing(tree, with_status=with_status))


def positions_of(tree: TreeMap) -> dict[UUID, tuple[float, float]] | None:
    """Return the positions that an author set, or ``None`` if one is missing or two are the same."""
    places: dict[UUID, tuple[float, float]] = {skill.id: (skill.position_x, skill.position_y) for skill in tree.skills}
    are_placed = all(skill.is_placed for skill in tree.skills)
    return places if are_placed and len(set(places.values())) == len(places) else None


def _write(text: str, output: Path | None) -> None:
    if output is None:
        emit(text, end="")
    else:
        output.write_text(text, "utf-8", newline="")


def _find(db: Repositories, slug: str) -> CurriculumTree | None:
    try:
        return db.trees.export_tree(slug)
    except TreeNotFound:
        return None


def _compared(skill: CurriculumSkill, left_out: Collection[tuple[str, str]] = ()) -> dict[str, object]:
    """Return the fields of a skill that an import compares."""
    needed = sorted(key for key in skill.dependencies if (skill.key, key) not in left_out)
    return skill.model_dump(mode="json", by_alias=True) | {"dependencies": needed}


def _compared_tree(tree: CurriculumTree) -> dict[str, object]:
    """Return the fields of the tree itself that an import compares. Its category may be a name or a slug."""
    whole = tree.model_dump(mode="json", by_alias=True, exclude={"skills"})
    return whole | {"category": slug_of(tree.category), "order": [skill.key for skill in tree.skills]}


@contextmanager
def suggested(db: Repositories, slug: str) -> Iterator[None]:
    """Add a suggestion to the error for an unknown tree."""
    try:
        yield
    except TreeNotFound as error:
        slugs: list[str] = []
        after: str | None = None
        while len(slugs) < _MOST_COMPARED:
            page = db.trees.list(published=None, after=after)
            slugs += [tree.slug for tree in page.items]
            after = page.next_cursor
            if after is None:
                break
        raise TreeNotFound(f"{error}{did_you_mean(slug, slugs)}") from error
