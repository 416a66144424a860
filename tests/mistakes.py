"""Mistakes in query files, methods and models, and what the gate must say of each."""

from dataclasses import dataclass, field
from pathlib import Path

MODELS = "src/skilltree/models"
METHODS = "src/skilltree/_async"


@dataclass(frozen=True)
class Mistake:
    """An edit of a copy of the project, and the finding that must come of it."""

    name: str
    file: str
    old: str
    new: str
    field: str
    problem: str
    found_in: str = ""
    """The file that the finding names, where it is another one."""
    at: str = field(default="", kw_only=True)
    """What stands in the line that the finding names."""

    def __str__(self) -> str:
        return self.name

    @property
    def files(self) -> set[str]:
        return {self.file, self.found_in} - {""}

    def make(self, copy: Path) -> None:
        """Make the mistake; without a text to replace, the file is written anew, or deleted."""
        path = copy / self.file
        if not self.old and not self.new:
            path.unlink()
        elif not self.old:
            path.write_text(self.new)
        else:
            text = path.read_text()
            assert self.old in text, f"{self.file} no longer has {self.old!r}"
            path.write_text(text.replace(self.old, self.new, 1))


def query(name: str) -> str:
    return f"queries/{name}.sql"


STATEMENTS = [
    Mistake(
        "misspelt column",
        query("users/get"),
        "users.first_name",
        "users.firstname",
        "statement",
        "column users.firstname does not exist",
        at="firstname",
    ),
    Mistake("misspelt table", query("users/get"), "from users\n", "from user\n", "statement", "cannot prepare it"),
    Mistake(
        "misspelt function",
        query("skills/search"),
        "ts_rank(",
        "tsrank(",
        "statement",
        "function tsrank(tsvector, tsquery) does not exist",
        at="tsrank",
    ),
    Mistake(
        "syntax error",
        query("categories/list"),
        "order by",
        "order",
        "statement",
        "syntax error",
        at="order skill_categories",
    ),
    Mistake(
        "two types compared",
        query("trees/get"),
        "skill_trees.id = %(tree_id)s",
        "skill_trees.id = 5",
        "statement",
        "operator does not exist: uuid = integer",
        at="= 5",
    ),
    Mistake(
        "two statements",
        query("users/get"),
        "%(user_id)s;",
        "%(user_id)s; select 1;",
        "statement",
        "cannot insert multiple commands",
    ),
    Mistake(
        "star",
        query("users/deactivate"),
        "    users.id,\n",
        "    users.*,\n",
        "*",
        "columns that nobody named",
        at="users.*",
    ),
    Mistake(
        "star in a sub-select",
        query("progress/missing_prerequisites"),
        "select from satisfied",
        "select * from satisfied",
        "*",
        "columns that nobody named",
        at="select *",
    ),
    Mistake(
        "percent sign",
        query("users/find_by_username"),
        "users.username = ",
        "users.username like 'a%' and true = ",
        "%",
        "is no parameter",
        at="'a%'",
    ),
]

