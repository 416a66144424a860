-- Send courses.
--
-- @role app_service
copy courses (id, tree_id, title, price) from stdin;
