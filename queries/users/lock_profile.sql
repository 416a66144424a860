-- Hold a learner: nobody else changes what they have reached until the commit.
select user_profiles.user_id
from user_profiles
where user_profiles.user_id = %(user_id)s
for no key update;