COLUMNS = [
    Mistake(
        "renamed column",
        query("users/get"),
        "users.username,",
        "users.username as login,",
        'column "login"',
        "the model User has no such field",
        at="as login",
    ),
    Mistake(
        "column missing",
        query("categories/list"),
        "    skill_categories.icon,\n",
        "",
        'field "icon"',
        "no column is called so, and Category needs it",
    ),
    Mistake(
        "text read as an enum",
        query("trees/get"),
        "    skill_trees.difficulty,\n",
        "    lower(skill_trees.difficulty::text) as difficulty,\n",
        'column "difficulty"',
        "is text, not DifficultyLevel",
        at="difficulty",
    ),
    Mistake(
        "column too many",
        query("trees/get"),
        "    skill_trees.id,\n",
        "    skill_trees.id,\n    skill_trees.is_featured as is_shown,\n",
        'column "is_shown"',
        "has no such field",
        at="is_shown",
    ),
    Mistake(
        "column twice",
        query("trees/get"),
        "    skill_trees.id,\n",
        "    skill_trees.id,\n    skill_trees.id,\n",
        'column "id"',
        "stands twice",
        at="skill_trees.id",
    ),
    Mistake(
        "numeric for int",
        query("progress/activity_by_day"),
        "coalesce(paid.xp, 0) as xp",
        "coalesce(paid.xp, 0.0) as xp",
        'column "xp"',
        "is numeric, not int",
        at="0.0",
    ),
    Mistake(
        "text for a time",
        query("skills/get"),
        "skills.created_at,",
        "skills.created_at::text,",
        'column "created_at"',
        "is text, not datetime",
        at="created_at::text",
    ),
    Mistake(
        "time without zone",
        query("skills/get"),
        "skills.created_at,",
        "skills.created_at at time zone 'UTC' as created_at,",
        'column "created_at"',
        "is timestamp without time zone",
        at="at time zone",
    ),
    Mistake(
        "text for an id",
        query("users/get"),
        "users.id,",
        "users.id::text as id,",
        'column "id"',
        "is text, not UserId",
        at="::text",
    ),
    Mistake(
        "scalar for an array",
        query("skills/get"),
        "skills.dependencies,",
        "cardinality(skills.dependencies) as dependencies,",
        'column "dependencies"',
        "is integer, not tuple",
        at="cardinality",
    ),
    Mistake(
        "text for a document",
        query("users/get_profile"),
        "user_profiles.preferences,",
        "user_profiles.preferences::text as preferences,",
        'column "preferences"',
        "is text, not Preferences",
        at="::text",
    ),
    Mistake(
        "JSON key misspelt",
        query("trees/load"),
        "end as status,",
        "end as state,",
        'column "skills.state"',
        "the model LoadedSkill has no such field",
    ),
    Mistake(
        "JSON key missing",
        query("trees/load"),
        "                active_skill.xp_value,\n",
        "",
        'field "skills.xp_value"',
        "LoadedSkill needs it",
    ),
    Mistake(
        "JSON of another type",
        query("trees/load_map"),
        "        skills.position_x,\n",
        "        skills.position_x::text as position_x,\n",
        'column "skills.position_x"',
        "is text, not float",
    ),
]

NULLS = [
    Mistake(
        "nulls in an array",
        query("trees/load"),
        "                    loaded_skill\n                    order by",
        "                    nullif(to_json(loaded_skill)::text, '')::json\n                    order by",
        'column "skills"',
        "has elements that can be null",
    ),
    Mistake(
        "left join for a join",
        query("skills/search"),
        "inner join skill_trees",
        "left join skill_trees",
        'column "tree_slug"',
        "SkillHit.tree_slug is not optional",
        at="tree_slug",
    ),
    Mistake(
        "coalesce forgotten",
        query("progress/missing_prerequisites"),
        "coalesce(leveled.level, 0) as level",
        "leveled.level",
        'column "level"',
        "outer join finds no leveled",
        at="leveled.level",
    ),
    Mistake(
        "sum of what may be nothing",
        query("leaderboards/rank"),
        "(1 + coalesce(sum(more.learners), 0))",
        "(1 + sum(more.learners))",
        'column "rank"',
        "can be null",
        at="sum(more.learners)",
    ),
    Mistake(
        "case without else",
        query("skills/learning_path"),
        "tree_skill.xp_value,",
        "case when tree_skill.is_active then tree_skill.xp_value end as xp_value,",
        'column "xp_value"',
        "a case without else",
        at="case when",
    ),
    Mistake(
        "JSON null",
        query("trees/load_map"),
        "coalesce(skill_progress.progress_percent, 0) as progress_percent",
        "skill_progress.progress_percent",
        'column "skills.progress_percent"',
        "outer join finds no skill_progress",
    ),
    Mistake(
        "nothing instead of an empty array",
        query("trees/load"),
        "                '[]'\n",
        "                null\n",
        'column "skills"',
        "LoadedTree.skills is not optional",
    ),
    Mistake(
        "optional forgotten",
        f"{MODELS}/users.py",
        "first_name: str | None",
        "first_name: str",
        'column "first_name"',
        "User.first_name is not optional",
        query("users/get"),
        at="users.first_name",
    ),
    Mistake(
        "optional for nothing",
        f"{MODELS}/users.py",
        "email: str\n",
        "email: str | None\n",
        'column "email"',
        "is never null",
        query("accounts/finish_login"),
        at="email",
    ),
    Mistake(
        "optional for nothing, in a model of the name of another library's class",
        f"{MODELS}/trees.py",
        "    name: str\n    slug: str\n    description",
        "    name: str | None\n    slug: str\n    description",
        'column "name"',
        "is never null",
        query("trees/change_slug"),
        at="name",
    ),
    Mistake(
        "value that may be null",
        query("sessions/end_all"),
        "returning user_sessions.id",
        "returning ended_at",
        'column "ended_at"',
        "can be null",
        at="ended_at",
    ),
]

