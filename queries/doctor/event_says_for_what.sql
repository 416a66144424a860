-- Entries of the ledger that do not say for what they were granted: in which tree a skill is, of which category,
-- difficulty and type it was, and on which day that was; or that say it of an achievement, which has none of that.
-- Trees do not change; the rest is as it was then. A day is a date within one day of the moment, in whatever zone.
--
-- @role app_service
-- @step an invariant, which doctor.examine and doctor.repair look through
-- @across looks through all learners
-- @budget buffers 4600000
select
    lower(xp_events.source_kind) as subject_kind,
    xp_events.user_id,
    xp_events.source_id as subject_id,
    'xp event: ' || field.what as what,
    field.expected,
    field.found
from xp_events
left join skills
    on
        xp_events.source_kind = 'SKILL'
        and skills.id = xp_events.source_id
left join skill_trees on skill_trees.id = skills.skill_tree_id
cross join
    lateral (
        values
        ('skill_tree_id', skills.skill_tree_id::text, xp_events.skill_tree_id::text),
        (
            'category_id',
            coalesce(case when skills.id is not null then xp_events.category_id end, skill_trees.category_id)::text,
            xp_events.category_id::text
        ),
        (
            'difficulty',
            coalesce(case when skills.id is not null then xp_events.difficulty end, skills.difficulty)::text,
            xp_events.difficulty::text
        ),
        (
            'skill_type',
            coalesce(case when skills.id is not null then xp_events.skill_type end, skills.skill_type)::text,
            xp_events.skill_type::text
        ),
        (
            'granted_on',
            to_char(
                case
                    when
                        xp_events.source_kind = 'SKILL'
                        and abs((xp_events.granted_at at time zone 'UTC')::date - xp_events.granted_on) > 1
                        then (xp_events.granted_at at time zone 'UTC')::date
                    else xp_events.granted_on
                end,
                'YYYY-MM-DD'
            ),
            to_char(xp_events.granted_on, 'YYYY-MM-DD')
        )
    ) as field (what, expected, found)
where
    (
        (
            skills.id is not null
            and (
                xp_events.skill_tree_id is distinct from skills.skill_tree_id
                or xp_events.category_id is null
                or xp_events.difficulty is null
                or xp_events.skill_type is null
            )
        )
        or (
            xp_events.source_kind = 'ACHIEVEMENT'
            and num_nonnulls(
                xp_events.skill_tree_id, xp_events.category_id, xp_events.difficulty, xp_events.skill_type
            ) > 0
        )
        or (
            xp_events.source_kind = 'SKILL'
            and abs((xp_events.granted_at at time zone 'UTC')::date - xp_events.granted_on) > 1
        )
    )
    -- Of a skill that is gone, nothing but the day can be told.
    and (
        skills.id is not null
        or xp_events.source_kind = 'ACHIEVEMENT'
        or field.what = 'granted_on'
    )
    and field.expected is distinct from field.found
order by xp_events.user_id, xp_events.source_kind, xp_events.source_id, field.what;
