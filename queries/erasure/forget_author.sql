-- Remove the author from rows that an erased learner created or changed. No other id replaces it, because the content
-- might show who wrote it. A backfill that stopped at this learner continues after the one before.
--
-- Whole tables are read where no index contains the author: authors are few, and erasures are rare.
--
-- @role app_service
-- @across accounts that the learner created or changed as an administrator
-- @budget buffers 3100
-- @never Seq Scan on user_profiles
with forgotten_account as (
    update users
    set
        created_by = nullif(users.created_by, %(user_id)s),
        updated_by = nullif(users.updated_by, %(user_id)s),
        updated_at = now()
    where
        users.id <> %(user_id)s
        and %(user_id)s in (users.created_by, users.updated_by)
    returning users.id
),

forgotten_tree as (
    update skill_trees
    set
        created_by = nullif(skill_trees.created_by, %(user_id)s),
        updated_by = nullif(skill_trees.updated_by, %(user_id)s),
        updated_at = now()
    where %(user_id)s in (skill_trees.created_by, skill_trees.updated_by)
    returning skill_trees.id
),

forgotten_skill as (
    update skills
    set
        created_by = nullif(skills.created_by, %(user_id)s),
        updated_by = nullif(skills.updated_by, %(user_id)s),
        updated_at = now()
    where %(user_id)s in (skills.created_by, skills.updated_by)
    returning skills.id
)

update achievement_backfills
set
    after_user_id = (
        select user_profiles.user_id
        from user_profiles
        where user_profiles.user_id < %(user_id)s
        order by user_profiles.user_id desc
        limit 1
    )
where achievement_backfills.after_user_id = %(user_id)s
returning achievement_backfills.achievement_id;