HEADERS = [
    Mistake("no budget", query("trees/get"), "-- @budget buffers 10\n", "", "@budget", "is missing"),
    Mistake(
        "query before it misspelt",
        query("progress/end_import"),
        "@after progress/begin_import",
        "@after progress/begin",
        "@after",
        "queries/progress/begin.sql does not exist",
        at="@after",
    ),
    Mistake("directive misspelt", query("users/get"), "-- @step", "-- @stpe", "@stpe", "is no directive", at="@stpe"),
    Mistake(
        "directive without a reason",
        query("trees/load"),
        "-- @nullable progress: before the learner starts the tree",
        "-- @nullable progress",
        "@nullable",
        "is malformed",
        at="@nullable",
    ),
    Mistake("directive ill spaced", query("users/get"), "-- @step", "--@step", "@step", "is malformed", at="--@step"),
    Mistake(
        "directive in the statement",
        query("users/get"),
        "from users\n",
        "from users\n-- @across all of them\n",
        "@across",
        "stands outside the header",
        at="@across",
    ),
    Mistake(
        "role that is none",
        query("users/deactivate"),
        "@role app_service",
        "@role app_owner",
        "@role",
        "is malformed",
        at="app_owner",
    ),
    Mistake(
        "declaration missing",
        query("trees/load"),
        "-- @nullable progress: before the learner starts the tree\n",
        "",
        'column "progress"',
        "cannot be told whether it can be null: it is a sub-select that may find no row",
    ),
    Mistake(
        "declaration wrong",
        query("users/get"),
        "-- @step",
        "-- @notnull first_name: everybody has one\n-- @step",
        "@notnull first_name",
        "is wrong: the column can be null",
        at="@notnull",
    ),
    Mistake(
        "declaration wrong, the other way",
        query("users/get"),
        "-- @step",
        "-- @nullable email: some have none\n-- @step",
        "@nullable email",
        "is wrong: it is never null",
        at="@nullable",
    ),
    Mistake(
        "declaration for nothing",
        query("users/get"),
        "-- @step",
        "-- @notnull email: it is so\n-- @step",
        "@notnull email",
        "is not needed",
        at="@notnull",
    ),
    Mistake(
        "declaration of no column",
        query("users/get"),
        "-- @step",
        "-- @nullable nick: it is so\n-- @step",
        "@nullable nick",
        "is not there",
        at="@nullable",
    ),
    Mistake(
        "declared nullable, not optional",
        query("achievements/standings"),
        "-- @notnull threshold",
        "-- @nullable threshold",
        'column "threshold"',
        "AchievementStanding.threshold is not optional",
    ),
]

USERS = [
    Mistake(
        "user's id forgotten",
        query("progress/list_for_user"),
        "user_skill_progress.user_id = %(user_id)s",
        "%(user_id)s::uuid is not null",
        'table "user_skill_progress"',
        "is touched without the user's id",
        at="from user_skill_progress",
    ),
    Mistake(
        "user's id in or",
        query("progress/for_skill"),
        "    and user_skill_progress.skill_id",
        "    or user_skill_progress.skill_id",
        'table "user_skill_progress"',
        "without the user's id",
    ),
    Mistake(
        "another's rows joined",
        query("achievements/for_user"),
        "inner join achievements on achievements.id = user_achievements.achievement_id",
        "inner join achievements on achievements.id = user_achievements.achievement_id\n"
        "inner join users on users.is_active",
        'table "users"',
        "without the user's id",
        at="join users",
    ),
    Mistake(
        "everybody updated",
        query("sessions/end"),
        "user_sessions.user_id = %(user_id)s",
        "%(user_id)s::uuid is not null",
        'table "user_sessions"',
        "without the user's id",
        at="update user_sessions",
    ),
    Mistake(
        "@across forgotten",
        query("users/find_by_email"),
        "-- @across whose account it is, is what is asked\n",
        "",
        'table "users"',
        "without the user's id",
        at="from users",
    ),
    Mistake(
        "@across for nothing",
        query("users/get"),
        "-- @step",
        "-- @across everybody\n-- @step",
        "@across",
        "is not needed",
        at="@across",
    ),
]

