-- The courses, by title.
select courses.id, courses.tree_id, courses.title, courses.price
from courses
where %(after_title)s::text is null or (courses.title, courses.id) > (%(after_title)s, %(after_id)s)
order by courses.title, courses.id
limit %(limit)s;
