-- Add a course.
--
-- @role app_service
insert into courses (id, tree_id, title, price)
values (%(id)s, %(tree_id)s, %(title)s, %(price)s)
returning courses.id, courses.tree_id, courses.title, courses.price;