USAGE = [
    Mistake(
        "file that nobody runs",
        query("users/forgotten"),
        "",
        "-- Nothing.\nselect 1 as one;\n",
        "file",
        "no repository method runs it",
    ),
    Mistake(
        "file gone",
        query("users/find_by_username"),
        "",
        "",
        'query "users/find_by_username"',
        "does not exist",
        f"{METHODS}/users.py",
        at="users/find_by_username",
    ),
    Mistake(
        "query misspelt",
        f"{METHODS}/skills.py",
        '"skills/children"',
        '"skills/childern"',
        'query "skills/childern"',
        "does not exist",
        at="childern",
    ),
    Mistake(
        "method of another name",
        f"{METHODS}/skills.py",
        "async def children",
        "async def list_children",
        "file",
        "no method of its name runs it, but skills/list_children",
        query("skills/children"),
    ),
    Mistake(
        "file run by another method too",
        f"{METHODS}/skills.py",
        '"skills/list_for_tree", tree_id=tree_id',
        '"trees/export_tree", slug="", tree_id=tree_id',
        "file",
        "not only the method of its name runs it",
        query("trees/export_tree"),
    ),
    Mistake(
        "@step forgotten",
        query("trees/lock"),
        "-- @step how delete begins\n",
        "",
        "file",
        "no method of its name runs it, but trees/delete",
    ),
    Mistake(
        "@step for nothing",
        query("skills/get"),
        "-- A skill by its id.\n",
        "-- A skill by its id.\n--\n-- @step it is one\n",
        "@step",
        "is not needed",
        at="@step",
    ),
]

PARAMETERS = [
    Mistake(
        "parameter renamed in the file",
        query("trees/get"),
        "%(tree_id)s",
        "%(id)s",
        'parameter "id"',
        "trees/get (src/skilltree/_async/trees.py",
        at="%(id)s",
    ),
    Mistake(
        "parameter no longer used",
        query("skills/list_for_tree"),
        "%(include_inactive)s",
        "true",
        'parameter "include_inactive"',
        "does not take it",
        f"{METHODS}/skills.py",
        at="include_inactive",
    ),
    Mistake(
        "parameter not passed",
        f"{METHODS}/trees.py",
        '"trees/find_by_slug", slug=slug',
        '"trees/find_by_slug"',
        'parameter "slug"',
        "does not pass it",
        query("trees/find_by_slug"),
        at="%(slug)s",
    ),
    Mistake(
        "parameter of an action unused",
        f"{METHODS}/progress.py",
        "score=score, failed=failed, at=at",
        "score=score, failed=failed, at=at, mood=1",
        'parameter "mood"',
        "passes it",
        at="step(",
    ),
    Mistake(
        "annotation of another type",
        f"{METHODS}/skills.py",
        "async def get(self, skill_id: SkillId)",
        "async def get(self, skill_id: str)",
        'parameter "skill_id"',
        "is uuid, not str",
        at="skills/get",
    ),
    Mistake(
        "text for an enum",
        f"{METHODS}/achievements.py",
        "rarity: AchievementRarity = AchievementRarity.COMMON",
        "rarity: str = 'COMMON'",
        'parameter "rarity"',
        "is the enum achievement_rarity, not str",
    ),
    Mistake(
        "tuple for an array",
        f"{METHODS}/trees.py",
        "tags=[*tags]",
        "tags=(*tags,)",
        'parameter "tags"',
        "sends only a list as an array",
    ),
    Mistake(
        "array of other elements",
        f"{METHODS}/skills.py",
        "dependencies: Sequence[SkillId] = ()",
        "dependencies: Sequence[int] = ()",
        'parameter "dependencies"',
        "is uuid[], not list[int]",
    ),
    Mistake(
        "document not validated",
        f"{METHODS}/skills.py",
        'content=document(CONTENT, content, "content")',
        "content=str(content)",
        'parameter "content"',
        "what is sent as JSON is checked by document()",
    ),
    Mistake(
        "order by what is no field",
        f"{METHODS}/trees.py",
        'order=("name", "id")',
        'order=("title", "id")',
        'parameter "after_title"',
        "does not take it",
    ),
]

