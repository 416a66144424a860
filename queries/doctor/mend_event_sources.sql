-- Correct the source and day of a learner's events in the ledger (doctor/event_says_for_what). The XP stays.
--
-- @role app_service
-- @step a step of doctor.repair
-- @budget buffers 990
-- @never Seq Scan on xp_events
with due as (
    select
        xp_events.source_kind,
        xp_events.source_id,
        skills.skill_tree_id,
        coalesce(xp_events.category_id, skill_trees.category_id) as category_id,
        coalesce(xp_events.difficulty, skills.difficulty) as difficulty,
        coalesce(xp_events.skill_type, skills.skill_type) as skill_type,
        skills.id is not null as has_skill,
        case
            when
                xp_events.source_kind = 'SKILL'
                and abs((xp_events.granted_at at time zone 'UTC')::date - xp_events.granted_on) > 1
                then (xp_events.granted_at at time zone 'UTC')::date
            else xp_events.granted_on
        end as granted_on
    from xp_events
    left join skills
        on
            xp_events.source_kind = 'SKILL'
            and skills.id = xp_events.source_id
    left join skill_trees on skill_trees.id = skills.skill_tree_id
    where xp_events.user_id = %(user_id)s
)

update xp_events
set
    skill_tree_id = case
        when due.has_skill then due.skill_tree_id
        when due.source_kind = 'SKILL' then xp_events.skill_tree_id
    end,
    category_id = case when due.source_kind = 'SKILL' then due.category_id end,
    difficulty = case when due.source_kind = 'SKILL' then due.difficulty end,
    skill_type = case when due.source_kind = 'SKILL' then due.skill_type end,
    granted_on = due.granted_on
from due
where
    xp_events.user_id = %(user_id)s
    and xp_events.source_kind = due.source_kind
    and xp_events.source_id = due.source_id
    and (
        xp_events.granted_on <> due.granted_on
        or (
            due.has_skill
            and (
                xp_events.skill_tree_id is distinct from due.skill_tree_id
                or xp_events.category_id is null
                or xp_events.difficulty is null
                or xp_events.skill_type is null
            )
        )
        or (
            due.source_kind = 'ACHIEVEMENT'
            and num_nonnulls(
                xp_events.skill_tree_id, xp_events.category_id, xp_events.difficulty, xp_events.skill_type
            ) > 0
        )
    )
returning xp_events.source_id;
