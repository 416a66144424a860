-- Loses all courses.

drop table courses;