MODELS_WRONG = [
    Mistake(
        "field of another type",
        f"{MODELS}/users.py",
        "total_xp: int",
        "total_xp: str",
        'column "total_xp"',
        "is bigint, not str",
        query("users/get_profile"),
        at="total_xp",
    ),
    Mistake(
        "int for float",
        f"{MODELS}/progress.py",
        "    status: TreeProgressStatus\n    progress_percent: float",
        "    status: TreeProgressStatus\n    progress_percent: int",
        'column "progress_percent"',
        "is double precision, not int",
        query("progress/for_tree"),
        at="progress_percent",
    ),
    Mistake(
        "field misspelt",
        f"{MODELS}/users.py",
        "username: str",
        "user_name: str",
        'field "user_name"',
        "User needs it",
        query("users/get"),
    ),
    Mistake(
        "field missing",
        f"{MODELS}/trees.py",
        "    is_featured: bool\n    is_ai_generated: bool\n    created_at",
        "    is_ai_generated: bool\n    created_at",
        'column "is_featured"',
        "the model Tree has no such field",
        query("trees/get"),
        at="is_featured",
    ),
    Mistake(
        "label missing in Python",
        f"{MODELS}/enums.py",
        '    MASTERY = "MASTERY"\n',
        "",
        'column "category"',
        "whose label MASTERY is not in AchievementCategory",
        query("achievements/for_user"),
        at="category",
    ),
    Mistake(
        "label unknown to the database",
        f"{MODELS}/enums.py",
        '    COMMON = "COMMON"\n',
        '    COMMON = "COMMON"\n    MYTHIC = "MYTHIC"\n',
        'column "rarity"',
        "has no label MYTHIC",
        query("achievements/list"),
        at="rarity",
    ),
    Mistake(
        "enum for another",
        f"{MODELS}/skills.py",
        "    skill_type: SkillType\n    difficulty: DifficultyLevel\n    is_active",
        "    skill_type: DifficultyLevel\n    difficulty: DifficultyLevel\n    is_active",
        'column "skill_type"',
        "is the enum skill_type, whose label",
        query("skills/ancestors"),
        at="skill_type",
    ),
    Mistake(
        "text for JSON",
        f"{MODELS}/skills.py",
        "content: SkillContent | None",
        "content: str | None",
        'column "content"',
        "is jsonb, not str",
        query("skills/get"),
        at="skills.content",
    ),
    Mistake(
        "elements of another type",
        f"{MODELS}/skills.py",
        "dependencies: tuple[SkillId, ...]",
        "dependencies: tuple[int, ...]",
        'column "dependencies"',
        "is uuid[], not tuple[int, ...]",
        query("skills/get"),
        at="skills.dependencies",
    ),
    Mistake(
        "model of another query",
        f"{METHODS}/skills.py",
        'self._one(Skill, "skills/get"',
        'self._one(SkillHit, "skills/get"',
        'field "tree_slug"',
        "SkillHit needs it",
        query("skills/get"),
    ),
]

DESCRIPTION = [
    Mistake(
        "description stale",
        "queries/schema.json",
        '"is_active": "boolean not null"',
        '"is_active": "boolean"',
        "description",
        "is not what a migrated database says",
        at='"is_active": "boolean"',
    ),
]

MISTAKES = [*STATEMENTS, *COLUMNS, *NULLS, *HEADERS, *USERS, *USAGE, *PARAMETERS, *MODELS_WRONG, *DESCRIPTION]
