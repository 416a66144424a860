-- Copy the achievements of an erased learner to the account without an owner.
--
-- nobody_id  the account that gets them
--
-- @role app_service
-- @across kept rows move to another account
-- @after erasure/keep_account
-- @budget buffers 350
-- @never Seq Scan on user_achievements
insert into user_achievements (user_id, achievement_id, id, earned_at, progress, metadata)
select
    %(nobody_id)s::uuid,
    user_achievements.achievement_id,
    gen_random_uuid(),
    date_trunc('day', user_achievements.earned_at, 'UTC'),
    user_achievements.progress,
    -- Only what doctor/award_is_entitled judges the award by, because an author may change the criteria later.
    case
        when
            jsonb_typeof(user_achievements.metadata -> 'criteria') = 'object'
            and (user_achievements.metadata -> 'criteria') - array['type', 'threshold', 'additionalParams'] = '{}'
            then jsonb_build_object('criteria', user_achievements.metadata -> 'criteria')
    end as metadata
from user_achievements
where user_achievements.user_id = %(user_id)s
returning user_achievements.achievement_id;
