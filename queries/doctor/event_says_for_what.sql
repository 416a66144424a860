-- Entries of the ledger that describe their source wrongly: the tree of a skill, its category, difficulty and type at
-- that time, and the day; or any of these for an achievement, which has none. The tree of a skill never changes; the
-- rest is as it was then. The day differs from the date of the event by one day at most, in any time zone. For a
-- deleted skill only the day can be checked.
--
-- @role app_service
-- @step an invariant that doctor.examine and doctor.repair check
-- @across checks all learners
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
