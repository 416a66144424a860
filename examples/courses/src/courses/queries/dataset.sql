-- Rows for `skilltree budgets`, on top of SkillTree's large data set.

insert into courses (skill_tree_id, title, price_cents)
select skill_trees.id, skill_trees.name, 4900
from skill_trees;

insert into payments (id, user_id, course_id, cents, currency)
select gen_random_uuid(), user_skill_tree_progress.user_id, courses.id, courses.price_cents, 'EUR'
from user_skill_tree_progress
inner join courses on courses.skill_tree_id = user_skill_tree_progress.skill_tree_id;

insert into enrolments (user_id, course_id, payment_id)
select payments.user_id, payments.course_id, payments.id
from payments;
