-- Delete an account with everything a learner has done.
delete from users
where users.id = %(user_id)s
returning users.id;
