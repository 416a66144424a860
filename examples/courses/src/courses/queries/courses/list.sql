-- The courses whose tree is published, by title, and whether the learner is enrolled.
select
    courses.id,
    courses.skill_tree_id,
    courses.title,
    courses.price_cents,
    courses.created_at,
    exists (
        select from enrolments
        where
            enrolments.user_id = %(user_id)s
            and enrolments.course_id = courses.id
    ) as is_enrolled
from courses
inner join visible_trees as skill_trees on skill_trees.id = courses.skill_tree_id
where skill_trees.is_published
order by courses.title, courses.id;
