-- The history of a row, latest change first. The inserted row is reconstructed from the present or deleted row by
-- undoing later changes. An existing row of a ledger is its own first entry, number 0.
--
-- subject_id  the learner whose row it is; for a row without a learner, its own id
-- row_key     identifies the row among those of the learner; the handle `id` also works while the row exists
--
-- @role app_service
-- @across the learner is the subject_id, if the row belongs to one
-- @nullable after: a delete has none
-- @sample table_name: (select 'skills')
-- @sample subject_id: (select id from skills order by id limit 1)
-- @sample after_occurred_at: null
-- @sample after_id: null
-- @sample row_key: (select id::text from skills order by id limit 1)
-- @budget buffers 48
with
sought as (
    select
        coalesce(
            (
                select user_skill_tree_progress.skill_tree_id::text
                from user_skill_tree_progress
                where
                    %(table_name)s = 'user_skill_tree_progress'
                    and user_skill_tree_progress.user_id = %(subject_id)s
                    and user_skill_tree_progress.id::text = %(row_key)s
            ),
            (
                select user_skill_progress.skill_id::text
                from user_skill_progress
                where
                    %(table_name)s = 'user_skill_progress'
                    and user_skill_progress.user_id = %(subject_id)s
                    and user_skill_progress.id::text = %(row_key)s
            ),
            (
                select user_achievements.achievement_id::text
                from user_achievements
                where
                    %(table_name)s = 'user_achievements'
                    and user_achievements.user_id = %(subject_id)s
                    and user_achievements.id::text = %(row_key)s
            ),
            (
                select xp_events.source_id::text
                from xp_events
                where
                    %(table_name)s = 'xp_events'
                    and xp_events.user_id = %(subject_id)s
                    and xp_events.id::text = %(row_key)s
            ),
            %(row_key)s
        ) as row_key
),

standing_row as (
    select
        audit_image(jsonb_populate_record(null::users, to_jsonb(users))) as image,
        null::timestamptz as recorded_at
    from users
    where
        %(table_name)s = 'users'
        and users.id = %(subject_id)s
    union all
    select
        audit_image(jsonb_populate_record(null::user_profiles, to_jsonb(user_profiles))),
        null
    from user_profiles
    where
        %(table_name)s = 'user_profiles'
        and user_profiles.user_id = %(subject_id)s
    union all
    select
        audit_image(jsonb_populate_record(null::skill_categories, to_jsonb(skill_categories))),
        null
    from skill_categories
    where
        %(table_name)s = 'skill_categories'
        and skill_categories.id = %(subject_id)s
    union all
    select
        audit_image(jsonb_populate_record(null::skill_trees, to_jsonb(skill_trees))),
        null
    from skill_trees
    where
        %(table_name)s = 'skill_trees'
        and skill_trees.id = %(subject_id)s
    union all
    select
        audit_image(jsonb_populate_record(null::skills, to_jsonb(skills))),
        null
    from skills
    where
        %(table_name)s = 'skills'
        and skills.id = %(subject_id)s
    union all
    select
        audit_image(jsonb_populate_record(null::achievements, to_jsonb(achievements))),
        null
    from achievements
    where
        %(table_name)s = 'achievements'
        and achievements.id = %(subject_id)s
    union all
    select
        audit_image(jsonb_populate_record(null::user_skill_tree_progress, to_jsonb(user_skill_tree_progress))),
        null
    from user_skill_tree_progress
    cross join sought
    where
        %(table_name)s = 'user_skill_tree_progress'
        and user_skill_tree_progress.user_id = %(subject_id)s
        and user_skill_tree_progress.skill_tree_id::text = sought.row_key
    union all
    select
        audit_image(jsonb_populate_record(null::user_skill_progress, to_jsonb(user_skill_progress))),
        null
    from user_skill_progress
    cross join sought
    where
        %(table_name)s = 'user_skill_progress'
        and user_skill_progress.user_id = %(subject_id)s
        and user_skill_progress.skill_id::text = sought.row_key
    union all
    select
        audit_image(jsonb_populate_record(null::user_sessions, to_jsonb(user_sessions))),
        null
    from user_sessions
    cross join sought
    where
        %(table_name)s = 'user_sessions'
        and user_sessions.user_id = %(subject_id)s
        and user_sessions.id::text = sought.row_key
    union all
    select
        audit_image(jsonb_populate_record(null::user_achievements, to_jsonb(user_achievements))),
        user_achievements.earned_at
    from user_achievements
    cross join sought
    where
        %(table_name)s = 'user_achievements'
        and user_achievements.user_id = %(subject_id)s
        and user_achievements.achievement_id::text = sought.row_key
    union all
    select
        audit_image(jsonb_populate_record(null::xp_events, to_jsonb(xp_events))),
        xp_events.granted_at
    from xp_events
    cross join sought
    where
        %(table_name)s = 'xp_events'
        and xp_events.user_id = %(subject_id)s
        and xp_events.source_id::text = sought.row_key
    union all
    select
        audit_image(jsonb_populate_record(null::user_activity_days, to_jsonb(user_activity_days))),
        user_activity_days.activity_date::timestamp at time zone 'UTC'
    from user_activity_days
    cross join sought
    where
        %(table_name)s = 'user_activity_days'
        and user_activity_days.user_id = %(subject_id)s
        and to_char(user_activity_days.activity_date, 'YYYY-MM-DD') = sought.row_key
),

