-- Delete the courses of a tree that nobody has bought.
--
-- @role app_service
-- @across a payment of any learner keeps a course
-- @sample tree_id: (select skill_tree_id from courses order by id limit 1)
delete from courses
where
    courses.skill_tree_id = %(tree_id)s
    and not exists (
        select from payments
        where payments.course_id = courses.id
    );
