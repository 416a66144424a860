-- Copy the ledger of an erased learner to the account without an owner. A day in UTC is in the same week and month as
-- its times.
--
-- nobody_id  the account that gets it
--
-- @role app_service
-- @across kept rows move to another account
-- @after erasure/keep_account
-- @budget buffers 2500
-- @never Seq Scan on xp_events
insert into xp_events (
    user_id,
    source_kind,
    source_id,
    id,
    xp,
    granted_at,
    granted_on,
    skill_tree_id,
    category_id,
    difficulty,
    skill_type
)
select
    %(nobody_id)s::uuid,
    xp_events.source_kind,
    xp_events.source_id,
    gen_random_uuid(),
    xp_events.xp,
    date_trunc('day', xp_events.granted_at, 'UTC'),
    xp_events.granted_on,
    xp_events.skill_tree_id,
    xp_events.category_id,
    xp_events.difficulty,
    xp_events.skill_type
from xp_events
where xp_events.user_id = %(user_id)s
returning xp_events.source_id;
