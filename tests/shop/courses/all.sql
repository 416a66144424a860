-- All courses, by title.
select courses.id, courses.tree_id, courses.title, courses.price
from courses
order by courses.title, courses.id;
