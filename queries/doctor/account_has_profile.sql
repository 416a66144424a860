-- Accounts without a profile, which cannot act.
--
-- @role app_service
-- @step an invariant that doctor.examine and doctor.repair check
-- @across checks all learners
-- @budget buffers 780
select
    'learner' as subject_kind,
    users.id as user_id,
    null::uuid as subject_id,
    'profile' as what,
    'a profile' as expected,
    null as found
from users
left join user_profiles on user_profiles.user_id = users.id
where user_profiles.user_id is null
order by users.id;
