-- Learners whose total XP is not the sum of the ledger.
--
-- @role app_service
-- @step an invariant that doctor.examine and doctor.repair check
-- @across checks all learners
-- @budget buffers 25000
with ledger as (
    select
        xp_events.user_id,
        sum(xp_events.xp) as xp
    from xp_events
    group by xp_events.user_id
)

select
    'learner' as subject_kind,
    user_profiles.user_id,
    null::uuid as subject_id,
    'total_xp' as what,
    coalesce(ledger.xp, 0)::text as expected,
    user_profiles.total_xp::text as found
from user_profiles
left join ledger on ledger.user_id = user_profiles.user_id
where user_profiles.total_xp <> coalesce(ledger.xp, 0)
order by user_profiles.user_id;