entry as (
    (
        select
            audit_trail.id,
            audit_trail.occurred_at,
            audit_trail.action,
            audit_trail.actor_id,
            audit_trail.role_name,
            audit_trail.transaction_id,
            audit_trail.before,
            audit_trail.after
        from audit_trail
        cross join sought
        where
            audit_trail.subject_id = %(subject_id)s
            and audit_trail.table_name = %(table_name)s
            and sought.row_key = any(audit_trail.row_keys)
            and (
                %(after_occurred_at)s::timestamptz is null
                or (audit_trail.occurred_at, audit_trail.id) < (%(after_occurred_at)s, %(after_id)s::bigint)
            )
        order by audit_trail.occurred_at desc, audit_trail.id desc
        limit %(limit)s
    )
    union all
    select
        0,
        standing_row.recorded_at,
        'INSERT',
        null,
        null,
        null,
        null,
        null
    from standing_row
    where
        standing_row.recorded_at is not null
        and coalesce(%(after_id)s::bigint, 1) > 0
)

select
    entry.id,
    entry.occurred_at,
    %(table_name)s::text as table_name,
    %(subject_id)s::uuid as subject_id,
    sought.row_key,
    entry.action,
    entry.actor_id,
    entry.role_name,
    entry.transaction_id::text::bigint as transaction_id,
    entry.before,
    case
        when entry.action = 'INSERT'
            then coalesce(deletion.before, standing_row.image) || coalesce(change.old_values, '{}')
        else entry.after
    end as after
from entry
cross join sought
left join standing_row on true
left join
    lateral (
        select
            audit_trail.id,
            audit_trail.occurred_at,
            audit_trail.before
        from audit_trail
        where
            entry.action = 'INSERT'
            and audit_trail.subject_id = %(subject_id)s
            and audit_trail.table_name = %(table_name)s
            and sought.row_key = any(audit_trail.row_keys)
            and audit_trail.action = 'DELETE'
            and (audit_trail.occurred_at, audit_trail.id) > (entry.occurred_at, entry.id)
        order by audit_trail.occurred_at, audit_trail.id
        limit 1
    ) as deletion
    on true
left join
    lateral (
        -- If a column changed more than once, the last entry in this order counts: the oldest.
        select
            jsonb_object_agg(
                old.name, old.value
                order by audit_trail.occurred_at desc, audit_trail.id desc
            ) as old_values
        from audit_trail
        cross join jsonb_each(audit_trail.before) as old (name, value)
        where
            entry.action = 'INSERT'
            and audit_trail.subject_id = %(subject_id)s
            and audit_trail.table_name = %(table_name)s
            and sought.row_key = any(audit_trail.row_keys)
            and audit_trail.action = 'UPDATE'
            and (audit_trail.occurred_at, audit_trail.id) > (entry.occurred_at, entry.id)
            and (
                deletion.id is null
                or (audit_trail.occurred_at, audit_trail.id) < (deletion.occurred_at, deletion.id)
            )
            -- Without secret and dropped columns.
            and coalesce(deletion.before, standing_row.image) ? old.name
    ) as change
    on true
order by entry.occurred_at desc, entry.id desc
limit %(limit)s;
