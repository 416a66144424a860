-- Entries of the ledger that do not say for what they were granted: in which tree a skill is, of which category,
-- difficulty and type it was, and on which day that was; or that say it of an achievement, which has none of that.
-- Trees do not change; the rest is as it was then. A day is a date within one day of the moment, in whatever zone. Of a
-- skill that is gone, nothing but the day can be told.
--
-- @role app_service
-- @step an invariant, which doctor.examine and doctor.repair look through
-- @across looks through all learners
-- @budget buffers 67000
with wrong as (
    select
        xp_events.user_id,
        xp_events.source_kind,
        xp_events.source_id,
        xp_events.skill_tree_id,
        xp_events.category_id,
        xp_events.difficulty,
        xp_events.skill_type,
        xp_events.granted_on,
        skills.skill_tree_id as due_tree_id,
        coalesce(xp_events.category_id, skill_trees.category_id) as due_category_id,
        coalesce(xp_events.difficulty, skills.difficulty) as due_difficulty,
        coalesce(xp_events.skill_type, skills.skill_type) as due_skill_type,
        xp_events.granted_on as due_on
    from xp_events
    inner join skills on skills.id = xp_events.source_id
    inner join skill_trees on skill_trees.id = skills.skill_tree_id
    where
        xp_events.source_kind = 'SKILL'
        and (
            xp_events.skill_tree_id is distinct from skills.skill_tree_id
            or xp_events.category_id is null
            or xp_events.difficulty is null
            or xp_events.skill_type is null
        )
    union all
    select
        xp_events.user_id,
        xp_events.source_kind,
        xp_events.source_id,
        xp_events.skill_tree_id,
        xp_events.category_id,
        xp_events.difficulty,
        xp_events.skill_type,
        xp_events.granted_on,
        null as due_tree_id,
        null as due_category_id,
        null as due_difficulty,
        null as due_skill_type,
        xp_events.granted_on as due_on
    from xp_events
    where
        xp_events.source_kind = 'ACHIEVEMENT'
        and num_nonnulls(
            xp_events.skill_tree_id, xp_events.category_id, xp_events.difficulty, xp_events.skill_type
        ) > 0
    union all
    select
        xp_events.user_id,
        xp_events.source_kind,
        xp_events.source_id,
        xp_events.skill_tree_id,
        xp_events.category_id,
        xp_events.difficulty,
        xp_events.skill_type,
        xp_events.granted_on,
        xp_events.skill_tree_id as due_tree_id,
        xp_events.category_id as due_category_id,
        xp_events.difficulty as due_difficulty,
        xp_events.skill_type as due_skill_type,
        (xp_events.granted_at at time zone 'UTC')::date as due_on
    from xp_events
    where
        xp_events.source_kind = 'SKILL'
        and abs((xp_events.granted_at at time zone 'UTC')::date - xp_events.granted_on) > 1
)

select
    lower(wrong.source_kind) as subject_kind,
    wrong.user_id,
    wrong.source_id as subject_id,
    'xp event: ' || field.what as what,
    field.expected,
    field.found
from wrong
cross join
    lateral (
        values
        ('skill_tree_id', wrong.due_tree_id::text, wrong.skill_tree_id::text),
        ('category_id', wrong.due_category_id::text, wrong.category_id::text),
        ('difficulty', wrong.due_difficulty::text, wrong.difficulty::text),
        ('skill_type', wrong.due_skill_type::text, wrong.skill_type::text),
        ('granted_on', to_char(wrong.due_on, 'YYYY-MM-DD'), to_char(wrong.granted_on, 'YYYY-MM-DD'))
    ) as field (what, expected, found)
where field.expected is distinct from field.found
order by wrong.user_id, wrong.source_kind, wrong.source_id, field.what;
