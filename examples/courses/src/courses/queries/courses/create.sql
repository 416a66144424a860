-- Offer a tree for sale, and return the course.
--
-- @role app_service
-- @sample tree_id: (select id from skill_trees order by id limit 1)
-- @sample title: 'A course'
-- @sample price_cents: 4900
insert into courses (skill_tree_id, title, price_cents)
values (%(tree_id)s, %(title)s, %(price_cents)s)
returning courses.id, courses.skill_tree_id, courses.title, courses.price_cents, courses.created_at;
