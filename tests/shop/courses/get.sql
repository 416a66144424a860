-- A course.
select courses.id, courses.tree_id, courses.title, courses.price
from courses
where courses.id = %(course_id)s;
